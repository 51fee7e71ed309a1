"""Zones that a primary name server lets us read over DNS and change by dynamic update (RFC 2136), signed with TSIG (RFC 8945).

A call's changes go in one message: the server makes all of them or none, and only if the values of every key, and what could
hide them, are as they were. TTLs cannot be required: they are compared just before, so that in the one round trip that remains
somebody's change of a TTL alone would be overwritten. After an update the server is asked until it gives what was written.

Signing is not ours to turn on: BIND and its like sign by their own configuration (`dnssec-policy`).
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Literal

import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
from pydantic import Field, field_validator

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Key, Name, RRset, ZoneRef, ancestors, name
from providers.contract import (
    CONTRACT_VERSION,
    Access,
    Adapter,
    Capabilities,
    Context,
    Options,
    Outcome,
    ProviderError,
    SecretOption,
    Signer,
    Status,
    Unsupported,
    ZoneNotFound,
)
from providers.limiter import Rate
from providers.rfc2136.key import parse_key
from providers.rfc2136.read import apex_of, by_questions, by_transfer
from providers.rfc2136.update import GUARD_FAILED, REFUSED, update_message
from providers.rfc2136.wire import Deadlines, Lost, Server, Session
from providers.zonedata import ZoneData, guard, highest_by_type, require_writable

TYPE = "rfc2136"
_RATE = Rate(per_second=100, burst=100)
"""A server of one's own documents no limit; this keeps a run from taking it up alone."""


class Rfc2136Options(Options):
    """The manifest's options."""

    server: Annotated[str, Field(pattern=r"^[^\s\[\]/@]+$", description="the zones' primary name server: address or host name")]
    port: Annotated[int, Field(ge=1, le=65535, description="its TCP port")] = 53
    tsig: Annotated[SecretOption, Field(description="the TSIG key that signs every message, as `tsig-keygen` prints it")]
    zones: Annotated[
        list[str] | None,
        Field(description="the zones that are ours there; else a name's zone is found by asking the server"),
    ] = None
    read: Annotated[
        Literal["query", "axfr"],
        Field(
            description="query: by questions for the names of a change; axfr: by transfers of the zone, which every server "
            "answers in full, and which costs more the larger the zone is"
        ),
    ] = "query"

    @field_validator("server")
    @classmethod
    def _without_port(cls, server: str) -> str:
        if ":" in server:
            ipaddress.IPv6Address(server)
        return server

    @field_validator("zones")
    @classmethod
    def _names(cls, zones: list[str] | None) -> list[str] | None:
        return None if zones is None else sorted({name(zone) for zone in zones})


