"""DNS values in canonical form: frozen, ordered, and equal exactly when DNS holds them for equal.

Text becomes a value once, at the border (`name`, `parse_value`, `rrset`); a value that is not canonical cannot be
constructed, so that inside `==` is the only comparison. dnspython parses and prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.DS
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TLSA
import dns.rdtypes.ANY.TXT

Name = NewType("Name", str)
"""A domain name (RFC 9499): absolute, lower case, A-labels, final dot, presentation escapes as dnspython prints them."""

MAX_TTL = 2**31 - 1
"""Seconds; RFC 2181 §8."""

_PLAIN = re.compile(r"(?:[a-z0-9_*-]{1,63}\.)+\Z")
_PLAIN_LENGTH = 254
_PLAIN_MX = re.compile(r"([0-9]{1,4}) ([a-z0-9_*.-]+\.)\Z")
_HEX = re.compile(r"(?:[0-9a-f]{2})+\Z")
_DS_OCTETS = {1: 20, 2: 32, 4: 48}  # RFC 4034 A.2, RFC 4509, RFC 6605
_TLSA_OCTETS = {1: 32, 2: 64}  # RFC 6698 §2.1.3
_TEXT_OCTETS = 255
_RDATA_TYPE = re.compile(r"[A-Z][A-Z0-9-]*\Z")


@lru_cache(maxsize=8192)
def name(text: str) -> Name:
    """Parse a domain name as people and APIs write it: any case, U-labels (IDNA 2008), with or without the final dot.

    Raises:
        ValueError: `text` is no domain name (RFC 1035 §2.3.1, §3.1); the message says why.

    """
    if not text or text.isspace():
        msg = "an empty name is no domain name"
        raise ValueError(msg)
    plain = text.lower() if text.endswith(".") else f"{text.lower()}."
    if text.isascii() and len(plain) <= _PLAIN_LENGTH and _PLAIN.match(plain):
        return Name(plain)  # as the parser gives it, at a twentieth of the cost
    try:
        parsed = dns.name.from_text(text, dns.name.root, dns.name.IDNA_2008_Practical)
    except (dns.exception.DNSException, UnicodeError) as error:
        msg = f"{text!r} is no domain name: {error}"
        raise ValueError(msg) from error
    return Name(parsed.canonicalize().to_text())


@lru_cache(maxsize=8192)
def is_canonical(text: str) -> bool:
    """Whether `text` is what `name` would give back for it."""
    if len(text) <= _PLAIN_LENGTH and _PLAIN.match(text):
        return True
    try:
        return name(text) == text
    except ValueError:
        return False


def labels(of: Name) -> tuple[str, ...]:
    """Give the labels of a name from left to right, without the root's; escapes stay as they are printed."""
    return tuple(label.decode("ascii") for label in _escaped_labels(of))


def ancestors(of: Name) -> tuple[Name, ...]:
    """Give the names above a name, nearest first, without the root."""
    parts = labels(of)
    return tuple(Name(".".join(parts[start:]) + ".") for start in range(1, len(parts)))


def is_at_or_below(child: Name, parent: Name) -> bool:
    """Whether `child` is `parent` or a subdomain of it (RFC 9499 §2)."""
    return child == parent or (child.endswith(f".{parent}") and parent in ancestors(child))


