"""Master files (RFC 1035 §5, RFC 2308 §4): a zone's records, each with its place in the file.

Includes and generated records are refused: what they stand for has no place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import dns.exception
import dns.rdatatype

from plans.values import MANAGED_TYPES, MAX_TTL, Irregular, Key, Name, RRset, Value, name, parse_value
from providers.masterfile_lines import LogicalLine, MasterFileError, Token, decode, escaped, logical_lines
from providers.zonedata import ZoneData, holds

_TTL = re.compile(r"(?:[0-9]+[wdhms])+|[0-9]+", re.IGNORECASE)
_TTL_PART = re.compile(r"([0-9]+)([wdhms]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MOST_DIGITS = 12  # more can only lie beyond 2^31, or lead with zeros that nobody writes
_CLASS = re.compile(r"IN|CH|CHAOS|HS|HESIOD|CLASS[0-9]+", re.IGNORECASE)
_INTERNET = {"IN", "CLASS1"}
_SHOWN = 200
GENERIC = "\\#"
"""What begins RDATA in the generic form of RFC 3597 §5."""
SERIAL = 2
"""Where the serial stands in the SOA record's RDATA (RFC 1035 §3.3.13)."""
_MINIMUM = 6
_FLATTEN = "let `named-compilezone -o FLAT ZONE FILE` write the zone out in full, and point the provider at that file"


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource record and where it is written; `line` counts from 1, places count octets from 0.

    `start` to `end` are its whole physical lines, own comments and final newline included. A token is None where the line
    leaves that part out. `origin` and `default_ttl` are in force on the line: a record without a TTL takes `default_ttl`, and
    where that is None the TTL last stated (RFC 2308 §4, RFC 1035 §5.1). That is how BIND reads them.
    """

    owner: Name
    ttl: int
    type: str
    value: Value
    line: int
    start: int
    end: int
    owner_token: Token | None
    ttl_token: Token | None
    class_token: Token | None
    type_token: Token
    rdata: tuple[Token, ...]
    origin: Name
    default_ttl: int | None


@dataclass(frozen=True)
class MasterFile:
    """A zone as its file holds it: the records in the file's order, the SOA among them, and the origin in force at the end."""

    zone: Name
    text: str
    entries: tuple[Entry, ...]
    soa: Entry
    last_origin: Name

    @cached_property
    def by_key(self) -> dict[tuple[Name, str], list[Entry]]:
        """The records of each set, in the file's order."""
        sets: dict[tuple[Name, str], list[Entry]] = {}
        for entry in self.entries:
            sets.setdefault((entry.owner, entry.type), []).append(entry)
        return sets

    @cached_property
    def data(self) -> ZoneData:
        """The zone's records without their places."""
        types: dict[Name, list[str]] = {}
        for owner, rdata_type in self.by_key:
            types.setdefault(owner, []).append(rdata_type)
        return ZoneData(self.zone, types, self._stored)

    def _stored(self, key: Key) -> RRset | Irregular | None:
        entries = self.by_key.get((key.owner, key.type))
        if not entries:
            return None
        ttls = sorted({entry.ttl for entry in entries})
        if len(ttls) > 1 and key.type in MANAGED_TYPES:
            return Irregular(key, f"mixed TTLs {', '.join(map(str, ttls))}")
        # RFC 2181 §5.2: a set with differing TTLs counts as having the lowest.
        return RRset(key, ttls[0], tuple(sorted({entry.value for entry in entries})))


def parse(data: bytes, zone: Name) -> MasterFile:
    """Read a zone's master file.

    Raises:
        MasterFileError: the bytes are no master file of that zone that we understand in full.

    """
    text = decode(data)
    reader = _Reader(zone)
    for line in logical_lines(text):
        reader.take(line)
    if reader.soa is None:
        raise MasterFileError(1, f"the file has no SOA record for {zone}", f"add the SOA record of {zone}")
    return MasterFile(zone, text, tuple(reader.entries), reader.soa, reader.origin)


