"""The pytest suite that every adapter passes; third parties import it too. It needs pytest, which nothing else here does.

A test module names the adapter and gives a bench, and gets every case as a test of its own:

    class TestMine(Suite):
        adapter = ADAPTER

        @pytest.fixture
        def bench(self, tmp_path: Path) -> Bench:
            return MyBench(tmp_path)

`pytest -v` then prints one line for each adapter and case.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import ClassVar

import pytest

from plans.values import Name, name
from providers import conformance_cases as cases
from providers import conformance_checks as checks
from providers import conformance_ttls as ttls
from providers.conformance_bench import Bench, Facts
from providers.conformance_cases import Record
from providers.contract import Adapter

__all__ = ["Bench", "Record", "Suite"]

_Case = Callable[[Facts, Bench], None]


class Suite:
    """The base of an adapter's test class; its attributes tell what is true of the provider.

    A fixture `bench` gives a new `Bench`, an account without zones, for each test.
    """

    adapter: ClassVar[Adapter]
    apex: ClassVar[Name] = name("example.com")
    """The zone that the cases happen in; one below and one beside it are made where zones are looked up."""
    irregular: ClassVar[Collection[str]] = ()
    """The kinds of irregular sets that the provider can hold, as `Bench.make_irregular` knows them."""
    cannot_hold: ClassVar[Collection[str]] = ()
    """The writing cases (`MX create at a wildcard`) whose sets the provider can never hold: `canonical` must refuse them."""
    atomic: ClassVar[bool] = False
    """Whether all changes of one call are made or none."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test of each case."""
        if "keeps" in metafunc.fixturenames:
            metafunc.parametrize("keeps", [pytest.param(case, id=label) for label, case in _cases(self)])

    def test_adapter(self, keeps: _Case, bench: Bench) -> None:
        """Show that the adapter keeps the contract in one case."""
        keeps(_facts(self), bench)


def _facts(suite: Suite) -> Facts:
    return Facts(suite.adapter.capabilities.types, suite.apex, suite.atomic, frozenset(suite.cannot_hold))


def _cases(suite: Suite) -> Iterator[tuple[str, _Case]]:
    """Give the cases of an adapter with their names.

    Raises:
        ValueError: `cannot_hold` names a case that there is not.

    """
    types = suite.adapter.capabilities.types
    if strangers := set(suite.cannot_hold) - {case.name for case in cases.writes(types)}:
        msg = f"cannot_hold names no writing case of this adapter: {', '.join(sorted(strangers))}"
        raise ValueError(msg)
    yield from ((f"read: {case.name}", partial(checks.read, case)) for case in cases.reads(types))
    yield from ((f"irregular: {kind}", partial(checks.irregular, kind)) for kind in suite.irregular)
    yield from ((f"node: {case.name}", partial(checks.node, case)) for case in cases.NODES)
    yield from ((f"write: {case.name}", partial(checks.write, case)) for case in cases.writes(types))
    yield from ((f"conflict: {case.name}", partial(checks.race, case)) for case in cases.races(types))
    yield from ((f"refuse: {case.name}", partial(checks.refusal, case)) for case in cases.refusals(types))
    yield from checks.CHECKS.items()
    if suite.adapter.capabilities.lists:
        yield from ttls.CHECKS.items()
        yield from ((f"highest TTLs beside irregular: {kind}", partial(ttls.beside, kind)) for kind in suite.irregular)
