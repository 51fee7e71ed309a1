"""What a reconcile leaves of each subject: where it stands, and whether that needs a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from plans.desired import Subject
from plans.plan import Entry, Manual, Step
from plans.policy import Severity
from plans.problem import Problem
from provisioner.results import Result, Standing


class Place(StrEnum):
    """Where a subject stands after a reconcile; those that need a person most come first."""

    FAILED = "failed"
    """Something could not be read or written, or an outcome is not clear."""
    STALE = "stale"
    """The world is not as the approved plan says: a new plan is needed."""
    REFUSED = "refused"
    """A rule forbids what would be done."""
    CONTESTED = "contested"
    """Somebody changes back what we write: nothing is written until a person looked."""
    APPROVAL = "approval"
    """Steps wait for somebody's approval."""
    MANUAL = "manual"
    """A step waits for a person to do it."""
    LOCKED = "locked"
    """Another run is at work on a zone of it."""
    INTERRUPTED = "interrupted"
    """The run was told to stop before it came to its end."""
    WAITING = "waiting"
    """A step waits for time to pass, or for the world to follow."""
    ACKNOWLEDGED = "acknowledged"
    """What stops it is known, and somebody said until when that is so."""
    CHANGED = "changed"
    """Every step is done, and some were done in this run."""
    IN_SYNC = "in-sync"
    """It is as it should be."""


NEEDS_A_PERSON = frozenset({Place.FAILED, Place.STALE, Place.REFUSED, Place.CONTESTED, Place.APPROVAL, Place.MANUAL})

_PLACES = {
    Standing.LOCKED: Place.LOCKED,
    Standing.STALE: Place.STALE,
    Standing.FAILED: Place.FAILED,
    Standing.REFUSED: Place.REFUSED,
    Standing.INTERRUPTED: Place.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One subject after a reconcile.

    `providers` are the labels of those that hold its zones. `code` names the finding that stopped it, `problem` says what is
    wrong; `step` is the one at which it stands, `until` when that can go on, where it is known. `written` counts the sets that
    this run wrote; `unsure`: one more may have been.
    """

    subject: Subject
    tenant: str
    place: Place
    providers: tuple[str, ...] = ()
    written: int = 0
    unsure: bool = False
    code: str = ""
    problem: Problem | None = None
    step: Step | None = None
    until: datetime | None = None

    @property
    def needs_a_person(self) -> bool:
        """Whether it stays as it is until somebody does something."""
        return self.place in NEEDS_A_PERSON

    @classmethod
    def unwalked(cls, entry: Entry) -> Self:
        """Tell of a subject that has no steps: it is as it should be, or a finding stopped it."""
        stops = sorted((finding for finding in entry.findings if finding.stops), key=lambda one: bool(one.acknowledged))
        stop = next(iter(stops), None)
        if stop is None:
            return cls(entry.subject, entry.tenant, Place.IN_SYNC)
        place = Place.FAILED if stop.severity is Severity.ERROR else Place.REFUSED
        place = Place.ACKNOWLEDGED if stop.acknowledged else place
        problem = Problem(f"{entry.subject}: {stop.code}", f"{stop.what}\n{stop.acknowledged}".strip(), stop.mend)
        return cls(entry.subject, entry.tenant, place, code=stop.code, problem=problem)

    @classmethod
    def unapproved(cls, entry: Entry, place: Place, problem: Problem | None = None, code: str = "") -> Self:
        """Tell of a subject whose steps wait for a person's yes."""
        step = entry.rollout.steps[0] if entry.rollout else None
        return cls(entry.subject, entry.tenant, place, providers_of(entry), code=code, problem=problem, step=step)

    @classmethod
    def walked(cls, tenant: str, providers: tuple[str, ...], result: Result) -> Self:
        """Tell of a subject whose steps were walked."""
        place = _PLACES.get(result.standing, Place.CHANGED if result.written else Place.IN_SYNC)
        if result.waiting:
            by_hand = isinstance(result.waiting.action, Manual) and not result.held
            place = Place.MANUAL if by_hand else Place.WAITING
        return cls(
            result.subject,
            tenant,
            place,
            providers,
            result.written,
            result.unsure,
            problem=result.problem,
            step=result.waiting,
            until=result.until,
        )

    def stopped_by(self, entry: Entry) -> Reconciled:
        """Give the same where planning found something that stops the subject: what is worse of the two stands."""
        stop = Reconciled.unwalked(entry)
        worse = min(self, stop, key=lambda one: list(Place).index(one.place))
        return replace(stop, providers=self.providers, written=self.written, unsure=self.unsure) if worse is stop else self


def providers_of(entry: Entry) -> tuple[str, ...]:
    """Give the labels of the providers in whose zones an entry has steps."""
    return tuple(sorted({step.zone.provider for step in entry.rollout.steps if step.zone})) if entry.rollout else ()
