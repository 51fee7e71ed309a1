"""Authoritative name servers on loopback: several addresses on one port, UDP and TCP, with zones that may be live views.

A server answers as RFC 1034 §4.3.2 and RFC 4592 say, unless a fault of its address says otherwise. One address can be a
recursive server over all that the others serve.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.zonefile

from plans.values import RRset, parse_value, rrset
from tests.emulators.dns_sockets import serving

Records = Callable[[], Iterable[object]]
"""What a zone holds at this moment; whatever is no `RRset` is left out."""

SOA = "ns.invalid. hostmaster.invalid. 1 3600 600 86400 300"
"""Of a zone that holds none."""


class Fault(Enum):
    """What is wrong with a server."""

    REFUSED = auto()
    SERVFAIL = auto()
    NO_AUTHORITY = auto()
    """It answers, without AA."""
    UPWARD = auto()
    """It refers everybody to the root."""
    SILENT = auto()
    SILENT_ON_UDP = auto()
    GARBAGE = auto()
    TRUNCATED = auto()
    """Over UDP, every answer."""
    TRUNCATED_ALWAYS = auto()
    TRUNCATED_IN_A_RECORD = auto()
    OTHER_ID = auto()
    OTHER_QUESTION = auto()
    LOWER_CASE = auto()
    NO_EDNS = auto()
    """FORMERR to every question with EDNS."""
    NXDOMAIN_FOR_EMPTY = auto()
    """It denies names that hold nothing themselves, whatever lies below them."""
    NO_SOA = auto()
    """Negative answers have an empty authority section."""
    FORGED_FIRST = auto()
    """Three datagrams come before the answer: garbage, another id, another question."""
    CLOSES_TCP = auto()
    SLOW = auto()
    """It answers after `SLOWNESS`."""
    OTHER_RECORDS = auto()
    """It answers with records of another name."""
    MIXED_TTLS = auto()
    """It answers once more with another TTL."""
    DENIES_SOA = auto()
    """It denies having a SOA."""
    EMPTY_TLSA = auto()
    """It answers with a TLSA that associates nothing."""


SLOWNESS = 0.5
"""Seconds."""


@dataclass(frozen=True)
class Asked:
    """A question as it came. `name` is in lower case."""

    address: str
    name: str
    type: str
    tcp: bool
    spelt: str


@dataclass
class _Server:
    zones: dict[dns.name.Name, Records] = field(default_factory=dict)
    faults: set[Fault] = field(default_factory=set)
    recursive: bool = False


class DnsWorld:
    """Some name servers. `port` is theirs; `asked` is every question that came."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self.port = 0
        self.asked: list[Asked] = []
        self._servers = {address: _Server() for address in addresses}

    def serve(self, zone: str, records: Records | str, *addresses: str) -> None:
        """Let addresses serve a zone: records as they are when they are asked for, or the lines of a zone file."""
        fixed = zone_text(zone, records) if isinstance(records, str) else []
        view = records if callable(records) else lambda: fixed
        for address in addresses:
            self._servers[address].zones[dns.name.from_text(zone)] = view

    def recursive(self, address: str) -> None:
        """Let an address find answers at the others."""
        self._servers[address].recursive = True

    def fail(self, address: str, *faults: Fault) -> None:
        """Give an address these faults, and no others."""
        self._servers[address].faults = set(faults)

    def count(self, name: str, kind: str = "") -> int:
        """Give how often a name was asked for."""
        return sum(one.name == name and kind in {"", one.type} for one in self.asked)

    def replies(self, octets: bytes, address: str, *, tcp: bool) -> list[bytes]:
        """Give what an address sends back."""
        query = dns.message.from_wire(octets)
        question = query.question[0]
        spelt = question.name.to_text()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(Asked(address, spelt.lower(), kind, tcp, spelt))
        server = self._servers[address]
        faults = server.faults
        if Fault.SILENT in faults or ((Fault.CLOSES_TCP if tcp else Fault.SILENT_ON_UDP) in faults):
            return []
        if Fault.GARBAGE in faults:
            return [octets[:2] + b"no DNS"]
        if Fault.SLOW in faults:
            time.sleep(SLOWNESS)
        reply = dns.message.make_response(query, our_payload=1232)
        if server.recursive:
            self._find(reply)
        else:
            _answer(reply, server)
        _spoil(reply, faults)
        sent = _wire(reply, query, faults, tcp=tcp)
        if Fault.FORGED_FIRST in faults and not tcp:
            return [*_forged(query), sent]
        return [sent]

    def _find(self, reply: dns.message.Message) -> None:
        """Answer as a recursive server: what the deepest zone says, and what lies behind an alias."""
        reply.flags |= dns.flags.RA
        question = reply.question[0]
        name = question.name
        for _ in range(8):
            holders = [
                (len(apex), not server.faults, server)
                for server in self._servers.values()
                for apex in server.zones
                if name.is_subdomain(apex)
            ]
            deepest = [one for one in holders if one[0] == max(depth for depth, _, _ in holders)]
            best = max(deepest, key=lambda one: one[1])[2] if deepest else None
            if best is None or best.faults:
                reply.set_rcode(dns.rcode.SERVFAIL)
                return
            part = dns.message.make_response(dns.message.make_query(name, question.rdtype))
            _answer(part, best)
            reply.set_rcode(part.rcode())
            reply.answer.extend(part.answer)
            if not part.flags & dns.flags.AA:
                reply.set_rcode(dns.rcode.SERVFAIL)
                return
            last = part.answer[-1] if part.answer else None
            if last is None or last.rdtype != dns.rdatatype.CNAME or last.rdtype == question.rdtype:
                reply.authority.extend(part.authority)
                return
            name = dns.name.from_text(last[0].to_text())