class _Reader:
    """What the lines read so far leave in force."""

    def __init__(self, zone: Name) -> None:
        self.zone = zone
        self.origin = zone
        self.entries: list[Entry] = []
        self.soa: Entry | None = None
        self._owner: Name | None = None
        self._default_ttl: int | None = None
        self._last_ttl: int | None = None

    def take(self, line: LogicalLine) -> None:
        first = line.tokens[0]
        if first.start == line.start and first.text.startswith("$"):
            self._directive(line)
        else:
            self._record(line)

    def _directive(self, line: LogicalLine) -> None:
        word = line.tokens[0].text.upper()
        arguments = line.tokens[1:]
        if word not in {"$ORIGIN", "$TTL"}:
            mend = _FLATTEN if word in {"$INCLUDE", "$GENERATE"} else "remove it; $ORIGIN and $TTL are the ones known"
            raise MasterFileError(line.number, f"{shown(word)} is not supported", mend)
        if len(arguments) != 1:
            raise MasterFileError(line.number, f"{word} takes one argument, not {len(arguments)}", f"give {word} one argument")
        if word == "$ORIGIN":
            self.origin = _name(arguments[0], self.origin, line.number)
            return
        self._default_ttl = _seconds(arguments[0], line.number)
        if self._default_ttl is None:
            what = f"{shown(arguments[0].text)} is no TTL"
            raise MasterFileError(line.number, what, "write seconds, or units as in 1h30m")

    def _record(self, line: LogicalLine) -> None:
        owner_token = line.tokens[0] if line.tokens[0].start == line.start else None
        if owner_token is not None:
            self._owner = _name(owner_token, self.origin, line.number)
        if self._owner is None:
            what = "the first record leaves its owner name out"
            raise MasterFileError(line.number, what, "write the owner name at the beginning of the line")
        if not holds(self.zone, self._owner):
            what = f"{self._owner} does not lie in zone {self.zone}"
            raise MasterFileError(line.number, what, "remove the record, or mend the name or the $ORIGIN before it")
        head = _head(line.tokens if owner_token is None else line.tokens[1:], line.number)
        value = _value(head.type, head.rdata, self.origin, line.number)
        entry = Entry(
            owner=self._owner,
            ttl=self._ttl(head, value, line.number),
            type=head.type,
            value=value,
            line=line.number,
            start=line.start,
            end=line.end,
            owner_token=owner_token,
            ttl_token=head.ttl_token,
            class_token=head.class_token,
            type_token=head.type_token,
            rdata=head.rdata,
            origin=self.origin,
            default_ttl=self._default_ttl,
        )
        self.entries.append(entry)
        if head.type == "SOA":
            self._take_soa(entry)

    def _ttl(self, head: _Head, value: Value, line: int) -> int:
        if head.ttl is not None:
            self._last_ttl = head.ttl
            return head.ttl
        if head.type == "SOA" and self._default_ttl is None and self._last_ttl is None:
            self._default_ttl = int(str(value).split()[_MINIMUM])
        inherited = self._last_ttl if self._default_ttl is None else self._default_ttl
        if inherited is None:
            raise MasterFileError(line, "no TTL is known for the record", "write a $TTL line before it")
        return inherited

    def _take_soa(self, entry: Entry) -> None:
        if entry.owner != self.zone:
            what = f"the SOA record stands at {entry.owner}, not at {self.zone}"
            raise MasterFileError(entry.line, what, "mend its name, or name the file after the zone that it holds")
        if self.soa is not None:
            what = f"a second SOA record; the first stands in line {self.soa.line}"
            raise MasterFileError(entry.line, what, "remove one of the two")
        self.soa = entry


class _Head(NamedTuple):
    """A record's parts beside its owner."""

    ttl: int | None
    ttl_token: Token | None
    class_token: Token | None
    type: str
    type_token: Token
    rdata: tuple[Token, ...]


