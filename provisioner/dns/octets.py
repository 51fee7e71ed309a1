"""DNS messages as octets, for whoever asks thousands of servers: a question, and the two plain answers that most of them give.

What is in any way special is not read here: whoever asked reads it in full, or does without. No octets raise anything.
"""

from __future__ import annotations

import random
import re
import socket
import struct
from collections import defaultdict
from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import Enum, auto

import dns.name
import dns.rdataclass
import dns.rdatatype
from dns.rdatatype import RdataType

from plans.values import Key, Mx, Name, RRset, is_at_or_below
from provisioner.dns.answers import MOST_SERVERS, Delegated
from provisioner.dns.client import EDNS_OCTETS

_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_OPT = b"\0" + _RECORD.pack(dns.rdatatype.OPT, EDNS_OCTETS, 0, 0)
"""Says that EDNS is known, and how large a datagram may be (RFC 6891 §6.1.2)."""
_QR, _AA, _TC, _RD, _OPCODE, _RCODE = 0x8000, 0x0400, 0x0200, 0x0100, 0x7800, 0x000F
_POINTER, _LONGEST_LABEL, _LONGEST_NAME = 0xC0, 63, 255
_LETTERS = bytes(0x20 if chr(octet).isascii() and chr(octet).isalpha() else 0 for octet in range(256))
"""The bit that tells upper from lower case, where an octet is a letter; the length before a label never looks like one."""
_PLAIN = re.compile(rb"[a-z0-9_*-]+\Z")


@dataclass(frozen=True, slots=True)
class Question:
    """A message that asks. `asked` is its question section, the letters of the name in random case."""

    id: int
    octets: bytes
    asked: bytes


class Fit(Enum):
    """What a message that came is to a question."""

    NONE = auto()
    """No answer to it."""
    ANSWER = auto()
    TCP = auto()
    """One that cannot count over UDP: it is cut short, or the name came back in another case."""


def question(
    owner: Name, kind: RdataType, chance: random.Random, taken: Container[int] = (), *, recurse: bool = False
) -> Question:
    """Ask for a name and type; an id that is not `taken` and the case of each letter are for those off the path to guess."""
    labels = dns.name.from_text(owner).to_digestable() if "\\" in owner else _to_wire(owner)
    drawn = chance.getrandbits(8 * len(labels) + 16)
    mask = int.from_bytes(labels.translate(_LETTERS), "big") & drawn >> 16
    mixed = (int.from_bytes(labels, "big") ^ mask).to_bytes(len(labels), "big")
    asked = mixed + _QUESTION.pack(kind, dns.rdataclass.IN)
    number = drawn & 0xFFFF
    while number in taken:
        number = chance.getrandbits(16)
    return Question(number, _HEADER.pack(number, _RD if recurse else 0, 1, 0, 0, 1) + asked + _OPT, asked)


def fit(to: Question, octets: bytes) -> Fit:
    """Say whether a message answers a question; an error may come without the question (RFC 1035 §4.1.1)."""
    if len(octets) < _HEADER.size:
        return Fit.NONE
    number, flags, questions, *_ = _HEADER.unpack_from(octets)
    if number != to.id or not flags & _QR or flags & _OPCODE:
        return Fit.NONE
    if not questions and flags & _RCODE:
        return Fit.ANSWER
    repeated = octets[_HEADER.size : _HEADER.size + len(to.asked)]
    if questions != 1 or repeated.lower() != to.asked.lower():
        return Fit.NONE
    return Fit.TCP if flags & _TC or repeated != to.asked else Fit.ANSWER


def is_whole(octets: bytes) -> bool:
    """Whether a message was not cut short."""
    return not octets[2] & _TC >> 8


def referral(octets: bytes, zone: Name, asked: Name) -> Delegated | None:
    """Read a plain referral from a zone: nothing but the NS set of the name, and addresses. None: it is something else."""
    try:
        flags, answers, authorities, others, at = _start(octets)
        if flags & _RCODE or answers or not 0 < authorities <= MOST_SERVERS:
            return None
        servers, at = _servers(octets, at, authorities, asked)
        glue: dict[Name, set[str]] = defaultdict(set)
        for record in _records(octets, at, others):
            address = _address(octets, record)
            if address and record.owner in servers and (zone == "." or is_at_or_below(record.owner, zone)):
                glue[record.owner].add(address)
    except (_Special, struct.error, IndexError, ValueError):
        return None
    return Delegated(asked, servers, {host: frozenset(found) for host, found in glue.items()})