def zone_text(zone: str, text: str) -> list[RRset]:
    """Read the lines of a zone file, the zone being the origin and an hour the TTL that goes without saying."""
    read = dns.zonefile.read_rrsets(text, origin=zone, relativize=False, default_ttl=3600, rdclass=None)
    found = []
    for one in read:
        kind = dns.rdatatype.to_text(one.rdtype)
        found.append(rrset(one.name.to_text(), kind, one.ttl, [parse_value(kind, rdata.to_text()) for rdata in one]))
    return found


@contextmanager
def dns_world(*addresses: str) -> Iterator[DnsWorld]:
    """Serve at addresses on loopback, all on one free port, until the block ends."""
    world = DnsWorld(addresses)
    with serving(addresses, world.replies) as world.port:
        yield world


def _wire(reply: dns.message.Message, query: dns.message.Message, faults: set[Fault], *, tcp: bool) -> bytes:
    limit = 65535 if tcp else max(512, query.payload if query.edns >= 0 else 512)
    octets = reply.to_wire(max_size=65535)
    cut = Fault.TRUNCATED_ALWAYS in faults or (not tcp and (Fault.TRUNCATED in faults or len(octets) > limit))
    if cut:
        reply.flags |= dns.flags.TC
        reply.answer, reply.authority, reply.additional = [], [], []
        return reply.to_wire()
    if Fault.TRUNCATED_IN_A_RECORD in faults and not tcp:
        reply.flags |= dns.flags.TC
        return reply.to_wire()[:-3]
    return octets


def _spoil(reply: dns.message.Message, faults: set[Fault]) -> None:
    for fault, spoil in _SPOILS.items():
        if fault in faults:
            spoil(reply)


def _only(rcode: dns.rcode.Rcode) -> Callable[[dns.message.Message], None]:
    def spoil(reply: dns.message.Message) -> None:
        reply.answer, reply.authority, reply.additional = [], [], []
        reply.flags &= ~dns.flags.AA
        reply.set_rcode(rcode)

    return spoil


def _without_edns(reply: dns.message.Message) -> None:
    if reply.edns >= 0:
        reply.use_edns(edns=None)
        _only(dns.rcode.FORMERR)(reply)


def _without_authority(reply: dns.message.Message) -> None:
    reply.flags &= ~dns.flags.AA


def _upward(reply: dns.message.Message) -> None:
    _only(dns.rcode.NOERROR)(reply)
    reply.authority = [dns.rrset.from_text(".", 3600, "IN", "NS", "a.root-servers.net.")]


def _without_soa(reply: dns.message.Message) -> None:
    reply.authority = [one for one in reply.authority if one.rdtype != dns.rdatatype.SOA]


def _of_others(reply: dns.message.Message) -> None:
    reply.answer = [dns.rrset.from_text("other.invalid.", 60, "IN", "A", "192.0.2.66")]


def _mixed_ttls(reply: dns.message.Message) -> None:
    for one in list(reply.answer):
        other = dns.rrset.from_rdata_list(one.name, one.ttl + 1, [dns.rdata.from_text("IN", "MX", "99 other.invalid.")])
        reply.answer.append(other)


def _empty_tlsa(reply: dns.message.Message) -> None:
    rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.TLSA, b"\3\1\0", 0, 3)
    reply.answer = [dns.rrset.from_rdata(reply.question[0].name, 60, rdata)]


def _no_soa_set(reply: dns.message.Message) -> None:
    reply.answer = [one for one in reply.answer if one.rdtype != dns.rdatatype.SOA]


def _other_id(reply: dns.message.Message) -> None:
    reply.id ^= 0x5555


def _other_question(reply: dns.message.Message) -> None:
    reply.question = [dns.rrset.RRset(dns.name.from_text("other.invalid."), dns.rdataclass.IN, dns.rdatatype.A)]


def _lower_case(reply: dns.message.Message) -> None:
    asked = reply.question[0]
    reply.question = [dns.rrset.RRset(asked.name.canonicalize(), asked.rdclass, asked.rdtype)]


_SPOILS = {
    Fault.REFUSED: _only(dns.rcode.REFUSED),
    Fault.SERVFAIL: _only(dns.rcode.SERVFAIL),
    Fault.NO_EDNS: _without_edns,
    Fault.NO_AUTHORITY: _without_authority,
    Fault.UPWARD: _upward,
    Fault.NO_SOA: _without_soa,
    Fault.OTHER_RECORDS: _of_others,
    Fault.MIXED_TTLS: _mixed_ttls,
    Fault.DENIES_SOA: _no_soa_set,
    Fault.EMPTY_TLSA: _empty_tlsa,
    Fault.OTHER_ID: _other_id,
    Fault.OTHER_QUESTION: _other_question,
    Fault.LOWER_CASE: _lower_case,
}


