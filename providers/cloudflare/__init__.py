"""Zones at Cloudflare.

A zone is read by one list of all its records, and changed by one batch. Cloudflare has no precondition: right before a batch
the records are listed again and must be, to the letter, those of the base; the batch names them by id, so that one which
vanished fails it as a whole, and its answer is compared with what was meant. What somebody else edits within that last round
trip is overwritten. A batch whose answer was lost is sent again only when the records, listed once more, are still those of
the base.

How TTL `auto` and a CNAME at the apex are read stands in `providers.cloudflare.records`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Key, Mx, Name, RRset, ZoneRef
from providers.cloudflare.api import Api, Patience
from providers.cloudflare.dnssec import CloudflareSigner
from providers.cloudflare.errors import Lost, Unreadable
from providers.cloudflare.options import CloudflareOptions
from providers.cloudflare.records import LONGEST_TTL, Batch, Records, batch_of, doubts, served_ttl
from providers.cloudflare.rows import BatchRows
from providers.cloudflare.zones import Directory
from providers.contract import (
    CONTRACT_VERSION,
    Access,
    Adapter,
    AuthFailed,
    Capabilities,
    Context,
    Outcome,
    ProviderError,
    Rejected,
    Signer,
    Status,
    Throttled,
    Unavailable,
    Unsupported,
)
from providers.zonedata import guard, highest_by_type, require_writable


class Cloudflare:
    """The zones that one API token sees, or those of one account of it."""

    def __init__(self, label: str, options: CloudflareOptions, context: Context, patience: Patience | None = None) -> None:
        self._label = label
        self._api = Api(label, options, context, patience or Patience())
        self._directory = Directory(label, options.account, self._api)

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give every zone, by name. Raises `ProviderError`."""
        return iter([facts.ref for facts in self._directory.all()])

    def access(self, zone: ZoneRef) -> Access:
        """Say whether a zone's records can be read; what a token may write shows when it writes. Raises `ProviderError`."""
        facts = self._directory.facts(zone)
        try:
            self._api.may_read(zone.id, zone.name)
        except AuthFailed as error:
            return Access(readable=False, writable=False, detail=error.detail)
        if facts.kind == "secondary":
            return Access(readable=True, writable=False, detail="it is a secondary zone: its records come from its primary")
        return Access(readable=True, writable=None, detail="Cloudflare tells what a token may write only when it writes")

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's zone, the longest match; one that is not delegated to yet is a zone too. Raises `ProviderError`."""
        return self._directory.find(names)

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read keys by one list of all records, 5,000 a request. Raises `ProviderError`."""
        self._directory.facts(zone)
        return self._listed(zone, keys).snapshot(zone)

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Bring the TTL into what the zone takes: 60 (Enterprise 30) to 86,400 seconds. Raises `ProviderError`."""
        facts = self._directory.facts(zone)
        _require_holdable(zone, wanted)
        return replace(wanted, ttl=min(max(wanted.ttl, facts.floor), LONGEST_TTL))

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        """List the zone, 5,000 records a request; Cloudflare's own SOA and NS, which no list has, count with its longest TTL.

        Raises `ProviderError`.
        """
        self._directory.facts(zone)
        pages = self._api.record_pages(zone.id, zone.name)
        listed = ((row.type, served_ttl(row)) for rows, _ in pages for row in rows)
        return highest_by_type(chain((("SOA", LONGEST_TTL), ("NS", LONGEST_TTL)), listed))

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:
        """Give the servers that were assigned to a zone, and those of the customer's own names. Raises `ProviderError`."""
        return self._directory.facts(zone).servers

    def signer(self) -> Signer:
        """Give what signs the zones."""
        return CloudflareSigner(self._label, self._directory, self._api)

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make all changes in one batch, or none. Raises `ProviderError` only where surely nothing was written."""
        zone = base.zone
        self._directory.facts(zone)
        for change in changes:
            if change.after is not None:
                _require_holdable(zone, change.after)
        if not changes:
            return {}
        records = self._listed(zone, [change.key for change in changes])
        data = records.data()
        if (refused := guard(base, records.since(base.token), changes)) is not None:
            return refused
        for change in changes:
            if change.after is not None and (obstacle := data.obstacle(change.key)):
                raise Unsupported(f"zone {zone.name} cannot hold {change.key}", obstacle, "mend the zone first")
        return self._write(base, changes, batch_of(records, changes))

    def _write(self, base: Snapshot, changes: Sequence[Change], batch: Batch) -> Mapping[Key, Outcome]:
        """Send a batch, again where it surely did nothing, until it is known what became of it or the pauses run out."""
        pauses = iter(self._api.patience.pauses)
        sure = True
        while True:
            try:
                answer = self._api.batch(base.zone.id, base.zone.name, batch.body)
            except ProviderError as error:
                failure = error
            else:
                return _checked(batch, answer, changes)
            sure = sure and not isinstance(failure, Lost | Unreadable)
            if sure and isinstance(failure, AuthFailed):
                raise failure
            pause = next(pauses, None)
            if pause is not None and isinstance(failure, Unavailable) and not isinstance(failure, Throttled):
                self._api.patience.sleep(pause)
            settled = self._settled(base, changes, failure, sure=sure)
            if settled is not None:
                return settled
            if pause is None and sure:
                raise failure
            if pause is None:
                return _all(changes, Status.UNKNOWN, failure.detail)

    def _settled(
        self, base: Snapshot, changes: Sequence[Change], failure: ProviderError, *, sure: bool
    ) -> Mapping[Key, Outcome] | None:
        """Tell by reading what became of a batch that failed; None: nothing was done, and it may be sent again."""
        try:
            records = self._listed(base.zone, [change.key for change in changes])
        except ProviderError as error:
            if not sure:
                return _all(changes, Status.UNKNOWN, f"{failure.detail}; then {error.detail}")
            raise failure from error
        data = records.data()
        refused = guard(base, records.since(base.token), changes)
        if refused is None:
            if isinstance(failure, Unavailable | Unreadable):
                return None
            # What was lost before may still arrive.
            return _all(changes, Status.REJECTED if sure else Status.UNKNOWN, failure.detail)
        if sure:
            return refused
        return {
            change.key: Outcome(Status.WRITTEN)
            if data.live(change.key) == change.after
            else Outcome(Status.UNKNOWN, f"{failure.detail}; then something else stood there")
            for change in changes
        }

    def _listed(self, zone: ZoneRef, keys: Collection[Key]) -> Records:
        records = Records(zone.name, keys)
        try:
            for rows, _ in self._api.record_pages(zone.id, zone.name):
                records.add(rows)
        except ValueError as error:
            raise Rejected(
                f"zone {zone.name} holds a record whose name is none",
                f"provider {self._label}: {error}",
                "mend that record at Cloudflare",
            ) from error
        return records


def _require_holdable(zone: ZoneRef, wanted: RRset) -> None:
    """Refuse what no zone at Cloudflare could hold. Raises `Unsupported`."""
    require_writable(zone, wanted)
    names = [wanted.key.owner, *(value.exchange for value in wanted.values if isinstance(value, Mx))]
    if escaped := next((one for one in names if "\\" in one), None):
        raise Unsupported(
            f"zone {zone.name} cannot hold {wanted.key}",
            f"provider {zone.provider}: Cloudflare has no escapes in names, and {escaped} needs one",
            "name a host without such characters",
        )


def _checked(batch: Batch, answer: BatchRows, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
    doubted = doubts(batch, answer, changes)
    return {
        change.key: Outcome(Status.UNKNOWN, doubted[change.key]) if change.key in doubted else Outcome(Status.WRITTEN)
        for change in changes
    }


def _all(changes: Sequence[Change], status: Status, detail: str) -> dict[Key, Outcome]:
    return {change.key: Outcome(status, detail) for change in changes}


ADAPTER = Adapter(
    contract=CONTRACT_VERSION,
    options=CloudflareOptions,
    capabilities=Capabilities(
        guard="listed again just before, one batch by record ids, its answer checked; a window of one round trip remains",
        types=frozenset(MANAGED_TYPES),
        signs=True,
        lists=True,
    ),
    open=Cloudflare,
)
"""The entry point `cloudflare`."""
