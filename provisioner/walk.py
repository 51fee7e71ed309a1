"""One rollout on its way: look, say where it stands, take the step that is ready, and look again.

Around a write: lease, read, compare, journal `begun`, write, journal `settled`, read, journal `seen`. A run that dies at any
point leaves a journal from which the next one goes on; an outcome that nobody knows is settled by reading.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never, cast

from plans.codec import decode_entry, encode_entry
from plans.desired import GraphAnswer, Subject, SubjectKind
from plans.plan import STAGED, Change, Entry, Manual, Rollout, SetSigning, Step
from plans.policy import Finding, Severity
from plans.position import (
    EventKind,
    Finished,
    Position,
    Ready,
    Stale,
    Waiting,
    Write,
    asked_of_graph,
    is_there,
    keys,
    last_write,
    looked_at,
    position,
)
from plans.problem import Problem
from plans.snapshot import Snapshot
from plans.values import Key, Live, Name, ZoneRef, told
from providers.contract import Outcome, ProviderError, Status
from provisioner.claims import Claims, Interrupted
from provisioner.fleet import Fleet
from provisioner.kept import Opened
from provisioner.probe.gather import gather
from provisioner.probe.witness import Witness
from provisioner.restraint import Restraint
from provisioner.results import Held
from provisioner.state import Lease, Run, State, StoredRollout

ATTEMPTS = 3
"""How often a step is tried whose zone changed while its key did not, or whose outcome nobody knows."""

FINISHED = "finished"
_SUPERSEDED = "superseded"
_NEW_PLAN = "Make a new plan:  provisioner plan --out FILE"


class PlanStale(Problem):
    """The world, or the manifest, is no longer as the plan says."""


class NotDelegated(Problem):
    """The world no longer asks the provider for the zone: what is written there is seen by nobody."""


class RolloutInTheWay(Problem):
    """Another plan's rollout for the same subject has begun and is not finished."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a walk looks at besides the providers.

    Graph's answers (each call raises `Problem`), pins, the world outside; `astray`: why a zone is not the one that is asked.
    """

    graph: Callable[[Entry, Collection[Name]], Mapping[Name, GraphAnswer]]
    pins: Mapping[Name, Name]
    witness: Witness
    astray: Callable[[Subject, ZoneRef], Finding | None]


@dataclass(frozen=True, slots=True)
class Approved:
    """An entry with a rollout that may be walked, and the plan by whose approval.

    One that has not begun may begin until `expires` (UTC); the rest of another plan's, which has begun, may go on.
    """

    plan_id: str
    expires: datetime
    entry: Entry

    @property
    def subject(self) -> Subject:
        """What the rollout is about."""
        return self.entry.subject

    @property
    def rollout(self) -> Rollout:
        """Its steps."""
        return cast("Rollout", self.entry.rollout)


class Walk:
    """One rollout on its way; `written` counts the sets that this run has written for it, `signing` is what it turned that to.

    `sent` are the steps that it has done, or may have.
    """

    def __init__(
        self,
        fleet: Fleet,
        state: State,
        run: Run,
        sight: Sight,
        restraint: Restraint,
        approved: Approved,
        stop: threading.Event,
    ) -> None:
        self._fleet = fleet
        self._state = state
        self._run = run
        self._sight = sight
        self._restraint = restraint
        self._approved = approved
        self._entry = approved.entry
        self._rollout = approved.rollout
        self._stop = stop
        self._stored: StoredRollout | None = None
        self._leases: tuple[Lease, ...] = ()
        self.sent: set[int] = set()
        self._in_the_air: int | None = None
        self.written = 0
        self.signing: bool | None = None

    @property
    def unsure(self) -> bool:
        """Whether a write was sent of which it is not known what became."""
        return self._in_the_air is not None

    def go(self, zones: Mapping[str, Mapping[Name, ZoneRef | Problem]], claims: Claims) -> tuple[Step, Waiting | Held] | None:
        """Take every step that is ready, and give the one that it waits at, or is held at; None: all are done.

        `zones` says what the plan's labels mean now.

        Raises:
            PlanStale: the plan does not fit what the manifest says now, or has expired.
            RolloutInTheWay: another plan's rollout for the subject is half done.
            Refused: the run may take no such step any more.
            LeaseHeld: another run is at work on one of its zones.
            LeaseLost: another run took a zone over.
            Interrupted: the run is to stop.
            Problem: something could not be read or written.

        """
        self._stored = self._state.find(self._entry.subject, self._approved.plan_id)
        if self._stored and self._stored.outcome == FINISHED:
            return None
        held = None if self._stored else self._held_ahead()
        if held:
            return self._rollout.steps[0], held
        self._check(zones)
        zones_of_it = {step.zone for step in self._rollout.steps if step.zone}
        with claims.of(zones_of_it, f"{self._rollout.subject}, plan {self._approved.plan_id[:12]}") as self._leases:
            self._stored = self._state.find(self._entry.subject, self._approved.plan_id)
            if self._stored and self._stored.outcome == FINISHED:
                return None
            self._clear_the_way()
            self._check_time()
            return self._steps()

    def _held_ahead(self) -> Held | None:
        """Say why a rollout that has not begun could not begin, before anything is asked for it."""
        first = self._rollout.steps[0]
        if isinstance(first.action, Manual):
            return None
        return self._restraint.ask(self._approved.plan_id, self._approved.subject, 0, first, ahead=True)

    def _steps(self) -> tuple[Step, Waiting | Held] | None:
        reason: Outcome | None = None
        for _ in range((ATTEMPTS + 1) * len(self._rollout.steps) + 1):
            if self._stop.is_set():
                raise Interrupted
            snapshots = self._read(self._rollout)
            where = self._observe(self._entry, self._rollout, self._stored, snapshots)
            plan, subject, steps = self._approved.plan_id, self._approved.subject, self._rollout.steps
            for number in where.newly_seen:
                self._restraint.seen(plan, subject, number, steps[number])
            match where.state:
                case Finished():
                    return None
                case Waiting(number):
                    self._keep_waiting(where)
                    if not where.newly_seen:  # else what the next step waits for was not looked at yet
                        return steps[number], where.state
                case Stale():
                    raise _stale(self._rollout, where.state)
                case Ready(number):
                    held = self._restraint.ask(plan, subject, number, steps[number])
                    if held:
                        return steps[number], held
                    reason = self._take(number, steps[number], snapshots, where.words_for(number))
                case _ as never:
                    assert_never(never)
        detail = reason.detail if reason else ""
        raise Problem(
            f"No clear outcome for {self._rollout.subject} after {ATTEMPTS} attempts",
            f"The zone was changed by somebody else each time, or the provider gave no clear answer. {detail}".strip(),
            "Apply the same plan again: what was written is recognised.",
        )

    def _check(self, zones: Mapping[str, Mapping[Name, ZoneRef | Problem]]) -> None:
        """Refuse what may not be walked, whatever the zones hold.

        Raises:
            PlanStale: the plan has expired, was superseded or forgotten, or a label of it means another zone now.
            NotDelegated: nobody asks for one of its zones there.
            Problem: a provider, or public DNS, could not tell.

        """
        if not self._entry.goes_on:  # else the rollout of another plan may have begun
            self._check_time()
        if self._stored and self._stored.outcome:
            raise PlanStale(
                f"The plan is void for {self._rollout.subject}",
                f"Its rollout was begun {self._stored.opened:%Y-%m-%d %H:%M:%SZ}, and was {self._stored.outcome} since.",
                _NEW_PLAN,
            )
        for step in self._rollout.steps:
            if step.zone:
                self._check_zone(step.zone, zones[step.zone.provider].get(step.zone.name))
        if not any(finding.code == STAGED for finding in self._entry.findings):
            for zone in sorted({step.zone for step in self._rollout.steps if step.zone}):
                self._check_delegation(zone)

    def _check_time(self) -> None:
        """Refuse to begin a rollout too late. Raises `PlanStale`."""
        expires = self._approved.expires
        if self._stored is None and self._state.now() >= expires:
            raise PlanStale(
                "The plan has expired",
                f"That of {self._rollout.subject} has not begun, and none may after {expires:%Y-%m-%d %H:%M:%SZ}.",
                _NEW_PLAN,
            )

    def _check_delegation(self, zone: ZoneRef) -> None:
        astray = self._sight.astray(self._rollout.subject, zone)
        if astray:
            kind = Problem if astray.severity is Severity.ERROR else NotDelegated
            raise kind(f"{self._rollout.subject}: {astray.code}", astray.what, astray.mend)

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

    def _clear_the_way(self) -> None:
        """Settle what another plan left open for this subject: go on with its equal rest, or close what is to make way.

        Raises:
            PlanStale: it is not the rest, and this plan has expired.
            RolloutInTheWay: it is not the rest, and half done.

        """
        opened = self._state.open_rollout(self._rollout.subject)
        entry = decode_entry(opened.line) if opened and opened.plan_id != self._approved.plan_id else None
        other = entry.rollout if entry else None
        if opened is None or entry is None or other is None:
            return
        snapshots = self._read(other)
        if isinstance(self._observe(entry, other, opened, snapshots).state, Finished):
            return
        told = Opened(opened.plan_id, other, self._state.events(opened.id))
        supersedes = opened.plan_id == self._entry.supersedes
        if not supersedes and told.ends_in(self._rollout, _live(snapshots)):
            self._rollout, self._stored = other, opened
            return
        self._check_time()
        if supersedes or not told.wrote:
            self._state.close_rollout(self._run, opened.id, _SUPERSEDED)
        else:
            raise RolloutInTheWay(
                f"Another rollout of {self._rollout.subject} is half done",
                f"Plan {opened.plan_id[:12]}, begun {opened.opened:%Y-%m-%d %H:%M:%SZ}, has steps of its own left.",
                "Apply that plan again, so that it comes to its end; or replace it:  provisioner plan --supersede --out FILE",
            )

    def _read(self, rollout: Rollout) -> Mapping[ZoneRef, Snapshot]:
        """Read every key of the rollout at the provider that holds it."""
        return {zone: self._fleet.reader(zone.provider).read(zone, of_zone) for zone, of_zone in keys(rollout).items()}

    def _observe(
        self, entry: Entry, rollout: Rollout, stored: StoredRollout | None, snapshots: Mapping[ZoneRef, Snapshot]
    ) -> Position:
        """Say where a rollout stands, and journal what is seen to be done or met now."""
        live = _live(snapshots)
        events = self._state.events(stored.id) if stored else ()
        graph = self._sight.graph(entry, asked_of_graph(rollout))
        conditions = looked_at(rollout, events)
        online = self._fleet.is_online(entry.tenant)
        now, confirmations = self._state.now(), self._state.confirmations
        facts = gather(self._sight.witness, conditions, now, live, graph, self._sight.pins, confirmations, clock=online)
        where = position(rollout, events, facts)
        if stored:
            for number, step in enumerate(rollout.steps):
                if last_write(number, events) is Write.BEGUN and (number in where.newly_seen or is_there(step, live)):
                    self._settle(stored, number, Outcome(Status.WRITTEN, "found by reading"))
            self._note(stored, where)
            if isinstance(where.state, Finished):
                self._state.close_rollout(self._run, stored.id, FINISHED)
        return where

    def _note(self, stored: StoredRollout, where: Position) -> None:
        for number in where.newly_seen:
            self._state.record(self._run, stored.id, EventKind.SEEN, number, _resting_on(where.words_for(number)))
        for number, sighting in where.noted:
            kind = EventKind.MET if sighting.met else EventKind.LOST
            self._state.record(self._run, stored.id, kind, number, {"condition": sighting.mark})

    def _keep_waiting(self, where: Position) -> None:
        """Keep a rollout that waits, and what was seen on the way: its waits count from here."""
        if self._stored is None:
            self._note(self._keep(), where)

    def _take(self, number: int, step: Step, snapshots: Mapping[ZoneRef, Snapshot], words: str) -> Outcome:
        """Do one step's write. Gives an outcome after which it is worth looking again; raises `Problem` for all others."""
        zone = cast("ZoneRef", step.zone)  # a manual step is never ready
        stored = self._keep()
        body = {"does": _told_action(step), **_resting_on(words)}
        self._state.record(self._run, stored.id, EventKind.BEGUN, number, body, self._leases)
        self.sent.add(number)
        is_repeated = self.unsure
        self._in_the_air = number
        try:
            outcome = self._act(step, zone, snapshots)
        except ProviderError as error:
            if not is_repeated:  # else nobody knows what became of the first
                self._settle(stored, number, Outcome(Status.NOT_TRIED, error.headline))
            raise
        if outcome.status is Status.UNKNOWN:
            return outcome
        self._settle(stored, number, outcome)
        if outcome.status in {Status.REJECTED, Status.NOT_TRIED}:
            raise Problem(
                f"The provider {zone.provider} did not do step {number + 1} for {self._rollout.subject}",
                outcome.detail or f"It answered: {outcome.status}.",
                "Mend what it names, then apply the same plan again.",
            )
        return outcome

    def _act(self, step: Step, zone: ZoneRef, snapshots: Mapping[ZoneRef, Snapshot]) -> Outcome:
        provider = self._fleet.provider(zone.provider)
        if isinstance(step.action, Change):
            return provider.apply(snapshots[zone], [step.action])[step.action.key]
        wanted = cast("SetSigning", step.action).signed
        signer = provider.signer()
        if signer is None:
            return Outcome(Status.REJECTED, f"{zone.provider} signs no zones.")
        if signer.state(zone).signed == wanted:
            return Outcome(Status.WRITTEN, "found by reading")
        return signer.sign(zone) if wanted else signer.unsign(zone)

    def _keep(self) -> StoredRollout:
        """Keep the rollout in the state: it has begun, and goes on in later runs."""
        if self._stored is None:
            self._stored = self._state.start(self._run, self._entry.subject, self._approved.plan_id, encode_entry(self._entry))
        return self._stored

    def _settle(self, stored: StoredRollout, number: int, outcome: Outcome) -> None:
        if outcome.status is Status.WRITTEN:
            action = self._rollout.steps[number].action
            self.written += number in self.sent
            if number in self.sent and isinstance(action, SetSigning):
                self.signing = action.signed
        else:
            self.sent.discard(number)
        self._in_the_air = None
        body = {"outcome": outcome.status.value, "detail": outcome.detail}
        self._state.record(self._run, stored.id, EventKind.SETTLED, number, body)


def _live(snapshots: Mapping[ZoneRef, Snapshot]) -> dict[Key, Live]:
    return {key: held for snapshot in snapshots.values() for key, held in snapshot.sets.items()}


def _resting_on(words: str) -> dict[str, str]:
    return {"note": words} if words else {}


def _told_action(step: Step) -> str:
    return f"{step.risk} {step.action.key}" if isinstance(step.action, Change) else step.risk.value


def _stale(rollout: Rollout, where: Stale) -> PlanStale:
    is_domain = rollout.subject.kind is SubjectKind.DOMAIN
    lines = [
        f"The plan says for {one.key} at this point: {told(one.expected)}\nThe live value is now: {told(one.live)}"
        for one in where.differences
    ]
    lines += [f"The plan rests on this, which is no longer so: {one.condition}\n{one.why}" for one in where.contradicted]
    return PlanStale(
        f"The plan is stale for {rollout.subject}",
        "\n".join([*lines, "It was changed outside this plan; nothing was written over it."]),
        f"Make a new plan:  provisioner plan --domain {rollout.subject} --out FILE" if is_domain else _NEW_PLAN,
    )


def _identity(zone: ZoneRef) -> str:
    return f"{zone.name} in {zone.type} {zone.account} ({zone.id})"