def mx_set(octets: bytes, key: Key) -> RRset | None:
    """Read a plain answer with authority (AA): nothing but the key's MX records, of one TTL. None: it is something else."""
    try:
        flags, answers, *_, at = _start(octets)
        if flags & _RCODE or not flags & _AA or not answers:
            return None
        ttls, values = set(), set()
        for record in _records(octets, at, answers):
            if record.owner != key.owner or record.kind != dns.rdatatype.MX or record.rdclass != dns.rdataclass.IN:
                return None
            exchange, end = _name(octets, record.at + 2)
            if end != record.end:
                return None
            ttls.add(record.ttl)
            values.add(Mx(int.from_bytes(octets[record.at : record.at + 2], "big"), exchange))
        return RRset(key, ttls.pop(), tuple(sorted(values))) if len(ttls) == 1 else None
    except (_Special, struct.error, IndexError, ValueError):
        return None


class _Special(Exception):
    """Nothing that is read here."""


@dataclass(slots=True)
class _Record:
    """A resource record; its data lies from `at` to `end`."""

    owner: Name
    kind: int
    rdclass: int
    ttl: int
    at: int
    end: int


def _start(octets: bytes) -> tuple[int, int, int, int, int]:
    """Give the flags, the numbers of records in the three sections, and where they begin, behind the one question."""
    _, flags, questions, answers, authorities, others = _HEADER.unpack_from(octets)
    if questions != 1:
        raise _Special
    _, at = _name(octets, _HEADER.size)
    return flags, answers, authorities, others, at + _QUESTION.size


def _records(octets: bytes, at: int, count: int) -> Iterator[_Record]:
    for _ in range(count):
        owner, at = _name(octets, at)
        kind, rdclass, ttl, length = _RECORD.unpack_from(octets, at)
        at += _RECORD.size
        if at + length > len(octets):
            raise _Special
        yield _Record(owner, kind, rdclass, ttl, at, at + length)
        at += length


def _servers(octets: bytes, at: int, count: int, asked: Name) -> tuple[frozenset[Name], int]:
    """Give the servers that so many records name for a zone, and where the records end. Raises `_Special`."""
    servers = set()
    for record in _records(octets, at, count):
        if record.owner != asked or record.kind != dns.rdatatype.NS or record.rdclass != dns.rdataclass.IN:
            raise _Special
        server, end = _name(octets, record.at)
        if end != record.end:
            raise _Special
        servers.add(server)
        at = end
    return frozenset(servers), at


def _address(octets: bytes, record: _Record) -> str | None:
    if record.rdclass != dns.rdataclass.IN:
        return None
    match record.kind:
        case dns.rdatatype.A:
            return socket.inet_ntop(socket.AF_INET, octets[record.at : record.end])
        case dns.rdatatype.AAAA:
            return socket.inet_ntop(socket.AF_INET6, octets[record.at : record.end])
        case _:
            return None


def _name(octets: bytes, at: int) -> tuple[Name, int]:
    """Read a name, and give where it ends; its pointers lead towards the front only (RFC 1035 §4.1.4), so there is an end."""
    labels: list[bytes] = []
    end, before, length = 0, at, 1
    while size := octets[at]:
        if size >= _POINTER:
            end = end or at + 2
            at = (size & ~_POINTER) << 8 | octets[at + 1]
            if at >= before:
                raise _Special
            before = at
            continue
        label = octets[at + 1 : at + 1 + size].lower()
        length += 1 + size
        if size > _LONGEST_LABEL or len(label) < size or length > _LONGEST_NAME:
            raise _Special
        labels.append(label)
        at += 1 + size
    return _text(labels), end or at + 1


def _text(labels: list[bytes]) -> Name:
    if not labels:
        return Name(".")
    if all(map(_PLAIN.match, labels)):
        return Name(b".".join(labels).decode("ascii") + ".")
    return Name(dns.name.Name([*labels, b""]).canonicalize().to_text())


def _to_wire(owner: Name) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in owner.rstrip(".").split(".") if label) + b"\0"
