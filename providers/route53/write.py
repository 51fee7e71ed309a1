"""Writing: each set is deleted exactly as it was read and created anew, in one batch that Route 53 makes whole or not at all.

https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key, RRset
from providers.aws.errors import Lost, Refused
from providers.contract import Outcome, ProviderError, Status, Unsupported
from providers.route53.client import Client
from providers.route53.records import Records, spelling
from providers.route53.text import requested_name, set_of, spelled, stored_name
from providers.zonedata import ZoneData, guard, require_writable

BATCH_RECORDS = 1000
BATCH_CHARACTERS = 32_000
VALUE_CHARACTERS = 4000
"""Quotas of one request and one value (docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html)."""

_LOST_ANSWERS = 3

Outcomes = dict[Key, Outcome]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes into zones, one batch at a time in each: Route 53 refuses a second one while it works at the first."""

    client: Client
    records: Records
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make changes; all or none, unless one batch does not take them. Raises `ProviderError` before anything is written.

        Nothing is read first: what the snapshot was is in its token, and Route 53 compares it.
        """
        if not self.records.zones.require(base.zone):
            self.records.read(base.zone, ())
        for change in changes:
            if change.after is not None:
                require_writable(base.zone, change.after)
        if (refused := guard(base, base.sets.get, changes)) is not None:
            return refused
        data = ZoneData(base.zone.name, base.nodes, base.sets.get)
        for change in changes:
            if change.after is not None and (obstacle := data.obstacle(change.key)):
                raise Unsupported(f"zone {base.zone.name} cannot hold {change.key}", obstacle, "Mend the zone first.")
        outcomes: Outcomes = {}
        with self._locks.setdefault(base.zone.id, threading.Lock()):
            for batch in list(_batches(changes)):
                outcomes |= self._next(base, batch, outcomes)
        return outcomes

    def _next(self, base: Snapshot, batch: list[Change], before: Outcomes) -> Outcomes:
        """Write a batch, if all that came before it was written."""
        if any(outcome.status is not Status.WRITTEN for outcome in before.values()):
            return _all(batch, Status.NOT_TRIED, "an earlier batch of the same call was not written")
        try:
            return _Batch(self.client, self.records, base, batch).write()
        except ProviderError as error:
            if not before:
                raise
            return _all(batch, Status.NOT_TRIED, error.detail)


@dataclass(slots=True)
class _Batch:
    """One batch on its way: what was sent, and whether an answer was lost."""

    client: Client
    records: Records
    base: Snapshot
    changes: list[Change]
    lost: int = 0
    held: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def write(self) -> Outcomes:
        """Send the batch until it is known what became of it. Raises `ProviderError` where nothing was written."""
        self.held = spelling(self.base.token)
        while True:
            try:
                self.client.write(
                    "ChangeResourceRecordSets", HostedZoneId=self.base.zone.id, ChangeBatch={"Changes": list(self._actions())}
                )
                return _all(self.changes, Status.WRITTEN)
            except Lost as error:
                self.lost += 1
                self.client.patience.sleep(self.client.patience.pause(self.lost))
                outcomes = self._after_loss(error)
            except Refused as error:
                outcomes = self._after_refusal(error)
            except ProviderError as error:
                if not self.lost:
                    raise
                outcomes = _all(self.changes, Status.UNKNOWN, error.detail)
            if outcomes is not None:
                return outcomes

    def _actions(self) -> Iterator[dict[str, object]]:
        """Give the deletions, then the creations."""
        for change in self.changes:
            if change.before is not None:
                yield {"Action": "DELETE", "ResourceRecordSet": self._spelled(change.before)}
        for change in self.changes:
            if change.after is not None:
                yield {"Action": "CREATE", "ResourceRecordSet": _set(change.after)}

    def _spelled(self, before: RRset) -> Mapping[str, object]:
        """Give a set as Route 53 itself spells it, if it was read so."""
        known = self.held.get(str(before.key))
        return known if known is not None and set_of(before.key, [known]) == before else _set(before)

    def _after_loss(self, error: Lost) -> Outcomes | None:
        """Find out what became of a batch whose answer was lost. None: nothing did, and it may be sent again.

        Sending it twice does no harm: whichever of the two comes second finds other sets than it names.
        """
        now = self._now()
        if now is not None and self._holds(now, after=True):
            return _all(self.changes, Status.WRITTEN, "the answer was lost; read back")
        if now is not None and self._holds(now, after=False) and self.lost < _LOST_ANSWERS:
            return None
        return _all(self.changes, Status.UNKNOWN, error.detail)

    def _after_refusal(self, error: Refused) -> Outcomes | None:
        """Find out why a batch was refused. None: its sets are the same and spelled otherwise, and it may be sent again."""
        now = self._now() if error.code == "InvalidChangeBatch" or self.lost else self.base
        if now is None:
            return _all(self.changes, Status.UNKNOWN if self.lost else Status.REJECTED, error.reason)
        if self._holds(now, after=False):
            sent, self.held = list(self._actions()), spelling(now.token)
            if error.code == "InvalidChangeBatch" and list(self._actions()) != sent:
                return None
            return self._rejected(error)
        if self.lost and self._holds(now, after=True):
            return _all(self.changes, Status.WRITTEN, "the answer was lost; read back")
        if self.lost:
            return _all(self.changes, Status.UNKNOWN, error.reason)
        return {
            change.key: Outcome(Status.CONFLICT, "the set changed since it was read")
            if now.sets[change.key] != change.before
            else Outcome(Status.NOT_TRIED, "another change of the same call met a conflict")
            for change in self.changes
        }

    def _now(self) -> Snapshot | None:
        try:
            return self.records.read(self.base.zone, [change.key for change in self.changes])
        except ProviderError:
            return None

    def _holds(self, now: Snapshot, *, after: bool) -> bool:
        return all(now.sets[change.key] == (change.after if after else change.before) for change in self.changes)

    def _rejected(self, error: Refused) -> Outcomes:
        named = [change.key for change in self.changes if _names(error.reason, change.key)]
        reason = error.reason
        if "protect" in reason.lower():
            reason += " (the owner of the zone has protected it: DeleteResourceRecordSetProtections lifts that)"
        return {
            change.key: Outcome(Status.REJECTED, reason)
            if change.key in named or not named
            else Outcome(Status.NOT_TRIED, "another change of the same call was refused")
            for change in self.changes
        }


def require_room(wanted: RRset, zone: str) -> None:
    """Refuse a set that no request can carry. Raises `Unsupported`."""
    values = [spelled(value) for value in wanted.values]
    if max(map(len, values)) > VALUE_CHARACTERS:
        reason = f"a value is longer than {VALUE_CHARACTERS} characters"
    elif len(values) > BATCH_RECORDS or sum(map(len, values)) > BATCH_CHARACTERS:
        reason = f"a request takes {BATCH_RECORDS} records and {BATCH_CHARACTERS} characters"
    else:
        return
    raise Unsupported(f"zone {zone} cannot hold {wanted.key}", f"Route 53: {reason}", "Want fewer or shorter records there.")


def _batches(changes: Sequence[Change]) -> Iterator[list[Change]]:
    batch: list[Change] = []
    records = characters = 0
    for change in changes:
        own_records, own_characters = _size(change)
        if batch and (records + own_records > BATCH_RECORDS or characters + own_characters > BATCH_CHARACTERS):
            yield batch
            batch, records, characters = [], 0, 0
        batch.append(change)
        records, characters = records + own_records, characters + own_characters
    if batch:
        yield batch


def _size(change: Change) -> tuple[int, int]:
    """Give what a change costs of a request's quotas: old and new set count, by records and by characters of their values."""
    values = [spelled(value) for held in (change.before, change.after) if held is not None for value in held.values]
    records, characters = len(values), sum(map(len, values))
    if records > BATCH_RECORDS or characters > BATCH_CHARACTERS:
        raise Unsupported(
            f"{change.key} is too large to be changed at once",
            f"old and new set have {records} records of {characters} characters, a request takes "
            f"{BATCH_RECORDS} and {BATCH_CHARACTERS}",
            "Make it smaller by hand first.",
        )
    return records, characters


def _set(wanted: RRset) -> dict[str, object]:
    return {
        "Name": requested_name(wanted.key.owner),
        "Type": wanted.key.type,
        "TTL": wanted.ttl,
        "ResourceRecords": [{"Value": spelled(value)} for value in wanted.values],
    }


def _names(reason: str, key: Key) -> bool:
    """Whether a refusal speaks of a set, in one of the ways in which Route 53 words that."""
    owner = stored_name(key.owner).removesuffix(".")
    return bool(
        re.search(rf"(?<![\w.\\-]){re.escape(owner)}(?!\.?[\w-])", reason) and re.search(rf"(?<!\w){key.type}(?!\w)", reason)
    )


def _all(changes: Sequence[Change], status: Status, detail: str = "") -> Outcomes:
    return {change.key: Outcome(status, detail) for change in changes}
