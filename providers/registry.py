"""Finding adapters: what is installed under the entry-point group `provisioner.providers`, imported only when it is used."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points

from plans.problem import Problem
from providers.contract import CONTRACT_VERSION, Adapter

GROUP = "provisioner.providers"


def available() -> tuple[str, ...]:
    """Give the provider types that are installed, ascending; nothing is imported."""
    return tuple(sorted(entry_points(group=GROUP).names))


def load(type_name: str) -> Adapter:
    """Import one provider type's adapter.

    Raises:
        Problem: no such type is installed, two packages claim it, or its package is broken or made for another contract.

    """
    found = tuple(entry_points(group=GROUP, name=type_name))
    if not found:
        raise _unknown(type_name)
    if len(found) > 1:
        claims = ", ".join(sorted(_distribution(entry_point) for entry_point in found))
        raise Problem(
            f"provider type {type_name!r} is ambiguous",
            f"more than one package provides it: {claims}",
            "uninstall all of them but one",
        )
    (entry_point,) = found
    try:
        adapter = entry_point.load()
    except Exception as error:
        raise _broken(entry_point, f"importing {entry_point.value} raised {type(error).__name__}: {error}") from error
    if not isinstance(adapter, Adapter):
        raise _broken(entry_point, f"{entry_point.value} is a {type(adapter).__name__}, not an Adapter")
    if adapter.contract != CONTRACT_VERSION:
        older = adapter.contract < CONTRACT_VERSION
        name = entry_point.dist.name if entry_point.dist else entry_point.value
        raise Problem(
            f"provider type {type_name!r} does not fit this version",
            f"{_distribution(entry_point)} is made for contract {adapter.contract}, this is contract {CONTRACT_VERSION}",
            f"install a newer version of {name if older else 'provisioner'}",
        )
    return adapter


def _unknown(type_name: str) -> Problem:
    types = available()
    close = difflib.get_close_matches(type_name, types, n=1)
    return Problem(
        f"unknown provider type {type_name!r}" + (f", did you mean {close[0]!r}?" if close else ""),
        f"installed are: {', '.join(types) or 'none'}",
        "name one of them, or install the package that provides the type",
    )


def _broken(entry_point: EntryPoint, reason: str) -> Problem:
    package = _distribution(entry_point)
    return Problem(
        f"provider type {entry_point.name!r} cannot be loaded", f"{package}: {reason}", f"reinstall or uninstall {package}"
    )


def _distribution(entry_point: EntryPoint) -> str:
    return f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else entry_point.value
