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
from functools import lru_cache

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
    labels, letters, length = _spelt(owner)
    drawn = chance.getrandbits(8 * length + 16)
    asked = (labels ^ letters & drawn >> 16).to_bytes(length, "big") + _QUESTION.pack(kind, dns.rdataclass.IN)
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


def is_alike(one: bytes, other: bytes) -> bool:
    """Whether two messages that answer the same question say the same, octet by octet, but for their ids and the case of it."""
    if one[2 : _HEADER.size] != other[2 : _HEADER.size]:
        return False
    end = one.find(0, _HEADER.size)  # of the name; should a label hold such an octet, then more is compared
    return end > 0 and one[end:] == other[end:]


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
    at = _HEADER.size
    while size := octets[at]:
        if size > _LONGEST_LABEL:
            raise _Special
        at += 1 + size
    return flags, answers, authorities, others, at + 1 + _QUESTION.size


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
    whole = b""
    begin, end, before = at, 0, at
    while size := octets[at]:
        if size >= _POINTER:
            whole += octets[begin:at]
            end = end or at + 2
            begin = at = (size & ~_POINTER) << 8 | octets[at + 1]
            if at >= before or len(whole) > _LONGEST_NAME:
                raise _Special
            before = at
        elif size > _LONGEST_LABEL or at - begin > _LONGEST_NAME:
            raise _Special
        else:
            at += 1 + size
    return _text((whole + octets[begin:at]).lower()), end or at + 1  # no length looks like a letter


@lru_cache(4096)
def _text(octets: bytes) -> Name:
    """Give the name of labels in lower case, without the root's, each with its length before it. Raises `_Special`."""
    if len(octets) >= _LONGEST_NAME:
        raise _Special
    labels: list[bytes] = []
    at = 0
    while at < len(octets):
        end = at + 1 + octets[at]
        labels.append(octets[at + 1 : end])
        at = end
    if not labels:
        return Name(".")
    if all(map(_PLAIN.match, labels)):
        return Name(b".".join(labels).decode("ascii") + ".")
    return Name(dns.name.Name([*labels, b""]).canonicalize().to_text())


@lru_cache(1024)
def _spelt(owner: Name) -> tuple[int, int, int]:
    """Give a name's octets as one number, the bits in it that tell upper from lower case, and how many octets there are."""
    octets = dns.name.from_text(owner).to_digestable() if "\\" in owner else _to_wire(owner)
    return int.from_bytes(octets, "big"), int.from_bytes(octets.translate(_LETTERS), "big"), len(octets)


def _to_wire(owner: Name) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in owner.rstrip(".").split(".") if label) + b"\0"