@lru_cache(maxsize=8192)
def _escaped_labels(of: Name) -> tuple[bytes, ...]:
    if "\\" not in of:  # nothing is escaped, so that each dot ends a label
        return tuple(label.encode("ascii") for label in of.split(".") if label)
    relative = dns.name.from_text(of).relativize(dns.name.root)
    return tuple(dns.name.Name([label]).to_text().encode("ascii") for label in relative.labels)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Owner name and record type in upper case: the unit of management."""

    owner: Name
    type: str

    def __post_init__(self) -> None:
        _check_name("owner", self.owner)
        if not _RDATA_TYPE.match(self.type):
            msg = f"{self.type!r} is no record type in upper case"
            raise ValueError(msg)

    def __str__(self) -> str:
        return f"{self.owner} {self.type}"


@dataclass(frozen=True, slots=True, order=True)
class Mx:
    """A mail exchange (RFC 1035 §3.3.9). Lower preference values are tried first."""

    preference: int
    exchange: Name

    def __post_init__(self) -> None:
        _check_range("preference", self.preference, 0xFFFF)
        _check_name("exchange", self.exchange)

    @property
    def is_null(self) -> bool:
        """Whether this is the null MX, which says that the domain takes no mail (RFC 7505)."""
        return self.exchange == "."

    def __str__(self) -> str:
        return f"{self.preference} {self.exchange}"


@dataclass(frozen=True, slots=True, order=True)
class Ds:
    """A delegation signer (RFC 4034 §5). `digest` is lower-case hexadecimal."""

    key_tag: int
    algorithm: int
    digest_type: int
    digest: str

    def __post_init__(self) -> None:
        _check_range("key_tag", self.key_tag, 0xFFFF)
        _check_range("algorithm", self.algorithm, 0xFF)
        _check_range("digest_type", self.digest_type, 0xFF)
        _check_hex("digest", self.digest, _DS_OCTETS.get(self.digest_type))

    def __str__(self) -> str:
        return f"{self.key_tag} {self.algorithm} {self.digest_type} {self.digest}"


@dataclass(frozen=True, slots=True, order=True)
class Tlsa:
    """A TLSA association (RFC 6698 §2.1). `association` is lower-case hexadecimal."""

    usage: int
    selector: int
    matching_type: int
    association: str

    def __post_init__(self) -> None:
        _check_range("usage", self.usage, 0xFF)
        _check_range("selector", self.selector, 0xFF)
        _check_range("matching_type", self.matching_type, 0xFF)
        _check_hex("association", self.association, _TLSA_OCTETS.get(self.matching_type))

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching_type} {self.association}"


@dataclass(frozen=True, slots=True, order=True)
class Txt:
    """Text (RFC 1035 §3.3.14) in presentation format: its strings quoted, with the escapes that dnspython prints."""

    text: str

    def __post_init__(self) -> None:
        if not _is_canonical_text(self.text):
            msg = f"{self.text!r} is no canonical TXT data"
            raise ValueError(msg)

    @classmethod
    def of(cls, text: str) -> Txt:
        """Make the value that holds one string of at most 255 octets of printable ASCII, whatever characters are in it.

        Raises:
            ValueError: it is longer, or not printable ASCII.

        """
        if len(text) > _TEXT_OCTETS or not (text.isascii() and text.isprintable()):
            msg = f"{text!r} is not one string of up to {_TEXT_OCTETS} printable ASCII characters"
            raise ValueError(msg)
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return cls(f'"{escaped}"')

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, order=True)
class Opaque:
    """RDATA of a type that is read and never written, in presentation format."""

    text: str

    def __str__(self) -> str:
        return self.text


Value = Mx | Ds | Tlsa | Txt | Opaque
"""One record's RDATA. `str` gives the presentation format (RFC 1035 §5.1)."""

MANAGED_TYPES: dict[str, type[Mx | Ds | Tlsa | Txt]] = {"MX": Mx, "DS": Ds, "TLSA": Tlsa, "TXT": Txt}
"""The types that a change may name, and their values' class."""


@dataclass(frozen=True, slots=True, order=True)
class RRset:
    """All records of one key (RFC 2181 §5): TTL in seconds, values ascending and unique."""

    key: Key
    ttl: int
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        _check_range("ttl", self.ttl, MAX_TTL)
        wanted: type[Value] = MANAGED_TYPES.get(self.key.type, Opaque)
        if not self.values or any(type(value) is not wanted for value in self.values):
            msg = f"{self.key} takes one or more {wanted.__name__} values, not {self.values!r}"
            raise ValueError(msg)
        if self.values != tuple(sorted(set(self.values))):
            msg = f"the values of {self.key} are not ascending and unique: {self.values!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, order=True)
