"""The provider types of an installation, for a person, for a program, and for the README."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from plans.problem import Problem
from providers.contract import Capabilities
from provisioner.provider_types import ProviderType
from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.problem_text import problem_lines

OWN_PACKAGE = "provisioner"

_PUBLISHES = {"dns": "DNS", "none": "nothing by itself"}


def provider_type_lines(types: Iterable[ProviderType]) -> Iterator[Line]:
    """Render each type with its package and what it can do, or why it cannot be used."""
    for one in types:
        packages = ", ".join(f"{package.name} {package.version}".rstrip() for package in one.packages)
        yield line(Part(one.name, Tone.STRONG), Part(f"  ({packages})", Tone.FAINT))
        if isinstance(one.found, Problem):
            yield from problem_lines(one.found)
        else:
            yield line(f"  publishes to    {_PUBLISHES[one.found.publishes]}")
            yield line(f"  record types    {_types(one.found)}")
            yield line(f"  DNSSEC          {_signs(one.found)}")
            yield line(f"  guard           {one.found.guard}")


def provider_types_document(types: Iterable[ProviderType]) -> str:
    """Give all types as one JSON document."""
    return json.dumps({"providers": [_object(one) for one in types]}, indent=1) + "\n"


def provider_types_table(types: Iterable[ProviderType]) -> str:
    """Give the types of this package itself as the README's Markdown table."""
    rows = [
        "| type | publishes to | record types | DNSSEC | how a write is kept off a zone that changed |",
        "|---|---|---|---|---|",
    ]
    for one in types:
        if isinstance(one.found, Capabilities) and any(package.name == OWN_PACKAGE for package in one.packages):
            cells = (f"`{one.name}`", _PUBLISHES[one.found.publishes], _types(one.found), _signs(one.found), one.found.guard)
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n"


def _types(can: Capabilities) -> str:
    return ", ".join(sorted(can.types)) or "none"


def _signs(can: Capabilities) -> str:
    return "zones can be signed through it" if can.signs else "not through it"


def _object(one: ProviderType) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": one.name,
        "packages": [{"name": package.name, "version": package.version} for package in one.packages],
    }
    if isinstance(one.found, Problem):
        problem = one.found
        told["problem"] = {"headline": problem.headline, "detail": problem.detail, "mend": problem.mend}
    else:
        can = one.found
        told |= {"guard": can.guard, "publishes": can.publishes, "record_types": sorted(can.types), "signs": can.signs}
    return told
