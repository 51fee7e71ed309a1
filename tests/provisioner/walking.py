"""Plans made and walked, and what results and the journal say, in a few words each."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from plans.desired import Subject
from plans.plan import Entry
from plans.position import EventKind
from plans.values import RRset
from providers.memory import Memory
from provisioner.execute import Pace, apply, approved
from provisioner.kept import Kept
from provisioner.planfile import PlanFile
from provisioner.results import Result, Standing
from provisioner.state import State
from tests.provisioner.worlds import CONTOSO, World

if TYPE_CHECKING:
    from collections.abc import Callable

CONTOSO_SUBJECT = Subject(CONTOSO)


def walk(world: World, state: State, plan: PlanFile, pace: Pace | None = None) -> list[Result]:
    """Apply a plan in a run of its own, and see that the journal is whole."""
    run = state.begin_run("apply", "0")
    results = list(apply(world.fleet(), state, run, lambda: approved(plan), pace))
    assert state.verify() == ()
    return results


def one(results: list[Result]) -> Result:
    """Give the one result."""
    (result,) = results
    return result


def reasons(result: Result) -> list[str]:
    """Give why a result waits: each condition's reason, or until when."""
    assert result.standing is Standing.WAITING, result
    assert result.waits
    return [f"until {unmet.until:%d %H:%M:%S}" if unmet.until else unmet.why for unmet in result.waits.unmet]


def planned(world: World, state: State, *, supersede: bool = False) -> PlanFile:
    """Make a plan in the light of what the state keeps."""
    return world.plan(kept=Kept.of(state, supersede=supersede))


def entry(plan: PlanFile, subject: Subject = CONTOSO_SUBJECT) -> Entry:
    """Give a plan's entry of a subject."""
    return next(entry for entry in plan.entries() if entry.subject == subject)


def codes(of: Entry) -> list[str]:
    """Give the codes of an entry's findings."""
    return [finding.code for finding in of.findings]


def written(provider: Memory) -> list[RRset | None]:
    """Give what each write left, in their order."""
    return [change.after for write in provider.writes for change in write.changes]


def events(state: State, plan: PlanFile, subject: Subject = CONTOSO_SUBJECT) -> list[str]:
    """Give a rollout's journal: each kind with its step, and the outcome of a write; `lost` only of what was met before."""
    stored = state.find(subject, plan.id)
    found, met = [], set()
    for told in state.events(stored.id) if stored else ():
        if told.kind is EventKind.MET:
            met.add(told.condition)
        if told.kind is not EventKind.LOST or told.condition in met:
            found.append(f"{told.kind} {told.step}{f' {told.outcome}' if told.kind is EventKind.SETTLED else ''}")
    return found


class Hurried(threading.Event):
    """Whoever waits for it finds that the time has passed: `passes` is told how much. `stops_after` so many waits it is set."""

    def __init__(self, passes: Callable[[float], object], stops_after: int = 10**6) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._passes = passes
        self._stops_after = stops_after

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        self._passes(timeout or 0)
        if len(self.waits) >= self._stops_after:
            self.set()
        return self.is_set()


def hurried(world: World, **how: int) -> Hurried:
    """Make one that moves the world's clock."""

    def passes(seconds: float) -> None:
        world.clock += timedelta(seconds=seconds)

    return Hurried(passes, **how)
