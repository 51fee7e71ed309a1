"""The journal's chain, purely: what an entry's hash covers, and what is wrong with a chain that was edited.

Each entry carries the hash of the one before; the first one carries the anchor, a hash of what never changes in its rollout's
row. That finds damage and careless edits. It cannot find that the newest entries were cut off, nor a chain that was computed
anew from some point on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from plans.position import Event, EventKind

Columns = Mapping[str, Any]
"""A row by column name; the values of an edited database can be of any type."""

_HASHED = ("rollout", "n", "at", "run", "kind", "step", "body", "prev")
_IDENTITY = ("subject", "plan_id", "line")
_ANCHORED = ("id", *_IDENTITY, "opened")


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that is wrong with a rollout's chain. `n` is the entry, counted from 1; 0 is the rollout's own row."""

    rollout: str
    n: int
    what: str


def canonical_json(value: Columns) -> str:
    """Give the one JSON text of a mapping: keys sorted, no spaces, all outside ASCII escaped, so that any text can be kept."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


def rollout_id(columns: Columns) -> str:
    """Give the id of a rollout: a plan's rollout of a subject always has the same one, and an edited line another."""
    return _digest(columns, _IDENTITY)


def anchor(columns: Columns) -> str:
    """Give what the first entry of a rollout carries as the hash before it."""
    return _digest(columns, _ANCHORED)


def entry_hash(columns: Columns) -> str:
    """Give the hash of an entry: over all its other columns."""
    return _digest(columns, _HASHED)


def _digest(columns: Columns, names: Iterable[str]) -> str:
    return sha256(canonical_json({name: columns[name] for name in names}).encode()).hexdigest()


def breaks(rollout: Columns, entries: Iterable[Columns]) -> Iterator[Broken]:
    """Compare a rollout's row and its entries, ascending by n, with what was once written."""
    subject = rollout["id"]
    if rollout_id(rollout) != subject:
        yield Broken(subject, 0, "its subject, plan or line is not the one that its id was made from")
    expected, before = 1, anchor(rollout)
    for entry in entries:
        n = entry["n"] if isinstance(entry["n"], int) else expected
        if entry["n"] != expected:
            yield Broken(subject, expected, f"the entry is missing; {entry['n']} is there instead")
        elif entry["prev"] != before:
            yield Broken(subject, n, "it does not follow from the entry before" if n > 1 else "its rollout's row was edited")
        if entry_hash(entry) != entry["hash"]:
            yield Broken(subject, n, "its columns do not give its hash")
        expected, before = n + 1, entry["hash"]


def event(entry: Columns) -> Event:
    """Read an entry as `plans.position` does.

    Raises:
        ValueError: it is none.

    """
    outcome = json.loads(entry["body"]).get("outcome")
    return Event(EventKind(entry["kind"]), entry["step"], time_from_text(entry["at"]), "" if outcome is None else str(outcome))


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