class Rfc2136:
    """The zones of one primary name server."""

    def __init__(self, label: str, options: Rfc2136Options, context: Context, deadlines: Deadlines | None = None) -> None:
        where = options.tsig.file or f"environment variable {options.tsig.env}"
        self._label = label
        self._listed = None if options.zones is None else {name(zone) for zone in options.zones}
        longest = options.max_zone_ttl
        self._longest_ttl = None if longest is None else int(longest.total_seconds())
        self._gather = by_transfer if options.read == "axfr" else by_questions
        self._found: dict[Name, Name | None] = {}
        self._server = Server(
            label,
            (options.server, options.port),
            lambda: parse_key(context.reveal(options.tsig), where),
            context.limiters.of(TYPE, f"{options.server}:{options.port}", _RATE),
            context.meter,
            deadlines or Deadlines(),
        )
        self._account = str(self._server)

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give the zones that the manifest lists. Raises `Unsupported` where it does not: no question finds them."""
        if self._listed is None:
            raise Unsupported(
                f"The zones of provider {self._label} cannot be listed",
                f"{self._account}: DNS has no question for the zones of a server.",
                "List them:  zones: [example.com, example.net]",
            )
        return (self._reference(zone) for zone in sorted(self._listed))

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's zone: the longest one that is listed, or that the server says it is authoritative for."""
        if self._listed is not None:
            found = {asked: self._longest(asked, self._listed) for asked in names}
        else:
            with Session(self._server) as session:
                found = {asked: self._ask_for_zone(session, asked) for asked in names}
        return {asked: self._reference(zone) for asked, zone in found.items() if zone is not None}

    def access(self, zone: ZoneRef) -> Access:
        """Read the zone's apex, and send an update that holds nothing (RFC 2136 §2.5). Raises `ProviderError`."""
        self._require(zone)
        with Session(self._server) as session:
            self._gather(session, zone.name, [])
            try:
                rcode = session.update(dns.update.UpdateMessage(dns.name.from_text(zone.name)))
            except ProviderError as error:
                return Access(readable=True, writable=None if error.retry_is_safe else False, detail=error.detail)
            except Lost as lost:
                return Access(readable=True, writable=None, detail=f"{self._server} leaves an empty update unanswered: {lost}")
        told = f"{self._server} answers an empty update with {dns.rcode.to_text(rcode)}"
        if rcode != dns.rcode.NOERROR:
            return Access(readable=True, writable=False, detail=f"{told}: the zone takes no updates with this key")
        detail = f"{told}; which names and types the key may write (BIND: update-policy) shows only when one is written"
        return Access(readable=True, writable=None, detail=detail)

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read keys of one zone; the token is the zone's serial. Raises `ProviderError`."""
        self._require(zone)
        with Session(self._server) as session:
            data, serial = self._gather(session, zone.name, {key.owner for key in keys})
        return data.snapshot(zone, keys, serial)

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Give the set as it is, with a TTL of no more than `max_zone_ttl`. Raises `Unsupported`.

        BIND with a `dnssec-policy` cuts the TTL of an update to the policy's `max-zone-ttl`.
        """
        require_writable(zone, wanted)
        return wanted if self._longest_ttl is None else RRset(wanted.key, min(wanted.ttl, self._longest_ttl), wanted.values)

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:
        """Give the NS at the zone's apex. Raises `ProviderError`."""
        key = Key(zone.name, "NS")
        held = self.read(zone, [key]).sets[key]
        return frozenset(name(str(value)) for value in held.values) if isinstance(held, RRset) else frozenset()

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        """Transfer the zone, whatever `read` says. None: the server refuses that to the key. Raises `ProviderError`."""
        self._require(zone)
        with Session(self._server) as session:
            try:
                return highest_by_type((dns.rdatatype.to_text(one.rdtype), one.ttl) for one in session.transfer(zone.name))
            except ProviderError as error:
                if error.retry_is_safe:
                    raise
                return None

    def signer(self) -> Signer | None:
        """Give nothing: no update turns signing on, the server's configuration does."""
        return None

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make all changes in one update message, or none of them."""
        zone = base.zone
        self._require(zone)
        for change in changes:
            if change.after is not None:
                require_writable(zone, change.after)
        if not changes:
            return {}
        with Session(self._server) as session:
            data = self._data(session, zone, changes)
            if (refused := guard(base, data.live, changes)) is not None:
                return refused
            for change in changes:
                if change.after is not None and (obstacle := data.obstacle(change.key)):
                    raise Unsupported(f"Zone {zone.name} cannot hold {change.key}", obstacle, "Mend the zone first.")
            return self._write(session, base, changes)

    def _write(self, session: Session, base: Snapshot, changes: Sequence[Change]) -> dict[Key, Outcome]:
        zone = base.zone
        try:
            rcode = session.update(update_message(zone.name, changes))
        except Lost as lost:
            return self._settled(session, zone, changes, f"no clear answer came: {lost}", confirmed=False)
        told = f"the server answers {dns.rcode.to_text(rcode)}"
        match rcode:
            case dns.rcode.NOERROR:
                doubt = (
                    "the server took the update and does not give what was written; where it cuts TTLs (BIND: max-zone-ttl), "
                    "say so by the provider's option max_zone_ttl"
                )
                return self._settled(session, zone, changes, doubt, confirmed=True)
            case dns.rcode.SERVFAIL:
                return self._settled(session, zone, changes, told, confirmed=False)
            case dns.rcode.NOTAUTH:
                raise self._server.auth_failed("NOTAUTH: it is not the zone's primary, or the key may not write this there")
            case _ if rcode in GUARD_FAILED:
                return self._conflict(session, base, changes, told)
            case _:
                return _all(changes, Status.REJECTED, REFUSED if rcode == dns.rcode.REFUSED else told)

    def _conflict(self, session: Session, base: Snapshot, changes: Sequence[Change], told: str) -> dict[Key, Outcome]:
        """Say what it is that changed. Nothing was written."""
        try:
            seen = guard(base, self._data(session, base.zone, changes).live, changes)
        except ProviderError:
            seen = None
        return seen or _all(changes, Status.CONFLICT, f"the zone changed just before the write: {told}")

    def _settled(
        self, session: Session, zone: ZoneRef, changes: Sequence[Change], doubt: str, *, confirmed: bool
    ) -> dict[Key, Outcome]:
        """Find out by reading what became of a write.

        A server that signs may take a moment until it gives what it has confirmed. A write without an answer that is not there
        yet may still come.
        """
        end = time.monotonic() + (self._server.deadlines.seen if confirmed else 0.0)
        pause = 0.01
        while True:
            try:
                data = self._data(session, zone, changes)
            except ProviderError as error:
                told = f"it could not be read back: {error.detail}"
                return _all(changes, Status.WRITTEN, told) if confirmed else _all(changes, Status.UNKNOWN, f"{doubt}; {told}")
            if all(data.live(change.key) == change.after for change in changes):
                return _all(changes, Status.WRITTEN)
            if time.monotonic() >= end:
                return _all(changes, Status.UNKNOWN, doubt)
            time.sleep(pause)
            pause = min(2 * pause, 0.5)

    def _data(self, session: Session, zone: ZoneRef, changes: Sequence[Change]) -> ZoneData:
        return self._gather(session, zone.name, {change.key.owner for change in changes})[0]

    def _ask_for_zone(self, session: Session, asked: Name) -> Name | None:
        """Ask for the SOA from the name upwards, once a run for each name."""
        visited = []
        zone = None
        for upper in (asked, *ancestors(asked)):
            if upper in self._found:
                zone = self._found[upper]
                break
            visited.append(upper)
            if (zone := apex_of(session, upper)) is not None:
                break
        self._found |= dict.fromkeys(visited, zone)
        return zone

    @staticmethod
    def _longest(asked: Name, zones: Collection[Name]) -> Name | None:
        return next((upper for upper in (asked, *ancestors(asked)) if upper in zones), None)

    def _reference(self, zone: Name) -> ZoneRef:
        return ZoneRef(self._label, TYPE, self._account, zone, zone)

    def _require(self, zone: ZoneRef) -> None:
        listed = self._listed is None or zone.name in self._listed
        if zone != self._reference(zone.name) or not listed:
            raise ZoneNotFound(
                f"Zone {zone.name} is not the one that provider {self._label} holds",
                f"{zone.type} {zone.account}/{zone.id} was asked for; {self._label} is {TYPE} {self._account}.",
                "Make a new plan with this manifest.",
            )


def _all(changes: Sequence[Change], status: Status, detail: str = "") -> dict[Key, Outcome]:
    return {change.key: Outcome(status, detail) for change in changes}


ADAPTER = Adapter(
    contract=CONTRACT_VERSION,
    options=Rfc2136Options,
    capabilities=Capabilities(
        guard="prerequisites on values; TTL read before and checked after", types=frozenset(MANAGED_TYPES), lists=True
    ),
    open=Rfc2136,
)