def _forged(query: dns.message.Message) -> list[bytes]:
    forged = []
    for fault in (Fault.OTHER_ID, Fault.OTHER_QUESTION):
        reply = dns.message.make_response(query)
        reply.answer = [dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.66")]
        _spoil(reply, {fault})
        forged.append(reply.to_wire())
    cut = dns.message.make_response(query)
    cut.id ^= 1
    cut.flags |= dns.flags.TC
    return [b"garbage", *forged, cut.to_wire()]


class _Zone:
    def __init__(self, apex: dns.name.Name, records: Iterable[object]) -> None:
        self.apex = apex
        self.sets: dict[tuple[dns.name.Name, str], dns.rrset.RRset] = {}
        for one in records:
            if isinstance(one, RRset):
                self.put(one.key.owner, one.key.type, one.ttl, [str(value) for value in one.values])
        if (apex, "SOA") not in self.sets:
            self.put(apex.to_text(), "SOA", 3600, [SOA])
        self.names = {above for owner, _ in self.sets for above in self.at_and_above(owner)}

    def put(self, owner: str, kind: str, ttl: int, values: list[str]) -> None:
        name = dns.name.from_text(owner)
        self.sets[name, kind] = dns.rrset.from_text_list(name, ttl, "IN", kind, values)

    def at_and_above(self, owner: dns.name.Name) -> list[dns.name.Name]:
        return [dns.name.Name(owner.labels[at:]) for at in range(len(owner) - len(self.apex) + 1)]

    def held(self, owner: dns.name.Name) -> Mapping[str, dns.rrset.RRset]:
        return {kind: one for (name, kind), one in self.sets.items() if name == owner}

    def denial(self) -> list[dns.rrset.RRset]:
        """Give the SOA of negative answers: it lives no longer than they do (RFC 2308 §3)."""
        held = self.sets[self.apex, "SOA"]
        soa = cast("dns.rdtypes.ANY.SOA.SOA", held[0])
        return [dns.rrset.from_rdata(self.apex, min(held.ttl, soa.minimum), soa)]


def _answer(reply: dns.message.Message, server: _Server) -> None:
    """Answer the question, and what its aliases lead to, as far as the zones of the server go (RFC 1034 §4.3.2)."""
    question = reply.question[0]
    followed: set[dns.name.Name] = set()
    name: dns.name.Name | None = question.name
    while name is not None:
        if name in followed:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return
        followed.add(name)
        name = _look_up(reply, server, name, dns.rdatatype.to_text(question.rdtype))


def _look_up(reply: dns.message.Message, server: _Server, name: dns.name.Name, kind: str) -> dns.name.Name | None:
    """Add to the answer what is at a name; gives the name that it is an alias of."""
    held = [apex for apex in server.zones if name.is_subdomain(apex)]
    if kind == "DS" and len(held) > 1:
        held = [apex for apex in held if apex != name]
    if not held:
        reply.set_rcode(dns.rcode.NOERROR if reply.answer else dns.rcode.REFUSED)
        return None
    apex = max(held, key=len)
    zone = _Zone(apex, server.zones[apex]())
    for above in reversed(zone.at_and_above(name.canonicalize())):
        cut = zone.sets.get((above, "NS"))
        if cut and above != apex and not (above == name and kind == "DS"):
            reply.authority = [cut]
            targets = [dns.name.from_text(rdata.to_text()) for rdata in cut]
            found = (zone.sets.get((target, address)) for target in targets for address in ("A", "AAAA"))
            reply.additional = [one for one in found if one]
            return None
        renamed = zone.sets.get((above, "DNAME"))
        if renamed and above != name:
            reply.flags |= dns.flags.AA
            target = name.relativize(above).derelativize(dns.name.from_text(renamed[0].to_text()))
            reply.answer += [renamed, dns.rrset.from_text(name, renamed.ttl, "IN", "CNAME", target.to_text())]
            return target
    reply.flags |= dns.flags.AA
    return _from_zone(reply, zone, name, kind, server.faults)


def _from_zone(
    reply: dns.message.Message, zone: _Zone, name: dns.name.Name, kind: str, faults: set[Fault]
) -> dns.name.Name | None:
    types, exists = zone.held(name), name in zone.names
    if exists and not types and Fault.NXDOMAIN_FOR_EMPTY in faults:
        exists = False
    if name not in zone.names:
        encloser = next(above for above in zone.at_and_above(name) if above in zone.names)
        types = zone.held(dns.name.Name((b"*", *encloser.labels)))
        exists = bool(types)
    found = types.get(kind) or types.get("CNAME")
    if found:
        reply.answer.append(dns.rrset.from_rdata_list(name, found.ttl, list(found)))
        return dns.name.from_text(found[0].to_text()) if found.rdtype == dns.rdatatype.CNAME and kind != "CNAME" else None
    reply.authority = zone.denial()
    if not exists:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    return None
