"""A strict little primary name server on loopback TCP: questions, transfers and updates (RFC 1034, 5936, 2136), all signed.

It answers as RFC 1034 §4.3.2 says, wildcards, zone cuts and DNAME among it, and refuses what real servers refuse. What it holds
can be looked at and changed past the protocol, and a test can say what shall go wrong with the next messages.
"""

from __future__ import annotations

import socketserver
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update
from dns.rdatatype import RdataType

from providers.contract import Context, SecretOption
from providers.rfc2136 import Rfc2136, Rfc2136Options
from providers.rfc2136.wire import Deadlines

KEY_NAME, SECRET = "provisioner-test", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
KEY = dns.tsig.Key(KEY_NAME, SECRET)
KEY_FILE = f'key "{KEY_NAME}" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'

_META = {RdataType.ANY, RdataType.AXFR, RdataType.IXFR, RdataType.MAILA, RdataType.MAILB, RdataType.OPT, RdataType.TSIG}


class Fault(Enum):
    """What goes wrong with one message."""

    DROP_BEFORE = auto()
    """The connection is closed, and nothing was done."""
    DROP_AFTER = auto()
    """It was done, and the connection is closed without an answer."""
    SILENCE = auto()
    """It was done, and no answer ever comes."""
    SERVFAIL_AFTER = auto()
    """It was done, and the answer is SERVFAIL."""
    SERVFAIL = auto()
    REFUSED = auto()
    NOTIMP = auto()
    NOTAUTH = auto()
    NXRRSET = auto()
    """The answers to a message that was not done."""
    LAZY = auto()
    """The answer is NOERROR, and nothing was done."""
    BAD_SIGNATURE = auto()
    BAD_KEY = auto()
    BAD_TIME = auto()
    """The key is not taken, and nothing was done."""
    UNSIGNED = auto()
    """It was done, and the answer has no signature."""
    FORGED = auto()
    """It was done, and the answer's signature is of another secret."""
    OTHER_ID = auto()
    """It was done, and the answer is one to something else."""
    GARBAGE = auto()
    """It was done, and the answer is no DNS."""
    CUT_SHORT = auto()
    """It was done, and the connection ends in the middle of the answer."""
    TRUNCATED = auto()
    """The answer says that it did not fit."""
    UNAUTHORITATIVE = auto()
    """The answer does not come with authority."""
    CLOSE = auto()
    """It was done and answered, and the connection is closed after that."""


_RCODES = {
    Fault.SERVFAIL: dns.rcode.SERVFAIL,
    Fault.SERVFAIL_AFTER: dns.rcode.SERVFAIL,
    Fault.REFUSED: dns.rcode.REFUSED,
    Fault.NOTIMP: dns.rcode.NOTIMP,
    Fault.NOTAUTH: dns.rcode.NOTAUTH,
    Fault.NXRRSET: dns.rcode.NXRRSET,
    Fault.LAZY: dns.rcode.NOERROR,
}
_KEY_ERRORS = {Fault.BAD_SIGNATURE: dns.rcode.BADSIG, Fault.BAD_KEY: dns.rcode.BADKEY, Fault.BAD_TIME: dns.rcode.BADTIME}


class _Refusal(Exception):
    def __init__(self, rcode: dns.rcode.Rcode) -> None:
        super().__init__(dns.rcode.to_text(rcode))
        self.rcode = rcode


@dataclass
class Zone:
    """A zone's records: by owner and type the TTL of each RDATA."""

    apex: dns.name.Name
    sets: dict[tuple[dns.name.Name, RdataType], dict[dns.rdata.Rdata, int]] = field(default_factory=dict)

    def types(self, owner: dns.name.Name) -> set[RdataType]:
        return {kind for held, kind in self.sets if held == owner}

    def exists(self, owner: dns.name.Name) -> bool:
        return any(held.is_subdomain(owner) for held, _ in self.sets)

    def rrsets(self, owner: dns.name.Name, kind: RdataType, shown: dns.name.Name | None = None) -> Iterator[dns.rrset.RRset]:
        """Give a set, one RRset for each TTL, under the name that was asked for."""
        held = self.sets.get((owner, kind), {})
        for ttl in sorted(set(held.values())):
            yield dns.rrset.from_rdata_list(shown or owner, ttl, [rdata for rdata, of_one in held.items() if of_one == ttl])

    def bump(self) -> None:
        ((soa, ttl),) = self.sets[self.apex, RdataType.SOA].items()
        bumped: Any = soa
        self.sets[self.apex, RdataType.SOA] = {bumped.replace(serial=bumped.serial % (2**32 - 1) + 1): ttl}


