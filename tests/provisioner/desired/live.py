"""What the tests of a live source ask, and what they make of the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from plans.desired import GraphAnswer
from plans.problem import Problem
from plans.values import Name, name
from provisioner.desired.graph import GraphSource
from provisioner.manifest.model import Location

Opener = Callable[..., GraphSource]
TENANT = "11111111-2222-3333-4444-555555555555"
APP = "99999999-8888-7777-6666-555555555555"
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
WHERE = Location(Path("provisioner.yaml"), 7)
CONTOSO = name("contoso.com")
FABRIKAM = name("fabrikam.com")


def path(domain: str) -> str:
    return f"/domains/{domain}/serviceConfigurationRecords"


def results(source: GraphSource, *domains: str) -> dict[Name, GraphAnswer | Problem]:
    return dict(source.answers([name(domain) for domain in domains]))


def problem(source: GraphSource, domain: str = "contoso.com") -> Problem:
    result = results(source, domain)[name(domain)]
    assert isinstance(result, Problem)
    assert result.headline
    assert result.detail
    assert result.mend
    return result


def answered(found: Iterable[GraphAnswer | Problem]) -> int:
    return sum(isinstance(result, GraphAnswer) for result in found)
