"""The cases of the suite that are about a holder of DS alone; what a registrar does otherwise has tests of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from plans.values import name
from providers import conformance_checks as checks
from providers.conformance_bench import Facts
from providers.conformance_cases import reads, refusals
from providers.route53_domains import ADAPTER
from tests.providers.route53_domains_bench import DomainsBench, account

FACTS = Facts(ADAPTER.capabilities.types, name("example.com"), atomic=True, cannot_hold=frozenset())
Case = Callable[[Facts, DomainsBench], None]
APPLICABLE = (
    "zones, longest match", "catalogue by name", "catalogue of an empty account", "access", "reference to another zone",
    "no change",
)  # fmt: skip


def cases() -> Iterator[tuple[str, Case]]:
    yield from ((f"read: {case.name}", partial(checks.read, case)) for case in reads(FACTS.types) if case.held is None)
    at_the_apex = "DS at the apex, which belongs into the parent zone"
    yield from (
        (f"refuse: {case.name}", partial(checks.refusal, case)) for case in refusals(FACTS.types) if case.name != at_the_apex
    )
    yield from ((label, checks.CHECKS[label]) for label in APPLICABLE)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DomainsBench]:
    with account(monkeypatch, tmp_path) as held:
        yield DomainsBench(held)


@pytest.mark.parametrize("keeps", [pytest.param(case, id=label) for label, case in cases()])
def test_route53_domains(keeps: Case, bench: DomainsBench) -> None:
    keeps(FACTS, bench)
