"""The use case `apply`: walk the rollouts of approved plans as far as their gates are open, many subjects at a time.

How one rollout is walked stands in `provisioner.walk`.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import cast

from plans.desired import GraphAnswer, Subject
from plans.plan import Entry, Step
from plans.policy import Severity
from plans.position import asked_of_graph
from plans.problem import Problem
from plans.values import Name, ZoneRef
from providers.in_order import in_order
from provisioner.claims import Claims, Interrupted
from provisioner.delegation import Delegations
from provisioner.fleet import Fleet
from provisioner.planfile import PlanFile
from provisioner.restraint import Refused, Restraint, Turn
from provisioner.results import Held, Result, Standing
from provisioner.state import Heartbeat, LeaseHeld, LeaseLost, Run, State
from provisioner.walk import Approved, NotDelegated, PlanStale, RolloutInTheWay, Sight, Walk

AT_ONCE = 16
"""So many subjects are walked at the same time."""
SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds between two looks at what waits for something that has no known time: twice as long after each that saw no write."""
_PORTION = 500
"""So many entries are held in memory, and their domains asked of Graph, at once."""
_GRACE = 6.0
"""Seconds for the writes in hand once the run was told to stop."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How an apply goes about it.

    `lock_timeout`: how long it waits for a zone that another run has. `wait`: how long it stays and walks on. `stop` is set
    when somebody asks it to end; `tell` is told what it waits for.
    """

    lock_timeout: timedelta = timedelta(0)
    wait: timedelta = timedelta(0)
    stop: threading.Event = field(default_factory=threading.Event)
    tell: Callable[[str], None] = lambda _: None


def approved(plan: PlanFile) -> Iterator[Approved]:
    """Give the rollouts of a plan that somebody approved."""
    return (Approved(plan.id, plan.header.expires, entry) for entry in plan.entries() if entry.rollout)


def stopped(plan: PlanFile) -> Iterator[Result]:
    """Give the results of the subjects that a finding stopped while planning, but for those of which somebody knows."""
    return (_stopped(entry) for entry in plan.entries() if entry.stopped and not entry.acknowledged)


def apply(
    fleet: Fleet, state: State, run: Run, work: Callable[[], Iterable[Approved]], pace: Pace | None = None
) -> Iterator[Result]:
    """Walk approved rollouts, and give each subject's result once it is known: in their order, those that were held later.

    `work` gives them, each time anew: they are not all held in memory. What waits is walked again as long as `pace.wait` says,
    what policy holds back once it may go on. No `Problem` leaves; it becomes its subject's result.
    """
    pace = pace or Pace()
    end = time.monotonic() + pace.wait.total_seconds()
    todo = work()
    with Heartbeat(state) as beat:
        claims = Claims(state, run, beat, pace.lock_timeout, pace.stop)
        zones = _zones(fleet, work())
        restraint = _restraint(fleet, state, work())
        earlier: dict[Subject, Result] = {}
        walked, pause = _Pass(fleet, state, run, claims, zones, restraint, pace), SHORTEST_PAUSE
        held: list[_Left] = []
        waiting: list[_Left] = []
        while True:
            for one, found in walked.over(todo):
                pause = SHORTEST_PAUSE if found.written else pause
                result = found.after(earlier.pop(found.subject, None))
                if result.held and result.held.until is None:
                    held.append((one, result))
                elif result.standing is Standing.WAITING and time.monotonic() < end and not restraint.over(one.subject):
                    waiting.append((one, result))
                else:
                    yield result
                    continue
                earlier[found.subject] = result
            todo, held = _let_go(restraint, held)
            if todo:
                continue
            if not waiting:
                yield from (_stays(restraint, *left, pace.stop) for left in held)
                return
            try:
                _pause(state.now(), [result for _, result in waiting], end, pause, pace)
                pause = min(2 * pause, LONGEST_PAUSE)
                fleet.refresh(one.entry.tenant for one, _ in waiting)
                walked = _Pass(fleet, state, run, claims, zones, restraint, pace)
                todo, waiting = [one for one, _ in waiting], []
            except Problem as why:
                failed = (Result(one.subject, Standing.FAILED, problem=why).after(left) for one, left in (*waiting, *held))
                yield from failed
                return


