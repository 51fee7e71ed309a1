"""The use case `apply`: walk the rollouts of an approved plan as far as their gates are open.

Around a write: read, compare, journal `begun`, write, journal `settled`, read, journal `seen`. A run that dies at any point
leaves a journal from which the next one goes on; an outcome that nobody knows is settled by reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import assert_never, cast

from plans.codec import decode_entry, encode_entry
from plans.desired import GraphAnswer
from plans.plan import Change, Entry, Rollout, Step
from plans.policy import Severity
from plans.position import WRITTEN, EventKind, Facts, Finished, Ready, Stale, Waiting, asked_of_graph, keys, position
from plans.problem import Problem
from plans.snapshot import Snapshot
from plans.values import Irregular, Live, Name, ZoneRef
from providers.contract import Outcome, ProviderError, Status
from provisioner.fleet import Fleet
from provisioner.planfile import PlanFile
from provisioner.results import Result, Standing
from provisioner.state import Run, State, StoredRollout

ATTEMPTS = 3
"""How often a step is tried whose zone changed while its key did not, or whose outcome nobody knows."""

_NEW_PLAN = "Make a new plan:  provisioner plan --out FILE"


class PlanStale(Problem):
    """The world, or the manifest, is no longer as the plan says."""


class RolloutInTheWay(Problem):
    """Another plan's rollout for the same subject has begun and is not finished."""


def is_finished(state: State | None, plan: PlanFile) -> bool:
    """Whether the journal knows every rollout of the plan to be finished, so that there is nothing to approve."""
    return state is not None and all(
        (stored := state.find(entry.subject, plan.id)) is not None and stored.outcome == _FINISHED
        for entry in plan.entries()
        if entry.rollout
    )


def stopped(plan: PlanFile) -> Iterator[Result]:
    """Give the results of the subjects that a finding stopped while planning."""
    return (_stopped(entry) for entry in plan.entries() if entry.stopped)


def apply(fleet: Fleet, state: State, run: Run, plan: PlanFile) -> Iterator[Result]:
    """Walk every rollout of an approved plan, one after the other, and give each subject's result as it is known.

    No `Problem` leaves; it becomes its subject's result.
    """
    zones, graph = _zones(fleet, plan), _GraphFacts(fleet, plan)
    for entry in plan.entries():
        if entry.rollout:
            walk = _Walk(fleet, state, run, plan, graph, entry)
            try:
                waiting = walk.go(zones)
            except PlanStale as stale:
                yield Result(entry.subject, Standing.STALE, walk.written, stale)
            except RolloutInTheWay as refusal:
                yield Result(entry.subject, Standing.REFUSED, walk.written, refusal)
            except Problem as failure:
                yield Result(entry.subject, Standing.FAILED, walk.written, failure)
            else:
                standing = Standing.WAITING if waiting else Standing.DONE
                yield Result(entry.subject, standing, walk.written, waiting=waiting)


def _zones(fleet: Fleet, plan: PlanFile) -> Mapping[str, Mapping[Name, ZoneRef | Problem]]:
    """Ask each provider once which zones the plan's labels mean now."""
    names: dict[str, set[Name]] = defaultdict(set)
    for entry in plan.entries():
        for step in entry.rollout.steps if entry.rollout else ():
            if step.zone:
                names[step.zone.provider].add(step.zone.name)
    return {label: fleet.zones(label, of_label) for label, of_label in names.items()}


def _stopped(entry: Entry) -> Result:
    finding = next(one for one in entry.findings if one.stops)
    headline = f"{entry.subject}: {finding.code}"
    standing = Standing.FAILED if finding.severity is Severity.ERROR else Standing.REFUSED
    return Result(entry.subject, standing, 0, Problem(headline, finding.what, finding.mend))


_FINISHED = "finished"
_SUPERSEDED = "superseded"


class _GraphFacts:
    """What Graph says of the domains whose conditions need it, asked once a run for all domains of a tenant."""

    def __init__(self, fleet: Fleet, plan: PlanFile) -> None:
        self._fleet = fleet
        self._answers: dict[tuple[str, Name], GraphAnswer | Problem] = {}
        wanted: dict[str, set[Name]] = defaultdict(set)
        for entry in plan.entries():
            if entry.rollout:
                wanted[entry.tenant] |= asked_of_graph(entry.rollout)
        for tenant, names in wanted.items():
            self._ask(tenant, names)

    def of(self, entry: Entry, rollout: Rollout) -> Mapping[Name, GraphAnswer]:
        """Give the answers that a rollout's conditions need. Raises `Problem`: what cannot be read opens nothing."""
        names = asked_of_graph(rollout)
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


