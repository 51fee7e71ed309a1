"""The use case `reconcile`: look at everything, do what may be done without a person, walk on what is open, leave the rest.

What is left is a plan that waits for somebody's approval. Once it has that, the next reconcile begins it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from plans.codec import decode_entry
from plans.desired import Subject
from plans.freeze import frozen
from plans.plan import Entry, Filters, Manual
from plans.policy import CONTESTED, Risk, unattended
from plans.problem import Problem
from plans.progress import progress
from plans.values import Name, ZoneRef
from provisioner.bounds import forbids
from provisioner.claims import Claims
from provisioner.engine import Planning
from provisioner.execute import Pace, apply, approved
from provisioner.fleet import Fleet
from provisioner.manifest.model import Policy
from provisioner.planfile import PlanFile, Spool
from provisioner.reconciled import Place, Reconciled, providers_of
from provisioner.state import Heartbeat, Run, State, StoredRollout
from provisioner.walk import Approved


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why a subject's steps are not taken without a person: where it stands then, what is told, and the finding's code."""

    place: Place
    problem: Problem
    code: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """What a reconcile may do without asking anybody.

    `withheld` says why policy alone does not let an entry's steps be taken; None: it does. `lapsed` says what an open rollout
    lacks to be walked on; None: nothing. `chosen` says which open rollouts the run is about. `approved` is what an earlier
    reconcile left and somebody approved since.
    """

    withheld: Callable[[Entry], Withheld | None]
    lapsed: Callable[[StoredRollout, Entry], Problem | None]
    chosen: Callable[[Entry], bool]
    approved: PlanFile | None = None


def withheld(policy: Policy, mend: str) -> Callable[[Entry], Withheld | None]:
    """Make the judgement whether policy lets an entry's steps go alone; `mend` is how somebody approves what may not."""

    def judged(entry: Entry) -> Withheld | None:
        if unattended(entry, policy.unattended):
            return None
        contested = next((one for one in entry.findings if one.code == CONTESTED), None)
        if contested:
            problem = Problem(f"{entry.subject}: {contested.code}", contested.what, contested.mend)
            return Withheld(Place.CONTESTED, problem, contested.code)
        classes = sorted({step.risk for step in entry.rollout.steps}) if entry.rollout else ()
        what = f"Its steps are of these classes: {', '.join(classes)}."
        return Withheld(Place.APPROVAL, Problem("Steps wait for approval", what, mend))

    return judged


@contextmanager
def schedule(state: State, run: Run, filters: Filters, pace: Pace) -> Iterator[None]:
    """Hold what every reconcile holds that may look at the same subjects: two never overlap.

    Raises:
        LeaseHeld: another one is at work.
        Interrupted: it was waited for, and the run is to stop.

    """
    about = ZoneRef("", "schedule", "", json.dumps(filters.options), Name("reconcile."))
    with Heartbeat(state) as beat, Claims(state, run, beat, pace.lock_timeout, pace.stop).of([about], "reconcile"):
        yield


