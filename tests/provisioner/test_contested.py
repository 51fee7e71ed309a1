"""A key that somebody changes back each time is told of, from what the journal says of our writes."""

from __future__ import annotations

from datetime import timedelta

from plans.policy import CONTESTED
from provisioner.results import Standing
from provisioner.state import State
from tests.provisioner.walking import codes, entry, one, planned, walk
from tests.provisioner.worlds import CONTOSO, OLD, World

DAY = timedelta(days=1)


def write_and_be_overruled(world: World, state: State) -> list[str]:
    """Bring the domain to what is wanted, let somebody change it back, and give what the plan told."""
    with planned(world, state) as plan:
        told = codes(entry(plan))
        assert one(walk(world, state, plan)).standing is Standing.DONE
    world.provider.put(CONTOSO, OLD)
    world.clock += DAY
    return told


def test_what_is_changed_back_again_within_a_week_is_contested_and_a_person_may_still_write_it(
    world: World, state: State
) -> None:
    assert write_and_be_overruled(world, state) == []
    assert write_and_be_overruled(world, state) == []
    assert write_and_be_overruled(world, state) == [CONTESTED]
    with planned(world, state) as plan:
        (finding,) = entry(plan).findings
        assert entry(plan).rollout
    assert finding.what.count("2026-11-2") == 3
    world.clock += 7 * DAY
    with planned(world, state) as plan:
        assert codes(entry(plan)) == []
