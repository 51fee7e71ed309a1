"""How an apply goes about it: waiting on, being told to stop, zones that others hold, and many subjects at once."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from plans.desired import Subject
from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Name, RRset, ZoneRef, name
from providers.contract import Outcome
from provisioner.execute import LONGEST_PAUSE, Pace, apply, approved
from provisioner.exits import Exit
from provisioner.manifest.model import Policy
from provisioner.report.exit_code import of_apply
from provisioner.results import Standing
from provisioner.state import Lease, State
from tests.provisioner.walking import Hurried, hurried, one, walk
from tests.provisioner.worlds import CONTOSO, FABRIKAM, Scripted, World, mx

DAY = timedelta(days=1)
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.served(tmp_path)


def test_a_run_that_waits_walks_the_whole_way_and_says_until_when(world: World, state: State) -> None:
    told: list[str] = []
    stop = hurried(world)
    with world.plan() as plan:
        result = one(walk(world, state, plan, Pace(wait=DAY, stop=stop, tell=told.append)))
    assert (result.standing, result.written) == (Standing.DONE, 5)
    assert stop.waits == [3600, 30, 3630, 30]
    assert told[0] == "1 waits; looking again at 03:24:10Z."
    assert len(world.provider.writes) == 5


def test_what_has_no_known_time_is_looked_at_every_minute_as_long_as_the_run_waits(world: World, state: State) -> None:
    world.capabilities = replace(world.capabilities, writes=False)
    stop = hurried(world)
    with world.plan() as plan:
        result = one(walk(world, state, plan, Pace(wait=timedelta(seconds=0.5), stop=stop)))
    assert (result.standing, world.provider.writes) == (Standing.WAITING, ())
    assert stop.waits
    assert all(0 <= seconds <= LONGEST_PAUSE for seconds in stop.waits)


def test_several_that_wait_are_looked_at_when_the_first_can_go_on(world: World, state: State) -> None:
    world.provider.put(FABRIKAM, mx("fabrikam-example.mail.protection.outlook.com", FABRIKAM, ttl=600))
    told: list[str] = []
    with world.plan() as plan:
        results = walk(world, state, plan, Pace(wait=DAY, stop=hurried(world), tell=told.append))
    assert {result.standing for result in results} == {Standing.DONE}
    assert told[0] == "2 wait; looking again at 02:34:10Z."


def test_a_run_that_is_told_to_stop_while_it_waits_begins_nothing_more(world: World, state: State) -> None:
    with world.plan() as plan:
        results = walk(world, state, plan, Pace(wait=DAY, stop=hurried(world, stops_after=1)))
        assert one(results).standing is Standing.INTERRUPTED
        assert of_apply(results) == Exit.INTERRUPTED
        assert len(world.provider.writes) == 1
        assert walk(world, state, plan)[0].written == 1


def test_what_waits_is_told_of_when_the_state_cannot_be_read_any_more(world: World, state: State) -> None:
    def spoil(_: float) -> None:
        with closing(sqlite3.connect(world.folder / "state.db")) as connection, connection:
            connection.execute("INSERT INTO pin VALUES ('no name', 'no host', '', 1)")

    with world.plan() as plan:
        result = one(walk(world, state, plan, Pace(wait=DAY, stop=Hurried(spoil))))
    assert (result.standing, result.written) == (Standing.FAILED, 1)
    assert result.problem
    assert "no domain name" in result.problem.detail


def test_a_run_that_is_told_to_stop_at_once_does_nothing(world: World, state: State) -> None:
    stop = threading.Event()
    stop.set()
    with world.plan() as plan:
        results = walk(world, state, plan, Pace(stop=stop))
    assert [(result.standing, result.problem) for result in results] == [(Standing.INTERRUPTED, None)]
    assert world.provider.writes == ()


class Stopping(Scripted):
    """Tells its run to stop when it writes."""

    def __init__(self, zones: Mapping[Name, Collection[RRset | Irregular]]) -> None:
        super().__init__(zones)
        self.stop = threading.Event()

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        self.stop.set()
        return super().apply(base, changes)


def test_a_write_in_hand_is_ended_and_journalled_before_a_run_stops(tmp_path: Path) -> None:
    provider = Stopping({CONTOSO: [mx("contoso-example.mail.protection.outlook.com")]})
    world = World(tmp_path, provider, listed=(CONTOSO,))
    with State.open(world.fleet().manifest.state, world.now) as state, world.plan() as plan:
        result = one(walk(world, state, plan, Pace(stop=provider.stop)))
        assert (result.standing, result.written) == (Standing.INTERRUPTED, 1)
        assert result.problem
        assert result.problem.mend == "Go on:  apply the same plan again"
        assert one(walk(world, state, plan)).standing is Standing.DONE


def lease(world: World, state: State) -> tuple[Lease, ...]:
    """Let another run hold the zone."""
    zone = world.provider.zones([CONTOSO])[CONTOSO]
    return state.acquire(state.begin_run("apply", "0"), [zone], "something else", timedelta(days=2))


def test_a_zone_that_another_run_holds_is_left_alone(world: World, state: State) -> None:
    lease(world, state)
    with world.plan() as plan:
        results = walk(world, state, plan)
    assert (one(results).standing, of_apply(results)) == (Standing.LOCKED, Exit.LOCKED)
    assert world.provider.writes == ()


def test_another_runs_lease_is_waited_for(world: World, state: State) -> None:
    held = lease(world, state)
    stop = Hurried(lambda _: state.release(held))
    with world.plan() as plan:
        result = one(walk(world, state, plan, Pace(lock_timeout=DAY, stop=stop)))
    assert (result.standing, result.written) == (Standing.WAITING, 1)
    assert stop.waits == [1.0]


def test_another_runs_lease_is_not_waited_for_for_ever(world: World, state: State) -> None:
    lease(world, state)
    with world.plan() as plan:
        assert one(walk(world, state, plan, Pace(lock_timeout=MOMENT))).standing is Standing.LOCKED


def test_a_run_that_is_told_to_stop_waits_for_no_lease(world: World, state: State) -> None:
    lease(world, state)
    with world.plan() as plan:
        stop = Hurried(lambda _: None, stops_after=1)
        assert one(walk(world, state, plan, Pace(lock_timeout=DAY, stop=stop))).standing is Standing.INTERRUPTED


class Watched(Scripted):
    """Keeps how many calls of `apply` were under way at once, in each zone and altogether."""

    def __init__(self, zones: Mapping[Name, Collection[RRset | Irregular]]) -> None:
        super().__init__(zones)
        self.most: Counter[Name] = Counter()
        self._now: Counter[Name] = Counter()
        self._guard = threading.Lock()

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        self._count(base.zone, 1)
        try:
            return super().apply(base, changes)
        finally:
            self._count(base.zone, -1)

    def _count(self, zone: ZoneRef, by: int) -> None:
        with self._guard:
            self._now[zone.name] += by
            self.most[zone.name] = max(self.most[zone.name], self._now[zone.name])


def test_many_subjects_keep_the_plans_order_and_no_zone_is_written_by_two_at_a_time(tmp_path: Path) -> None:
    zones = [name(f"z{number}.example") for number in range(5)]
    domains = [Name(f"d{number:03d}.{zones[number % 5]}") for number in range(64)]
    held: dict[Name, list[RRset | Irregular]] = {zone: [] for zone in zones}
    for domain in domains:
        held[zones[int(domain[1:4]) % 5]].append(mx("old.mail.protection.outlook.com", domain))
    provider = Watched(held)
    wanted = {domain: f"{domain.rstrip('.').replace('.', '-')}.o-v1.mx.microsoft" for domain in domains}
    world = World(tmp_path, provider, listed=tuple(domains), hosts=wanted, policy=Policy(waves=0))
    with State.open(world.fleet().manifest.state, world.now) as state, world.plan() as plan:
        results = list(apply(world.fleet(), state, state.begin_run("apply", "0"), lambda: approved(plan)))
    assert [result.subject for result in results] == [Subject(domain) for domain in sorted(domains)]
    assert {(result.standing, result.written) for result in results} == {(Standing.DONE, 1)}
    assert provider.most == Counter(dict.fromkeys(zones, 1))
