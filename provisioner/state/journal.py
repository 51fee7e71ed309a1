"""The journal's chain, purely: what an entry's hash covers, and what is wrong with a chain that was edited.

There is one chain for the whole state. Each entry carries the hash of the one before, the first one a fixed word. A rollout's
row is held by the entry that opens it and by the one that closes it. That finds damage, careless edits and removals. That the
newest entries were cut off, or all computed anew, is found by comparing with a hash that an earlier run printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, cast

from plans.position import Event, EventKind

Columns = Mapping[str, Any]
"""A row by column name; the values of an edited database can be of any type."""

Body = Mapping[str, str | int | None]
"""What an entry says besides its other columns."""

ANCHOR = "provisioner"
"""What the first entry carries as the hash before it."""

ORIGINAL = "at"
"""The key in the body of an entry that was taken from another state: when it happened. Else the entry's own time tells."""

_HASHED = ("n", "at", "run", "rollout", "kind", "step", "body", "prev")
_IDENTITY = ("subject", "plan_id", "line")
_EVENTS = frozenset(EventKind)


class Mark(StrEnum):
    """What the journal says besides the events of a rollout's steps."""

    OPENED = "opened"
    """A rollout was opened; the body holds the digest of what never changes in its row."""
    CLOSED = "closed"
    """A rollout was closed; the body holds its outcome."""
    PIN = "pin"
    """A domain's mail host was pinned."""
    UNPIN = "unpin"
    """A pinned mail host was dropped."""
    UNLOCKED = "unlocked"
    """A lease was ended by somebody else than its holder."""
    APPROVED = "approved"
    """Somebody signed a plan."""
    REJECTED = "rejected"
    """Somebody refused a plan for good."""
    AUTO_APPROVED = "auto-approved"
    """A plan was applied with --auto-approve, by whoever ran the command."""
    CONFIRMED = "confirmed"
    """Somebody says that they saw which key a mail host presents."""
    WITHDRAWN = "withdrawn"
    """Such a word counts for nothing any more."""
    EMERGENCY = "emergency"
    """Somebody took the way out in an emergency: for which domain, by which plan, and why."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that is wrong. `n` is the entry, counted from 1; 0: it is about none that is there."""

    n: int
    what: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry: its number and its hash. In an empty journal 0 and the fixed word."""

    n: int = 0
    hash: str = ANCHOR


def canonical_json(value: Columns) -> str:
    """Give the one JSON text of a mapping: keys sorted, no spaces, all outside ASCII escaped, so that any text can be kept."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


def digest(columns: Columns, names: Iterable[str]) -> str:
    """Give the SHA-256 of some columns' canonical JSON, in hexadecimal."""
    return sha256(canonical_json({name: columns[name] for name in names}).encode()).hexdigest()


def rollout_id(columns: Columns) -> str:
    """Give the id of a rollout: a plan's rollout of a subject always has the same one, and an edited line another."""
    return digest(columns, _IDENTITY)


def opening(rollout: Columns, at: str) -> Body:
    """Give the body of the entry that opens a rollout; one that another state opened at another time than `at` says when."""
    original = {} if rollout["opened"] == at else {ORIGINAL: rollout["opened"]}
    return {"digest": digest(rollout, ("id", *_IDENTITY)), **original}


def closing(rollout: Columns) -> Body:
    """Give the body of the entry that closes a rollout."""
    return {"outcome": rollout["outcome"]}


def entry_hash(columns: Columns) -> str:
    """Give the hash of an entry: over all its other columns."""
    return digest(columns, _HASHED)


def breaks(entries: Iterable[Columns]) -> Iterator[Broken]:
    """Compare the whole journal, ascending by n, with what was once written."""
    expected, before = 1, ANCHOR
    for entry in entries:
        n = entry["n"]
        if n != expected:
            yield Broken(expected, f"the entry is missing; {n} is there instead")
        elif entry["prev"] != before:
            yield Broken(n, "it does not follow from the entry before")
        if edited(entry):
            yield Broken(n, "its columns do not give its hash")
        expected, before = n + 1, entry["hash"]


def edited(entry: Columns) -> bool:
    """Whether an entry is no longer as it was written."""
    return bool(entry_hash(entry) != entry["hash"])


def misfits(rollout: Columns, opened: Columns | None, closed: Columns | None) -> Iterator[Broken]:
    """Compare a rollout's row with the entries that opened and closed it; None: there is no such entry."""
    if opened is None:
        yield Broken(0, f"no entry opens the rollout {rollout['id']}")
        return
    if opened["body"] != canonical_json(opening(rollout, opened["at"])):
        yield Broken(opened["n"], f"the row of the rollout {rollout['id']} is not the one that this entry opened")
    if closed is None:
        if (rollout["closed"], rollout["outcome"]) != (None, None):
            yield Broken(opened["n"], f"no entry closes the rollout {rollout['id']}, which is closed")
    elif (closed["body"], closed["at"]) != (canonical_json(closing(rollout)), rollout["closed"]):
        yield Broken(closed["n"], f"the row of the rollout {rollout['id']} is not closed as this entry says")


def event(entry: Columns) -> Event | None:
    """Read an entry as `plans.position` does; None: it is about no step.

    Raises:
        ValueError: it is none.

    """
    if entry["kind"] not in _EVENTS:
        Mark(entry["kind"])
        return None
    told = body(entry)
    outcome, condition = (str(told.get(part) or "") for part in ("outcome", "condition"))
    at = time_from_text(str(told.get(ORIGINAL, entry["at"])))
    return Event(EventKind(entry["kind"]), entry["step"], at, outcome, condition)


def body(entry: Columns) -> Body:
    """Read the body of an entry. Raises ValueError."""
    read = json.loads(entry["body"])
    if not isinstance(read, dict):
        msg = f"{entry['body']} is no object"
        raise ValueError(msg)  # noqa: TRY004 - the text of the entry is at fault, not the type of an argument
    return cast("Body", read)


def time_to_text(moment: datetime) -> str:
    """Write a time in UTC with microseconds and `Z`, so that the order of texts is the order of times.

    Raises:
        ValueError: `moment` has no time zone.

    """
    if moment.tzinfo is None:
        msg = f"{moment} has no time zone"
        raise ValueError(msg)
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def time_from_text(text: str) -> datetime:
    """Read what `time_to_text` wrote. Raises ValueError."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