_Left = tuple[Approved, Result]
"""A rollout that the run has not come to the end of, and where it stands."""


def _restraint(fleet: Fleet, state: State, work: Iterable[Approved]) -> Restraint:
    """Give what policy lets a run do, in the light of what earlier runs did of the same plans."""
    restraint = Restraint(fleet.manifest.policy, fleet.now)
    begun: dict[str, Collection[Subject]] = {}
    for one in work if fleet.manifest.policy.waves else ():
        if one.plan_id not in begun:
            begun[one.plan_id] = state.begun(one.plan_id)
        stored = state.find(one.subject, one.plan_id) if one.subject in begun[one.plan_id] else None
        if stored:
            restraint.remember(one.plan_id, one.subject, one.rollout.steps, state.events(stored.id))
    return restraint


def _turn(one: Approved, result: Result) -> Turn:
    """Give at what a rollout is held."""
    return one.plan_id, cast("Step", result.waiting).risk


def _let_go(restraint: Restraint, held: Sequence[_Left]) -> tuple[list[Approved], list[_Left]]:
    """Tell those of the held ones that may go on from those that may not yet."""
    may_go = restraint.may_go([_turn(*left) for left in held])
    going = [one for (one, _), goes in zip(held, may_go, strict=True) if goes]
    return going, [left for left, goes in zip(held, may_go, strict=True) if not goes]


def _stays(restraint: Restraint, one: Approved, result: Result, stop: threading.Event) -> Result:
    """Give the result of a rollout that is held, and will not go on in this run."""
    if stop.is_set():
        return Result(one.subject, Standing.INTERRUPTED).after(result)
    plan_id, risk = _turn(one, result)
    refusal = restraint.refusal(plan_id, one.subject, risk, at_the_end=True)
    return Result(one.subject, Standing.REFUSED, problem=refusal).after(result) if refusal else result


def _pause(now: datetime, waiting: Sequence[Result], end: float, unknown: float, pace: Pace) -> None:
    """Wait until the first of those that wait can go on, and say so; `unknown` seconds where it has no known time."""
    known = [result.until for result in waiting if result.until]
    seconds = min([max(0.0, (until - now).total_seconds()) for until in known], default=unknown)
    if len(known) < len(waiting):
        seconds = min(seconds, unknown)
    seconds = min(seconds, max(0.0, end - time.monotonic()))
    count = "1 waits" if len(waiting) == 1 else f"{len(waiting)} wait"
    pace.tell(f"{count}; looking again at {now + timedelta(seconds=seconds):%H:%M:%SZ}.")
    pace.stop.wait(seconds)


def _zones(fleet: Fleet, work: Iterable[Approved]) -> Mapping[str, Mapping[Name, ZoneRef | Problem]]:
    """Ask each provider once which zones the plans' labels mean now."""
    names: dict[str, set[Name]] = defaultdict(set)
    for one in work:
        for step in one.rollout.steps:
            if step.zone:
                names[step.zone.provider].add(step.zone.name)
    return {label: fleet.zones(label, of_label) for label, of_label in names.items()}


def _stopped(entry: Entry) -> Result:
    finding = next(one for one in entry.findings if one.stops and not one.acknowledged)
    headline = f"{entry.subject}: {finding.code}"
    standing = Standing.FAILED if finding.severity is Severity.ERROR else Standing.REFUSED
    return Result(entry.subject, standing, 0, Problem(headline, finding.what, finding.mend))


