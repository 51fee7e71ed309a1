"""The use case `providers`: which provider types this installation knows, and what is true of each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from plans.problem import Problem
from providers import registry
from providers.contract import Capabilities


@dataclass(frozen=True, slots=True)
class Package:
    """An installed distribution."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class ProviderType:
    """One type: the packages that claim it, and what its adapter can do, or why it cannot be used."""

    name: str
    packages: tuple[Package, ...]
    found: Capabilities | Problem


def installed() -> tuple[ProviderType, ...]:
    """Give every type that is installed, ascending; each is loaded."""
    return tuple(ProviderType(name, _packages(name), _capabilities(name)) for name in registry.available())


def _packages(name: str) -> tuple[Package, ...]:
    found = {_package(entry_point) for entry_point in entry_points(group=registry.GROUP, name=name)}
    return tuple(sorted(found, key=lambda package: (package.name, package.version)))


def _package(entry_point: EntryPoint) -> Package:
    dist = entry_point.dist
    return Package(dist.name, dist.version) if dist else Package(entry_point.value, "")


def _capabilities(name: str) -> Capabilities | Problem:
    try:
        return registry.load(name).capabilities
    except Problem as problem:
        return problem