class Primary:
    """The server. `granted` are the types that the key may write, `full_any` whether ANY is answered in full."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.zones: dict[dns.name.Name, Zone] = {}
        self.granted = {"MX", "DS", "TLSA", "TXT"}
        self.full_any = True
        self.transfers = True
        self.updates = True
        self.alien: dict[tuple[str, str], Callable[[dns.message.Message], None]] = {}
        """For a name and type in text, what is done to the answer before it is signed."""
        self._faults: dict[str, deque[Fault]] = {"update": deque(), "query": deque(), "transfer": deque()}
        self.heard: Counter[str] = Counter()
        self.updated: Counter[dns.name.Name] = Counter()
        """How many updates that ask for a change were carried out, by zone."""
        self.before_update: Callable[[], None] = lambda: None
        """Somebody else, faster by a hair: called when an update that changes something has arrived."""
        self.after_query: Callable[[], None] = lambda: None
        """Called when a question has been answered."""
        self.delay = 0.0
        """Seconds in which questions get the zone as it was before an update, as with BIND's inline signing."""
        self.port = 0
        self.stop = threading.Event()
        self._stale: tuple[float, dict[dns.name.Name, Zone]] | None = None

    def fail(self, operation: str, *faults: Fault) -> None:
        """Let the next messages of an operation (query, update, transfer) go wrong."""
        self._faults[operation].extend(faults)

    def fault_of(self, operation: str, request: dns.message.Message) -> Fault | None:  # noqa: ARG002 - others look at it
        """Say what goes wrong with a message that has just come."""
        faults = self._faults[operation]
        return faults.popleft() if faults else None

    def add_zone(self, apex: str) -> Zone:
        origin = dns.name.from_text(apex)
        zone = self.zones[origin] = Zone(origin)
        self.put(apex, apex, "SOA", 3600, "ns1 hostmaster 1 7200 3600 1209600 300")
        self.put(apex, apex, "NS", 3600, "ns.example.net.")
        return zone

    def put(self, apex: str, owner: str, kind: str, ttl: int, *values: str) -> None:
        """Set a whole key as somebody else would; no value: remove it."""
        self.put_each(apex, owner, kind, dict.fromkeys(values, ttl))

    def put_each(self, apex: str, owner: str, kind: str, ttls: dict[str, int]) -> None:
        """Set a whole key, each value with a TTL of its own, as no server should."""
        origin = dns.name.from_text(apex)
        key = (dns.name.from_text(owner), dns.rdatatype.from_text(kind))
        with self.lock:
            zone = self.zones[origin]
            zone.sets.pop(key, None)
            if ttls:
                zone.sets[key] = {
                    dns.rdata.from_text(dns.rdataclass.IN, key[1], value, origin, relativize=False): ttl
                    for value, ttl in ttls.items()
                }
            if kind != "SOA":
                zone.bump()

    def respond(self, wire: bytes) -> Iterator[bytes | Fault]:
        """Answer one message: by framed octets to send, SILENCE, or CLOSE."""
        try:
            request = dns.message.from_wire(wire, keyring={KEY.name: KEY}, one_rr_per_rrset=True)
        except dns.exception.DNSException:
            refused = dns.message.make_response(dns.message.from_wire(wire, keyring=False))
            refused.set_rcode(dns.rcode.NOTAUTH)
            yield _framed(refused.to_wire())
            return
        operation = _operation(request)
        fault = self.fault_of(operation, request)
        self.heard[operation] += 1
        match fault:
            case Fault.DROP_BEFORE:
                yield Fault.CLOSE
            case Fault.BAD_SIGNATURE | Fault.BAD_KEY | Fault.BAD_TIME:
                refused = dns.message.make_response(request, tsig_error=_KEY_ERRORS[fault])
                refused.set_rcode(dns.rcode.NOTAUTH)
                yield _framed(refused.to_wire())
            case _ if fault in _RCODES and fault is not Fault.SERVFAIL_AFTER:
                refused = dns.message.make_response(request)
                refused.set_rcode(_RCODES[fault])
                yield _framed(refused.to_wire())
            case _:
                yield from self._spoilt(fault, self._answers(operation, request))

    def _spoilt(self, fault: Fault | None, answers: list[dns.message.Message]) -> Iterator[bytes | Fault]:
        if fault in {Fault.DROP_AFTER, Fault.SILENCE}:
            yield Fault.CLOSE if fault is Fault.DROP_AFTER else Fault.SILENCE
            return
        context: Any = None
        for number, answer in enumerate(answers):
            if fault in _SPOILING:
                _SPOILING[fault](answer)
            octets = answer.to_wire(multi=len(answers) > 1, tsig_ctx=context if number else None)
            context = answer.tsig_ctx
            framed = _framed(octets[:2] + b"no DNS" if fault is Fault.GARBAGE else octets)
            yield framed[:-9] if fault is Fault.CUT_SHORT else framed
        if fault in {Fault.CLOSE, Fault.CUT_SHORT}:
            yield Fault.CLOSE

    def _answers(self, operation: str, request: dns.message.Message) -> list[dns.message.Message]:
        answer = dns.message.make_response(request)
        with self.lock:
            try:
                if isinstance(request, dns.update.UpdateMessage):
                    self._update(request)
                elif operation == "transfer":
                    return self._transfer(request, answer)
                else:
                    self._query(request.question[0].name, request.question[0].rdtype, answer)
            except _Refusal as refusal:
                answer.set_rcode(refusal.rcode)
        return [answer]

    # Questions (RFC 1034 §4.3.2)

    def _query(self, asked: dns.name.Name, kind: RdataType, answer: dns.message.Message) -> None:
        zones = self._stale[1] if self._stale and time.monotonic() < self._stale[0] else self.zones
        found = [zone for apex, zone in zones.items() if asked.is_subdomain(apex)]
        if kind == RdataType.DS:  # the parent's business, where both are here (RFC 4035 §3.1.4.1)
            above = [zone for zone in found if zone.apex != asked]
            found = above or found
        if not found:
            raise _Refusal(dns.rcode.REFUSED)
        self._in_zone(max(found, key=lambda zone: len(zone.apex)), asked, kind, answer)
        spoil = self.alien.get((asked.to_text(), dns.rdatatype.to_text(kind)))
        if spoil:
            spoil(answer)
        self.after_query()

    def _in_zone(self, zone: Zone, asked: dns.name.Name, kind: RdataType, answer: dns.message.Message) -> None:
        above = [asked]
        while above[-1] != zone.apex:
            above.append(above[-1].parent())
        for owner in reversed(above[:-1]):
            types = zone.types(owner)
            if RdataType.NS in types and not (owner == asked and kind == RdataType.DS):
                answer.authority.extend(zone.rrsets(owner, RdataType.NS))
                return
        answer.flags |= dns.flags.AA
        for owner in reversed(above[1:]):
            if RdataType.DNAME in zone.types(owner):
                answer.answer.extend(zone.rrsets(owner, RdataType.DNAME))
                return
        source = self._source(zone, above)
        if source is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            for one in self._shown(zone.types(source), kind):
                answer.answer.extend(zone.rrsets(source, one, asked))
        if not answer.answer:
            answer.authority.extend(zone.rrsets(zone.apex, RdataType.SOA))

    def _shown(self, types: set[RdataType], kind: RdataType) -> list[RdataType]:
        """Give the types with which a question is answered."""
        if kind != RdataType.ANY:
            return [RdataType.CNAME if RdataType.CNAME in types else kind]
        return sorted(types) if self.full_any else sorted(types - {RdataType.SOA})[:1]

    @staticmethod
    def _source(zone: Zone, above: list[dns.name.Name]) -> dns.name.Name | None:
        """Give the name whose records answer: the one asked, or the wildcard at its closest encloser (RFC 4592 §3.3)."""
        if zone.exists(above[0]):
            return above[0]
        encloser = next(owner for owner in above if zone.exists(owner))
        wildcard = dns.name.Name((b"*", *encloser.labels))
        return wildcard if zone.exists(wildcard) else None

    # Transfers (RFC 5936)

    def _transfer(self, request: dns.message.Message, answer: dns.message.Message) -> list[dns.message.Message]:
        zone = self.zones.get(request.question[0].name)
        if zone is None or not self.transfers:
            raise _Refusal(dns.rcode.NOTAUTH if zone is None else dns.rcode.REFUSED)
        soa = list(zone.rrsets(zone.apex, RdataType.SOA))
        rest = [one for owner, kind in sorted(zone.sets) if kind != RdataType.SOA for one in zone.rrsets(owner, kind)]
        parts = [[*soa, *rest[:2]], rest[2:], soa]
        answers = [answer, dns.message.make_response(request), dns.message.make_response(request)]
        for part, one in zip(parts, answers, strict=True):
            one.flags |= dns.flags.AA
            one.answer.extend(part)
        if spoil := self.alien.get((zone.apex.to_text(), "AXFR")):
            spoil(answer)
        return answers

    # Updates (RFC 2136 §3)

    def _update(self, request: dns.update.UpdateMessage) -> None:
        zone = self.zones.get(request.zone[0].name)
        if zone is None:
            raise _Refusal(dns.rcode.NOTAUTH)
        if not self.updates:
            raise _Refusal(dns.rcode.REFUSED)
        if request.update:
            self.before_update()
        self._check_prerequisites(zone, request)
        for record in request.update:
            if not record.name.is_subdomain(zone.apex):
                raise _Refusal(dns.rcode.NOTZONE)
            if dns.rdatatype.to_text(record.rdtype) not in self.granted:
                raise _Refusal(dns.rcode.REFUSED)
        before = {key: dict(held) for key, held in zone.sets.items()}
        for record in request.update:
            self._do(zone, record)
        self.updated[zone.apex] += bool(request.update)
        if zone.sets != before:
            if self.delay:
                stale = Zone(zone.apex, before)
                self._stale = (time.monotonic() + self.delay, self.zones | {zone.apex: stale})
            zone.bump()

    @staticmethod
    def _check_prerequisites(zone: Zone, request: dns.update.UpdateMessage) -> None:
        valued: dict[tuple[dns.name.Name, RdataType], set[dns.rdata.Rdata]] = {}
        for record in request.prerequisite:
            if record.ttl != 0:
                raise _Refusal(dns.rcode.FORMERR)
            if not record.name.is_subdomain(zone.apex):
                raise _Refusal(dns.rcode.NOTZONE)
            key = (record.name, record.rdtype)
            here = bool(zone.types(record.name)) if record.rdtype == RdataType.ANY else key in zone.sets
            if record.deleting == dns.rdataclass.NONE or (record.deleting is None and record.rdclass == dns.rdataclass.NONE):
                if here:
                    raise _Refusal(dns.rcode.YXDOMAIN if record.rdtype == RdataType.ANY else dns.rcode.YXRRSET)
            elif len(record):
                valued.setdefault(key, set()).add(record[0])
            elif not here:
                raise _Refusal(dns.rcode.NXDOMAIN if record.rdtype == RdataType.ANY else dns.rcode.NXRRSET)
        for key, values in valued.items():
            if set(zone.sets.get(key, ())) != values:
                raise _Refusal(dns.rcode.NXRRSET)

    @staticmethod
    def _do(zone: Zone, record: dns.rrset.RRset) -> None:
        key = (record.name, record.rdtype)
        if record.rdtype in _META:
            raise _Refusal(dns.rcode.FORMERR)
        if record.deleting == dns.rdataclass.ANY:
            zone.sets.pop(key, None)
        elif record.deleting == dns.rdataclass.NONE:
            zone.sets.get(key, {}).pop(record[0], None)
        elif RdataType.CNAME not in zone.types(record.name):  # else it is ignored (RFC 2136 §3.4.2.2)
            held = zone.sets.setdefault(key, {})
            held[record[0]] = record.ttl
            zone.sets[key] = dict.fromkeys(held, record.ttl)