class Irregular:
    """A set that exists and cannot be owned (alias, routed, mixed TTLs, CNAME at the name); `reason` says which."""

    key: Key
    reason: str


Live = RRset | Irregular | None
"""What stands at a key. None: known to be absent."""


def told(live: Live) -> str:
    """Say what stands at a key, as people read it: its values and TTL, why it cannot be owned, or that there is none."""
    match live:
        case RRset(_, ttl, values):
            return f"{', '.join(map(str, values))} (TTL {ttl})"
        case Irregular(_, reason):
            return reason
        case None:
            return "no set"


@dataclass(frozen=True, slots=True, order=True)
class ZoneRef:
    """A zone's identity: which provider (the manifest's label), of which type, which account, the zone's id and apex name.

    Two references are equal when they mean the same zone under the same label; a plan stores them whole, so that a label
    which later means another zone is noticed.
    """

    provider: str
    type: str
    account: str
    id: str
    name: Name

    def __post_init__(self) -> None:
        _check_name("name", self.name)


def rrset(owner: str, rdata_type: str, ttl: int, values: Iterable[Value]) -> RRset:
    """Make an RRset from values in any order, doubles dropped; the owner is parsed by `name`.

    Raises:
        ValueError: a part is out of its range, or there is no value.

    """
    return RRset(Key(name(owner), rdata_type.upper()), ttl, tuple(sorted(set(values))))


def parse_value(rdata_type: str, text: str, origin: Name | None = None) -> Value:
    """Parse RDATA in presentation format; names in it that are relative count from `origin`, else from the root.

    Raises:
        ValueError: the text is no RDATA of that type; the message says why.

    """
    if rdata_type == "MX" and (found := _PLAIN_MX.match(text)) and is_canonical(found[2]):
        return Mx(int(found[1]), Name(found[2]))  # as the parser gives it, at a tenth of the cost
    base = dns.name.from_text(origin) if origin else dns.name.root
    try:
        kind = dns.rdatatype.from_text(rdata_type)
        rdata = dns.rdata.from_text(dns.rdataclass.IN, kind, text, base, relativize=False)
    except (dns.exception.DNSException, ValueError) as error:
        msg = f"{text!r} is no {rdata_type} data: {error}"
        raise ValueError(msg) from error
    match rdata:
        case dns.rdtypes.ANY.MX.MX():
            return Mx(rdata.preference, Name(rdata.exchange.canonicalize().to_text()))
        case dns.rdtypes.ANY.DS.DS():
            return Ds(int(rdata.key_tag), int(rdata.algorithm), int(rdata.digest_type), rdata.digest.hex())
        case dns.rdtypes.ANY.TLSA.TLSA():
            return Tlsa(int(rdata.usage), int(rdata.selector), int(rdata.mtype), rdata.cert.hex())
        case dns.rdtypes.ANY.TXT.TXT():
            return Txt(rdata.to_text())
        case _:
            return Opaque(rdata.to_text())


@lru_cache(maxsize=8192)
def _is_canonical_text(text: str) -> bool:
    try:
        return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, text).to_text() == text
    except dns.exception.DNSException:
        return False


def _check_name(field: str, value: str) -> None:
    if not is_canonical(value):
        msg = f"{field} {value!r} is no canonical domain name"
        raise ValueError(msg)


def _check_range(field: str, value: int, highest: int) -> None:
    if not 0 <= value <= highest:
        msg = f"{field} {value} does not lie in 0 to {highest}"
        raise ValueError(msg)


def _check_hex(field: str, value: str, octets: int | None) -> None:
    if not _HEX.match(value) or (octets is not None and len(value) != 2 * octets):
        size = "" if octets is None else f" of {octets} octets"
        msg = f"{field} {value!r} is not lower-case hexadecimal{size}"
        raise ValueError(msg)
