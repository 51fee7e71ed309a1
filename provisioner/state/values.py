"""What the state gives back: runs, rollouts, entries of the journal, leases. All times are aware, in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from plans.desired import Subject
from plans.plan import Change, SetSigning
from plans.values import Name, ZoneRef


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run of a command: who ran it where, by which version, and how it ended; None: it did not, or it was killed."""

    id: int
    started: datetime
    finished: datetime | None
    command: str
    exit_code: int | None
    who: str
    version: str


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """A rollout that was begun: the plan's line of its subject, when it was opened, when and how it was closed."""

    id: str
    subject: Subject
    plan_id: str
    line: bytes
    opened: datetime
    closed: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An entry of the journal with its run, and its rollout where it is about one. `n` counts from 1, `step` from 0.

    `kind` is an `EventKind` of `plans.position` or a `journal.Mark`.
    """

    n: int
    at: datetime
    run: int
    who: str
    command: str
    subject: Subject | None
    rollout: str | None
    plan_id: str | None
    kind: str
    step: int | None
    body: Mapping[str, str | int | None]
    hash: str


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """A rollout and the newest entry about it."""

    rollout: StoredRollout
    last: HistoryEntry


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was confirmed: when, by which run, as which step (`number`, from 0) of which plan's rollout, and what."""

    at: datetime
    run: int
    plan_id: str
    subject: Subject
    number: int
    zone: ZoneRef | None
    change: Change | SetSigning


@dataclass(frozen=True, slots=True, order=True)
class LeasedZone:
    """A zone as leases know it: by type of provider, account and id, whatever label a manifest has for the provider."""

    type: str
    account: str
    id: str
    name: Name

    @classmethod
    def of(cls, zone: ZoneRef) -> LeasedZone:
        """Give what leases know of a zone that a manifest means."""
        return cls(zone.type, zone.account, zone.id, zone.name)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one run to write to a zone until it `expires`, by the clock of the database.

    `fencing` grows each time when a zone's lease changes hands: whoever holds an older number holds nothing any more.
    """

    zone: LeasedZone
    run: int
    holder: str
    purpose: str
    fencing: int
    acquired: datetime
    expires: datetime