class _Pass:
    """One look at every rollout that is left."""

    def __init__(
        self,
        fleet: Fleet,
        state: State,
        run: Run,
        claims: Claims,
        zones: Mapping[str, Mapping[Name, ZoneRef | Problem]],
        restraint: Restraint,
        pace: Pace,
    ) -> None:
        self._fleet = fleet
        self._state = state
        self._run = run
        self._claims = claims
        self._zones = zones
        self._restraint = restraint
        self._pace = pace
        self._graph = _GraphFacts(fleet)
        self._sight = Sight(self._graph.of, state.pins(), fleet.witness(), Delegations(fleet).finding)

    def over(self, work: Iterable[Approved]) -> Iterator[tuple[Approved, Result]]:
        """Walk rollouts, and give each with its result, in their order."""
        left = iter(work)
        while portion := list(islice(left, _PORTION)):
            self._graph.expect(portion)
            yield from in_order(self._walk, portion, AT_ONCE, self._pace.stop, _GRACE, _left)

    def _walk(self, one: Approved) -> Result:
        over = self._restraint.over(one.subject)
        if over:
            return Result(one.subject, Standing.REFUSED, 0, over)
        walk = Walk(self._fleet, self._state, self._run, self._sight, self._restraint, one, self._pace.stop)
        result = self._outcome(walk, one.subject)
        self._restraint.ended(one.plan_id, result, walk.sent, refused=isinstance(result.problem, Refused))
        return result

    def _outcome(self, walk: Walk, subject: Subject) -> Result:
        problem: Problem | None = None
        standing, left = Standing.DONE, None
        try:
            left = walk.go(self._zones, self._claims)
        except PlanStale as why:
            standing, problem = Standing.STALE, why
        except (RolloutInTheWay, NotDelegated, Refused) as why:
            standing, problem = Standing.REFUSED, why
        except (LeaseHeld, LeaseLost) as why:
            standing, problem = Standing.LOCKED, why
        except Interrupted as why:
            standing, problem = Standing.INTERRUPTED, why
        except Problem as why:
            standing, problem = Standing.FAILED, why
        match left:
            case step, Held() as held:
                return Result(subject, Standing.WAITING, walk.written, waiting=step, held=held, signing=walk.signing)
            case step, waits:
                return Result(subject, Standing.WAITING, walk.written, waiting=step, waits=waits, signing=walk.signing)
            case None:
                return Result(subject, standing, walk.written, problem, unsure=walk.unsure, signing=walk.signing)


def _left(one: Approved, begun: bool) -> Result:  # noqa: FBT001 - called by `in_order` alone
    """Give the result of a rollout that the run did not come to the end of when it was told to stop."""
    if not begun:
        return Result(one.subject, Standing.INTERRUPTED)
    what = "A request to its provider was still under way; nobody waited for the answer."
    told = Problem(f"{one.subject} was left in the middle", what, "Apply the same plan again: it reads what became of it.")
    return Result(one.subject, Standing.INTERRUPTED, 0, told)


class _GraphFacts:
    """What Graph says of the domains whose conditions need it, asked once a pass for all domains of a tenant."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._answers: dict[tuple[str, Name], GraphAnswer | Problem] = {}
        self._lock = threading.Lock()

    def expect(self, work: Iterable[Approved]) -> None:
        """Ask for all that the rollouts' conditions need."""
        wanted: dict[str, set[Name]] = defaultdict(set)
        for one in work:
            wanted[one.entry.tenant] |= asked_of_graph(one.rollout)
        for tenant, names in wanted.items():
            self._ask(tenant, names)

    def of(self, entry: Entry, names: Collection[Name]) -> Mapping[Name, GraphAnswer]:
        """Give what Graph says of names. Raises `Problem`: what cannot be read opens nothing."""
        with self._lock:
            self._ask(entry.tenant, [name for name in names if (entry.tenant, name) not in self._answers])
        found: dict[Name, GraphAnswer] = {}
        for name in names:
            answer = self._answers[entry.tenant, name]
            if isinstance(answer, Problem):
                raise answer
            found[name] = answer
        return found

    def _ask(self, label: str, names: Collection[Name]) -> None:
        if not names:
            return
        try:
            answers = dict(self._fleet.source(self._fleet.tenant(label)).answers(names))
        except Problem as problem:
            answers = dict.fromkeys(names, problem)
        self._answers |= {(label, name): answer for name, answer in answers.items()}
