"""What only a provider inside the process can do: not be able to list its zones, and fail while it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plans.values import ZoneRef
from providers.contract import ProviderError, Unavailable, Unsupported
from provisioner.discovery import Remark, discover
from tests.provisioner.worlds import CONTOSO, FABRIKAM, Scripted, World, mx


class Listing(Scripted):
    """A provider whose listing breaks off."""

    def __init__(self, problem: ProviderError) -> None:
        super().__init__({CONTOSO: [mx("a.example")], FABRIKAM: []})
        self._problem = problem

    def catalogue(self) -> Iterator[ZoneRef]:
        yield from list(super().catalogue())[:1]
        raise self._problem


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, listed=(FABRIKAM,))


def test_a_provider_that_can_never_list_its_zones_is_remarked_on_and_no_failure(world: World) -> None:
    world.provider = Listing(Unsupported("the protocol has no listing", "", ""))
    found = discover(world.fleet(), (), ())
    assert [domain.name for domain in found.domains] == [CONTOSO]
    assert found.domains[0].provider == "mem"
    assert found.remarks == (Remark("provider mem", "its zones cannot be listed: the protocol has no listing"),)
    assert found.problems == ()


def test_a_listing_that_breaks_off_is_a_failure_and_tells_no_zone(world: World) -> None:
    problem = Unavailable("it went away", "in the middle", "wait")
    world.provider = Listing(problem)
    found = discover(world.fleet(), (), ())
    assert (found.problems, found.remarks) == ((problem,), ())