@dataclass(slots=True)
class Reconciliation:
    """One reconcile of a fleet. `pending`, once all subjects were given, is the plan of the steps that wait for approval."""

    fleet: Fleet
    state: State
    run: Run
    leave: Leave
    pace: Pace
    pending: PlanFile | None = None
    _open: dict[Subject, Approved] = field(default_factory=dict)
    _stops: dict[Subject, Entry] = field(default_factory=dict)
    """What planning found that stops subjects with rollouts that have begun, or may begin."""
    _lapsed: dict[Subject, tuple[Entry, Problem]] = field(default_factory=dict)
    """Open rollouts whose approval carries them no further."""

    def subjects(self, planning: Planning) -> Iterator[Reconciled]:
        """Go through a plan in the making, act, and give what was left of each subject. Raises `Problem` as the state does."""
        self._find_open()
        may_begin = {one.subject for one in approved(self.leave.approved)} if self.leave.approved else set()
        with Spool(planning.header) as alone, Spool(planning.header) as pending:
            for entry in planning.entries:
                _, lapsed = self._lapsed.pop(entry.subject, (entry, None))
                if entry.subject in self._open or entry.subject in may_begin:
                    if entry.stopped:
                        self._stops[entry.subject] = entry
                elif entry.rollout is None:
                    yield Reconciled.unwalked(entry)
                elif why := Withheld(Place.APPROVAL, lapsed) if lapsed else self.leave.withheld(entry):
                    pending.add(entry)
                    yield Reconciled.unapproved(entry, why.place, why.problem, why.code)
                else:
                    alone.add(entry)
            yield from (Reconciled.unapproved(entry, Place.APPROVAL, lacks) for entry, lacks in self._lapsed.values())
            with alone.plan() as plan:
                forbidden = self._forbids(plan)
                if forbidden:
                    yield from (Reconciled.unapproved(one, Place.REFUSED, forbidden) for one in plan.entries())
                yield from self._walk(plan if not forbidden else None)
            self.pending = pending.plan()

    def _forbids(self, alone: PlanFile) -> Problem | None:
        """Say why policy lets nobody begin so much at once; what a freeze holds waits, and that needs nobody."""
        manifest, now = self.fleet.manifest, self.state.now()
        return None if frozen(manifest.policy.freezes, now) else forbids(manifest, alone, {}, now)

    def _find_open(self) -> None:
        """Find the open rollouts, and those among them that may be walked on."""
        for stored in self.state.open_rollouts():
            entry = decode_entry(stored.line)
            if entry.rollout and self.leave.chosen(entry):
                lacks = self.leave.lapsed(stored, entry)
                if lacks:
                    self._lapsed[stored.subject] = (entry, lacks)
                else:
                    self._open[stored.subject] = Approved(stored.plan_id, stored.opened, entry)

    def _walk(self, alone: PlanFile | None) -> Iterator[Reconciled]:
        """Walk on what is open, begin what was approved, and do what needs nobody; each subject's result as it comes."""
        about: dict[Subject, tuple[str, tuple[str, ...]]] = {}

        def work() -> Iterator[Approved]:
            for one in self._work(alone):
                about[one.subject] = (one.entry.tenant, providers_of(one.entry))
                yield one

        for result in apply(self.fleet, self.state, self.run, work, self.pace):
            tenant, providers = about.pop(result.subject)
            told = Reconciled.walked(tenant, providers, result)
            stop = self._stops.pop(result.subject, None)
            yield told.stopped_by(stop) if stop else told
        yield from (Reconciled.unwalked(entry) for entry in self._stops.values())

    def _work(self, alone: PlanFile | None) -> Iterator[Approved]:
        yield from self._open.values()
        if self.leave.approved:
            for one in approved(self.leave.approved):
                if one.subject not in self._open and one.subject not in self._stops:
                    yield one
        if alone:
            yield from approved(alone)


def last_good(state: State) -> datetime | None:
    """Say when the last reconcile ended that ended well; None: none has. A time to come is that of a clock that was wrong."""
    now = state.now()
    ended = [run.finished for run in state.runs() if run.command == "reconcile" and run.exit_code == 0 and run.finished]
    return max((one for one in ended if one <= now), default=None)


def standing(state: State) -> tuple[Mapping[Risk, int], Mapping[Subject, datetime]]:
    """Count open rollouts by the class of the step at which they stand, and say since when persons are asked for theirs."""
    steps: Counter[Risk] = Counter()
    asked: dict[Subject, datetime] = {}
    for stored in state.open_rollouts():
        rollout = decode_entry(stored.line).rollout
        where = progress(rollout, stored.opened, state.events(stored.id)) if rollout else None
        if rollout and where:
            step = rollout.steps[where.step]
            steps[step.risk] += 1
            if isinstance(step.action, Manual):
                asked[stored.subject] = where.since
    return steps, asked


def same_steps(one: PlanFile, other: PlanFile) -> bool:
    """Whether two plans would do the same, whatever else they tell: then approval of the one is as good as of the other."""
    first, second = ([(entry.subject, entry.rollout, entry.supersedes) for entry in plan.entries()] for plan in (one, other))
    return first == second