def _unsigned(answer: dns.message.Message) -> None:
    answer.tsig = None
    answer.want_tsig_sign = False


def _other_id(answer: dns.message.Message) -> None:
    answer.id ^= 1


def _truncated(answer: dns.message.Message) -> None:
    answer.flags |= dns.flags.TC


def _unauthoritative(answer: dns.message.Message) -> None:
    answer.flags &= ~dns.flags.AA


_SPOILING: dict[Fault | None, Callable[[dns.message.Message], None]] = {
    Fault.SERVFAIL_AFTER: lambda answer: answer.set_rcode(dns.rcode.SERVFAIL),
    Fault.UNSIGNED: _unsigned,
    Fault.FORGED: lambda answer: answer.use_tsig(dns.tsig.Key(KEY_NAME, b"another secret")),
    Fault.OTHER_ID: _other_id,
    Fault.TRUNCATED: _truncated,
    Fault.UNAUTHORITATIVE: _unauthoritative,
}


def _framed(octets: bytes) -> bytes:
    return struct.pack("!H", len(octets)) + octets


def _operation(request: dns.message.Message) -> str:
    if request.opcode() == dns.opcode.UPDATE:
        return "update"
    return "transfer" if request.question[0].rdtype == RdataType.AXFR else "query"


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        while head := self.rfile.read(2):
            (length,) = struct.unpack("!H", head)
            for answer in self.server.primary.respond(self.rfile.read(length)):
                match answer:
                    case bytes():
                        self.wfile.write(answer)
                    case Fault.SILENCE:
                        self.server.primary.stop.wait()
                    case _:
                        return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    primary: Primary

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client hangs up, which some tests are about."""


@contextmanager
def running(primary: Primary) -> Iterator[Primary]:
    """Serve on a free port of loopback until the block ends."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.primary = primary
        primary.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield primary
        finally:
            primary.stop.set()
            server.shutdown()
            thread.join()


def opened(port: int, key_text: str = KEY_FILE, deadlines: Deadlines | None = None, **options: object) -> Rfc2136:
    """Open the adapter on a port of loopback."""

    def reveal(_: SecretOption) -> str:
        return key_text

    given = {"type": "rfc2136", "server": "127.0.0.1", "port": port, "tsig": {"env": "TSIG"}, **options}
    context = Context(Path(), lambda: datetime.now(UTC), reveal)
    return Rfc2136("bind", Rfc2136Options.model_validate(given), context, deadlines)