class _Walk:
    """One rollout on its way."""

    def __init__(self, fleet: Fleet, state: State, run: Run, plan: PlanFile, graph: _GraphFacts, entry: Entry) -> None:
        self._fleet = fleet
        self._state = state
        self._run = run
        self._plan = plan
        self._graph = graph
        self._entry = entry
        self._rollout = cast("Rollout", entry.rollout)
        self._stored: StoredRollout | None = None
        self._sent: set[int] = set()
        self.written = 0

    def _check(self, zones: Mapping[str, Mapping[Name, ZoneRef | Problem]]) -> None:
        """Refuse what may not be walked, whatever the zones hold.

        Raises:
            PlanStale: the plan has expired, was superseded or forgotten, or a label of it means another zone now.
            Problem: a provider could not tell.

        """
        header = self._plan.header
        if self._stored is None and self._fleet.now() >= header.expires:
            raise PlanStale(
                "The plan has expired",
                f"That of {self._rollout.subject} has not begun, and none may after {header.expires:%Y-%m-%d %H:%M:%SZ}.",
                _NEW_PLAN,
            )
        if self._stored and self._stored.outcome:
            raise PlanStale(
                f"The plan is void for {self._rollout.subject}",
                f"Its rollout was begun {self._stored.opened:%Y-%m-%d %H:%M:%SZ}, and was {self._stored.outcome} since.",
                _NEW_PLAN,
            )
        for step in self._rollout.steps:
            if step.zone:
                self._check_zone(step.zone, zones[step.zone.provider].get(step.zone.name))

    def _check_zone(self, planned: ZoneRef, found: ZoneRef | Problem | None) -> None:
        if isinstance(found, Problem):
            raise found
        if found != planned:
            now = f"now means {_identity(found)}" if found else "now holds no such zone"
            raise PlanStale(
                f"The plan is for another zone than the manifest means, for {self._rollout.subject}",
                f"The provider {planned.provider} meant {_identity(planned)} when the plan was made, and {now}.",
                _NEW_PLAN,
            )

    def go(self, zones: Mapping[str, Mapping[Name, ZoneRef | Problem]]) -> Step | None:
        """Take every step that is ready, and give the one that it waits at; None: all are done.

        `zones` says what the plan's labels mean now.

        Raises:
            PlanStale: the plan does not fit what the manifest says now, or has expired.
            RolloutInTheWay: another plan's rollout for the subject is half done.
            Problem: something could not be read or written.

        """
        self._stored = self._state.find(self._entry.subject, self._plan.id)
        if self._stored and self._stored.outcome == _FINISHED:
            return None
        self._check(zones)
        self._clear_the_way()
        reason: Outcome | None = None
        for _ in range(ATTEMPTS * len(self._rollout.steps) + 1):
            snapshots = self._read(self._rollout)
            where = self._observe(self._entry, self._rollout, self._stored, snapshots)
            match where:
                case Finished():
                    return None
                case Waiting(number):
                    self._keep()
                    return self._rollout.steps[number]
                case Stale():
                    raise _stale(self._rollout, where)
                case Ready(number):
                    reason = self._take(number, self._rollout.steps[number], snapshots)
                case _ as never:
                    assert_never(never)
        detail = reason.detail if reason else ""
        raise Problem(
            f"No clear outcome for {self._rollout.subject} after {ATTEMPTS} attempts",
            f"The zone was changed by somebody else each time, or the provider gave no clear answer. {detail}".strip(),
            "Apply the same plan again: what was written is recognised.",
        )

    def _clear_the_way(self) -> None:
        """Settle what another plan left open for this subject: go on with its equal rest, or close what never wrote."""
        opened = self._state.open_rollout(self._rollout.subject)
        entry = decode_entry(opened.line) if opened and opened.plan_id != self._plan.id else None
        other = entry.rollout if entry else None
        if opened is None or entry is None or other is None:
            return
        where = self._observe(entry, other, opened, self._read(other))
        if isinstance(where, Finished):
            return
        events = self._state.events(opened.id)
        if not any(event.kind is EventKind.SEEN or event.outcome == WRITTEN for event in events):
            self._state.close_rollout(opened.id, _SUPERSEDED)
        elif other.steps[where.step :] == self._rollout.steps:
            self._rollout, self._stored = other, opened
        else:
            raise RolloutInTheWay(
                f"Another rollout of {self._rollout.subject} is half done",
                f"Plan {opened.plan_id[:12]}, begun {opened.opened:%Y-%m-%d %H:%M:%SZ}, has steps of its own left.",
                f"Apply that plan again, so that it comes to its end; or drop it:  provisioner forget {self._rollout.subject}",
            )

    def _read(self, rollout: Rollout) -> Mapping[ZoneRef, Snapshot]:
        """Read every key of the rollout at the provider that holds it."""
        return {zone: self._fleet.reader(zone.provider).read(zone, of_zone) for zone, of_zone in keys(rollout).items()}

    def _observe(
        self, entry: Entry, rollout: Rollout, stored: StoredRollout | None, snapshots: Mapping[ZoneRef, Snapshot]
    ) -> Ready | Waiting | Stale | Finished:
        """Say where a rollout stands, and journal what is seen to be done now."""
        live = {key: held for snapshot in snapshots.values() for key, held in snapshot.sets.items()}
        events = self._state.events(stored.id) if stored else ()
        where = position(rollout, events, Facts(live, self._graph.of(entry, rollout)))
        if stored:
            for number in where.newly_seen:
                of_step = [event for event in events if event.step == number]
                if of_step and of_step[-1].kind is EventKind.BEGUN:
                    self._settle(stored, number, Outcome(Status.WRITTEN, "found by reading"))
                self._state.record(self._run, stored.id, EventKind.SEEN, number, {})
            if isinstance(where.state, Finished):
                self._state.close_rollout(stored.id, _FINISHED)
        return where.state

    def _take(self, number: int, step: Step, snapshots: Mapping[ZoneRef, Snapshot]) -> Outcome:
        """Do one step's write. Gives an outcome after which it is worth looking again; raises `Problem` for all others."""
        if not isinstance(step.action, Change) or step.zone is None:
            raise Problem(
                f"No provider here signs zones, and a step for {self._rollout.subject} asks for it",
                f"Step {number + 1} is {step.risk}, which this version cannot do.",
                "Sign the zone at the provider yourself, then make a new plan.",
            )
        change, provider = step.action, self._fleet.provider(step.zone.provider)
        stored = self._keep()
        self._state.record(self._run, stored.id, EventKind.BEGUN, number, {"key": str(change.key)})
        self._sent.add(number)
        try:
            outcome = provider.apply(snapshots[step.zone], [change])[change.key]
        except ProviderError as error:
            self._settle(stored, number, Outcome(Status.NOT_TRIED, error.headline))
            raise
        if outcome.status is Status.UNKNOWN:
            return outcome
        self._settle(stored, number, outcome)
        if outcome.status in {Status.REJECTED, Status.NOT_TRIED}:
            raise Problem(
                f"The provider {step.zone.provider} did not change {change.key}",
                outcome.detail or f"It answered: {outcome.status}.",
                "Mend what it names, then apply the same plan again.",
            )
        return outcome

    def _keep(self) -> StoredRollout:
        """Keep the rollout in the state: it has begun, and goes on in later runs."""
        if self._stored is None:
            self._stored = self._state.start(self._entry.subject, self._plan.id, encode_entry(self._entry))
        return self._stored

    def _settle(self, stored: StoredRollout, number: int, outcome: Outcome) -> None:
        self.written += outcome.status is Status.WRITTEN and number in self._sent
        body = {"outcome": outcome.status.value, "detail": outcome.detail}
        self._state.record(self._run, stored.id, EventKind.SETTLED, number, body)


def _stale(rollout: Rollout, where: Stale) -> PlanStale:
    told = [
        f"The plan says for {one.key} at this point: {_told(one.expected)}\nThe live value is now: {_told(one.live)}"
        for one in where.differences
    ]
    return PlanStale(
        f"The plan is stale for {rollout.subject}",
        "\n".join([*told, "It was changed outside this plan; nothing was written over it."]),
        f"Make a new plan:  provisioner plan --domain {rollout.subject} --out FILE",
    )


def _told(live: Live) -> str:
    match live:
        case None:
            return "no set"
        case Irregular():
            return live.reason
        case _:
            return f"{', '.join(map(str, live.values))} (TTL {live.ttl})"


def _identity(zone: ZoneRef) -> str:
    return f"{zone.name} in {zone.type} {zone.account} ({zone.id})"
