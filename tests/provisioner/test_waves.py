"""How much a run touches before it is known to go well: first waves, the failures at which it stops, and freezes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.conditions import ProviderHolds
from plans.desired import Subject
from plans.freeze import Once
from plans.plan import Change, Entry, Filters, Header, Rollout, Step
from plans.policy import Risk
from plans.snapshot import Snapshot
from plans.values import Key, Mx, Name, RRset, ZoneRef, name, rrset
from providers.contract import Outcome, ProviderError, Status
from providers.memory import Memory
from provisioner.engine import Planning
from provisioner.execute import AT_ONCE, Pace
from provisioner.exits import Exit
from provisioner.manifest.model import Location, Policy
from provisioner.planfile import PlanFile
from provisioner.report.exit_code import of_apply
from provisioner.results import Result, Standing
from provisioner.state import State
from tests.provisioner.walking import Hurried, walk
from tests.provisioner.worlds import NOW, Scripted, World

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)
WHERE = {key: Location(Path("provisioner.yaml"), line) for line, key in enumerate(("waves", "max_failures"), 7)}
CLASSES = (Risk.LOWER_TTL, Risk.SWAP_MX, Risk.RAISE_TTL)


def held(domain: Name, after: int) -> RRset:
    """Give the set of a domain after so many steps."""
    return rrset(domain, "MX", 60 * (1 + after), [Mx(0, name("mx.example"))])


class Estate(Scripted):
    """Zones of one set each, whose writes go as told for each domain; it keeps in which order they were tried.

    `fails`: an outcome or an error instead of the write. `lies`: the write is taken, and never done. `late`: what is read back.
    `taken`: somebody else writes just before.
    """

    def __init__(self, domains: Collection[Name]) -> None:
        super().__init__({domain: [held(domain, 0)] for domain in domains})
        self.fails: dict[Name, Outcome | ProviderError] = {}
        self.lies: set[Name] = set()
        self.late: dict[Name, RRset] = {}
        self.taken: set[Name] = set()
        self.tried: list[tuple[Name, int]] = []
        """Each domain with the number of its step."""
        self.told: list[tuple[str, Name, int]] = []
        """The same, and among it what was read back of what was tried, in the order in which it happened."""
        self._guard = threading.Lock()

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        snapshot = super().read(zone, keys)
        with self._guard:
            tried = [number for domain, number in self.tried if domain == zone.name]
            self.told += [("seen", zone.name, one) for one in tried if held(zone.name, one + 1) in snapshot.sets.values()]
        late = self.late.get(zone.name)
        return replace(snapshot, sets=dict.fromkeys(snapshot.sets, late)) if late else snapshot

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        (change,) = changes
        domain = change.key.owner
        with self._guard:
            self.tried.append((domain, _step(change)))
            self.told.append(("tried", domain, _step(change)))
        told = self.fails.get(domain)
        if isinstance(told, ProviderError):
            raise told
        if told:
            return {change.key: told}
        if domain in self.taken:
            self.put(domain, held(domain, 7))
            return {change.key: Outcome(Status.CONFLICT, "the zone changed")}
        if domain in self.lies:
            return {change.key: Outcome(Status.WRITTEN)}
        return Memory.apply(self, base, changes)

    def touched(self, step: int = 0) -> set[Name]:
        return {domain for domain, number in self.tried if number == step}


def _step(change: Change) -> int:
    assert change.before
    return change.before.ttl // 60 - 1


@dataclass
class Fleet:
    """So many domains that all take the same steps, of one class each."""

    folder: Path
    count: int
    policy: Policy
    steps: int = 1
    clock: datetime = NOW
    domains: tuple[Name, ...] = ()
    provider: Estate = field(init=False)
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.domains = tuple(name(f"d{number:03}.example") for number in range(self.count))
        self.provider = Estate(self.domains)
        self.world = World(self.folder, self.provider, listed=self.domains, policy=self.policy)

    def plan(self, domains: Iterable[Name] = ()) -> PlanFile:
        header = Header(self.world.clock, self.world.clock + DAY, Filters(), ())
        entries = [Entry(Subject(one), "contoso", rollout=self._rollout(one)) for one in domains or self.domains]
        return PlanFile.record(Planning(header, iter(entries)))

    def _rollout(self, domain: Name) -> Rollout:
        zone = self.provider.zones([domain])[domain]
        steps = []
        for number, risk in enumerate(CLASSES[: self.steps]):
            change = Change(held(domain, number), held(domain, number + 1))
            steps.append(Step(risk, change, zone, (), (ProviderHolds(zone, change.key, change.after),)))
        return Rollout(Subject(domain), tuple(steps))

    @contextmanager
    def state(self) -> Iterator[State]:
        with State.open(self.world.fleet().manifest.state, self.world.now) as state:
            yield state


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, 40, Policy(where=WHERE))


def standings(results: Iterable[Result]) -> dict[Standing, int]:
    found: dict[Standing, int] = {}
    for result in results:
        found[result.standing] = found.get(result.standing, 0) + 1
    return found


def test_after_a_wave_that_goes_well_all_others_follow_in_the_same_run(fleet: Fleet) -> None:
    fleet = Fleet(fleet.folder, 40, fleet.policy, steps=3)
    with fleet.state() as state, fleet.plan() as plan:
        results = walk(fleet.world, state, plan)
    assert standings(results) == {Standing.DONE: 40}
    assert sorted(str(result.subject) for result in results) == [one.rstrip(".") for one in fleet.domains]


def test_a_provider_that_takes_writes_and_does_not_do_them_is_asked_three_times(fleet: Fleet) -> None:
    fleet.provider.lies = set(fleet.domains)
    with fleet.state() as state, fleet.plan() as plan:
        results = walk(fleet.world, state, plan)
        assert standings(results) == {Standing.WAITING: 3, Standing.REFUSED: 37}
        assert (len(fleet.provider.touched()), of_apply(results)) == (3, Exit.PARTIAL)
        refused = next(result.problem for result in results if result.problem)
        touched = sorted(str(Subject(domain)) for domain in fleet.provider.touched())
        assert refused.detail == (
            "policy.waves in provisioner.yaml:7: 3 subjects do a step lower-ttl first. "
            f"Providers took it and do not hold it, for {', '.join(touched)}.\nNo other subject takes such a step."
        )
        again = walk(fleet.world, state, plan)
        assert (standings(again), of_apply(again)) == ({Standing.WAITING: 3, Standing.REFUSED: 37}, Exit.REFUSED)
        assert len(fleet.provider.tried) == 3


def test_a_wave_that_fails_is_the_last(fleet: Fleet) -> None:
    fleet.provider.fails = dict.fromkeys(fleet.domains, Outcome(Status.REJECTED, "The zone is frozen."))
    with fleet.state() as state, fleet.plan() as plan:
        results = walk(fleet.world, state, plan)
        counts = standings(results)
        assert counts.keys() == {Standing.FAILED, Standing.REFUSED}
        assert (1 <= counts[Standing.FAILED] <= 3, of_apply(results)) == (True, Exit.ERROR)
        fleet.provider.fails.clear()
        assert standings(walk(fleet.world, state, plan)) == {Standing.DONE: 40}


def test_without_waves_all_go_at_once_until_too_many_failed(fleet: Fleet) -> None:
    fleet.world.policy = replace(fleet.policy, waves=0, max_failures=5)
    fleet.provider.fails = dict.fromkeys(fleet.domains, Outcome(Status.REJECTED, "The zone is frozen."))
    with fleet.state() as state, fleet.plan() as plan:
        results = walk(fleet.world, state, plan)
    counts = standings(results)
    assert 5 <= counts[Standing.FAILED] < 5 + AT_ONCE
    assert counts[Standing.FAILED] + counts[Standing.REFUSED] == 40
    told = [result.problem.detail for result in results if result.standing is Standing.REFUSED and result.problem]
    assert told[-1].startswith("policy.max_failures in provisioner.yaml:8: it stops at 5, and ")


def test_as_long_as_a_wave_only_waits_the_others_do_too(fleet: Fleet) -> None:
    fleet.provider.late = {domain: held(domain, 0) for domain in fleet.domains}
    told: list[str] = []

    def catch_up(_: float) -> None:
        fleet.provider.late.clear()

    with fleet.state() as state, fleet.plan() as plan:
        results = walk(fleet.world, state, plan, Pace(wait=DAY, stop=Hurried(catch_up), tell=told.append))
    assert (standings(results), len(told)) == ({Standing.DONE: 40}, 1)
    assert told[0].startswith("3 wait; ")
    assert len(fleet.provider.tried) == 40


def test_what_was_seen_in_an_earlier_run_proves_a_class(fleet: Fleet) -> None:
    with fleet.state() as state, fleet.plan() as plan:
        fleet.provider.late = {domain: held(domain, 0) for domain in fleet.domains}
        assert standings(walk(fleet.world, state, plan)) == {Standing.WAITING: 3, Standing.REFUSED: 37}
        fleet.provider.late.clear()
        fleet.provider.lies = set(fleet.domains)
        assert standings(walk(fleet.world, state, plan)) == {Standing.DONE: 3, Standing.WAITING: 37}
        assert standings(walk(fleet.world, state, plan)) == {Standing.DONE: 3, Standing.WAITING: 37}


def test_a_half_done_wave_of_an_earlier_run_is_not_added_to(fleet: Fleet) -> None:
    fleet.provider.lies = set(fleet.domains)
    with fleet.state() as state, fleet.plan() as plan:
        walk(fleet.world, state, plan)
        first = fleet.provider.touched()
        walk(fleet.world, state, plan, Pace(wait=timedelta(seconds=0.2), stop=Hurried(lambda _: None)))
    assert fleet.provider.touched() == first


def test_one_that_did_not_come_to_write_leaves_its_place_to_another(fleet: Fleet) -> None:
    fleet.provider.taken = set(fleet.domains[::2])
    with fleet.state() as state, fleet.plan() as plan:
        results = walk(fleet.world, state, plan)
    assert standings(results) == {Standing.STALE: 20, Standing.DONE: 20}


def test_a_run_that_is_told_to_stop_says_so_of_those_that_are_held(fleet: Fleet) -> None:
    fleet.provider.late = {domain: held(domain, 0) for domain in fleet.domains}
    with fleet.state() as state, fleet.plan() as plan:
        results = walk(fleet.world, state, plan, Pace(wait=DAY, stop=Hurried(lambda _: None, stops_after=1)))
    assert standings(results) == {Standing.INTERRUPTED: 40}
    assert of_apply(results) == Exit.INTERRUPTED


def test_a_freeze_that_begins_meanwhile_holds_what_could_be_done_until_it_ends(fleet: Fleet) -> None:
    freeze = Once(NOW - DAY, NOW + timedelta(hours=3), "holidays", "provisioner.yaml:9")
    fleet.world.policy = replace(fleet.policy, freezes=(freeze,))
    with fleet.state() as state, fleet.plan() as plan:
        results = walk(fleet.world, state, plan)
        assert (standings(results), of_apply(results)) == ({Standing.WAITING: 40}, Exit.WAITING)
        assert results[0].held
        assert results[0].held.why == (
            "policy.freeze in provisioner.yaml:9 lets nothing be written before 2026-11-24 05:24:10Z (holidays)"
        )
        assert fleet.provider.tried == []

        def passes(seconds: float) -> None:
            fleet.world.clock += timedelta(seconds=seconds)

        stop = Hurried(passes)
        assert standings(walk(fleet.world, state, plan, Pace(wait=DAY, stop=stop))) == {Standing.DONE: 40}
        assert stop.waits == [3 * 3600]


BAD: dict[str, Outcome | ProviderError] = {
    "rejected": Outcome(Status.REJECTED, "no"),
    "unknown": Outcome(Status.UNKNOWN),
    "error": ProviderError("No", "It was not done.", "Try again."),
}


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 14),
    st.integers(0, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.lists(st.sampled_from(("well", "well", "rejected", "unknown", "error", "lies")), min_size=14, max_size=14),
)
def test_whatever_fails_no_more_is_touched_than_policy_lets(
    count: int, waves: int, most: int, steps: int, goes: list[str]
) -> None:
    with TemporaryDirectory() as folder:
        fleet = Fleet(Path(folder), count, Policy(waves=waves, max_failures=most), steps=steps)
        going = dict(zip(fleet.domains, goes, strict=False))
        fleet.provider.fails = {domain: BAD[how] for domain, how in going.items() if how in BAD}
        fleet.provider.lies = {domain for domain, how in going.items() if how == "lies"}
        with fleet.state() as state, fleet.plan() as plan:
            results = walk(fleet.world, state, plan)
    assert {result.subject for result in results} == {Subject(domain) for domain in fleet.domains}
    assert len(results) == count
    assert sum(result.standing is Standing.FAILED for result in results) < most + AT_ONCE
    for step in range(steps if waves else 0):
        tried, seen = set[Name](), set[Name]()
        for what, domain, number in fleet.provider.told:
            if number == step and what == "seen":
                seen.add(domain)
            elif number == step:
                assert domain in tried or len(tried) < waves or len(seen) >= waves
                tried.add(domain)