def _head(tokens: Sequence[Token], line: int) -> _Head:
    """Read TTL and class, both optional and in either order, and the type; the rest is RDATA."""
    ttl_token = class_token = None
    ttl = None
    at = 0
    while at < len(tokens):
        if ttl_token is None and (ttl := _seconds(tokens[at], line)) is not None:
            ttl_token = tokens[at]
        elif class_token is None and _CLASS.fullmatch(tokens[at].text):
            class_token = tokens[at]
        else:
            break
        at += 1
    if class_token is not None and class_token.text.upper() not in _INTERNET:
        raise MasterFileError(line, f"class {class_token.text} is not supported", "keep only records of class IN")
    if at == len(tokens):
        raise MasterFileError(line, "the record has no type", "write its type and data, or remove the line")
    return _Head(ttl, ttl_token, class_token, _type(tokens[at], line), tokens[at], tuple(tokens[at + 1 :]))


def domain_name(text: str, origin: Name) -> Name:
    """Read a domain name as a file writes it: `@` is the origin, and without a final dot it counts from there.

    Raises:
        ValueError: `text` is no domain name.

    """
    if text == "@":
        return origin
    before_dot = text.removesuffix(".")
    backslashes = len(before_dot) - len(before_dot.rstrip("\\"))
    if before_dot != text and backslashes % 2 == 0:
        return name(escaped(text))
    return name(f"{escaped(text)}.{origin.removesuffix('.')}")


def shown(text: str) -> str:
    """Shorten text from a file for a message."""
    return repr(escaped(text[:_SHOWN])) + ("…" if len(text) > _SHOWN else "")


def _name(token: Token, origin: Name, line: int) -> Name:
    if token.text.startswith('"'):
        raise MasterFileError(line, f"{shown(token.text)} is quoted, and a name is not", "write the name without quotes")
    try:
        return domain_name(token.text, origin)
    except ValueError as error:
        raise MasterFileError(line, str(error), "mend the name") from error


def _seconds(token: Token, line: int) -> int | None:
    """Give a TTL in seconds; None where the token is no TTL."""
    if not _TTL.fullmatch(token.text):
        return None
    parts = _TTL_PART.findall(token.text)
    if any(len(number) > _MOST_DIGITS for number, _ in parts):
        seconds = MAX_TTL + 1
    else:
        seconds = sum(int(number) * _SECONDS[unit.lower()] for number, unit in parts)
    if seconds > MAX_TTL:
        raise MasterFileError(
            line, f"TTL {shown(token.text)} lies beyond {MAX_TTL} seconds", "write a smaller TTL (RFC 2181 section 8)"
        )
    return seconds


@lru_cache(maxsize=1024)
def _type_name(text: str) -> str | None:
    """Give a record type's own name in upper case; None where it is none, or none that a zone can hold."""
    try:
        kind = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError):
        return None
    if kind == dns.rdatatype.NONE or dns.rdatatype.is_metatype(kind):
        return None
    return dns.rdatatype.to_text(kind)


def _type(token: Token, line: int) -> str:
    found = _type_name(token.text)
    if found is None:
        what = f"{shown(token.text)} is no record type"
        raise MasterFileError(line, what, "mend the line: owner, TTL, class, type, data; other types as TYPE123 (RFC 3597)")
    return found


def _value(rdata_type: str, rdata: Sequence[Token], origin: Name, line: int) -> Value:
    # Tokens that touch each other belong together (alpn="h2"); comments, line ends and parentheses between others are space.
    text = "".join(
        ("" if before is not None and before.end == token.start else " ") + token.text
        for before, token in zip((None, *rdata), rdata, strict=False)
    )
    try:
        return parse_value(rdata_type, escaped(text.strip(" ")), origin)
    except ValueError as error:
        raise MasterFileError(line, str(error)[: _SHOWN * 2], "mend the data (RFC 1035 section 5.1)") from error
