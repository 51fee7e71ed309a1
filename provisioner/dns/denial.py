"""Proofs that something is not there: NSEC (RFC 4035 §5.4, RFC 6840 §4) and NSEC3 (RFC 5155 §8).

What comes in is one record or more, signed by the zone. Every function gives the security that the proof bears: where NSEC3
leaves names out (opt-out), or hashes so often that nobody would follow, nothing is proved, and nothing bogus either. Raises
`Bogus`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3, OPTOUT

from plans.facts import Security
from provisioner.dns.answers import Bogus

MOST_ITERATIONS = 50
"""Of NSEC3's hash; zones with more count as insecure (RFC 9276 §3.2)."""

_SHA1 = 1
"""The only hash that NSEC3 knows (RFC 5155 §11)."""

_Types = Sequence[tuple[int, bytes]]
"""The type bit maps of a record (RFC 4034 §4.1.2)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a denial bears; `why` says it where it is less than a proof."""

    security: Security
    why: str = ""


PROVED = Proof(Security.SECURE)


def absent(records: Sequence[dns.rrset.RRset], zone: dns.name.Name, owner: dns.name.Name, kind: str) -> Proof:
    """See that a name has no set of a type, be it that the name does not exist, nor a wildcard that would give one."""
    chain = _chain(records, zone)
    return chain if isinstance(chain, Proof) else chain.absent(owner, kind)


def unsigned(records: Sequence[dns.rrset.RRset], zone: dns.name.Name, cut: dns.name.Name) -> Proof:
    """See that a delegation has no DS: there is one, and its record says so, or it is left out of the chain (opt-out)."""
    chain = _chain(records, zone)
    return chain if isinstance(chain, Proof) else chain.unsigned(cut)


def not_closer(records: Sequence[dns.rrset.RRset], zone: dns.name.Name, owner: dns.name.Name, labels: int) -> Proof:
    """See that nothing stands nearer to a name than the wildcard that answered for it, whose parent has so many labels."""
    chain = _chain(records, zone)
    return chain if isinstance(chain, Proof) else chain.not_closer(owner, _upper(owner, labels + 1))


def _chain(records: Sequence[dns.rrset.RRset], zone: dns.name.Name) -> _Plain | _Hashed | Proof:
    """Give the records of one kind that came with an answer, or what they are worth whatever is to be proved."""
    plain = [(one.name, rdata) for one in records for rdata in one if isinstance(rdata, NSEC)]
    if plain:
        return _Plain(plain)
    hashed = [(one.name, rdata) for one in records for rdata in one if isinstance(rdata, NSEC3)]
    most = max(rdata.iterations for _, rdata in hashed)
    if most > MOST_ITERATIONS:
        why = f"the NSEC3 records of {zone} are hashed {most} times more; {MOST_ITERATIONS} are the most that count"
        return Proof(Security.INSECURE, why)
    return _Hashed(hashed, zone)


class _Plain:
    """NSEC records with their owners."""

    def __init__(self, records: list[tuple[dns.name.Name, NSEC]]) -> None:
        self._records = records

    def absent(self, owner: dns.name.Name, kind: str) -> Proof:
        own = self._at(owner)
        if own is not None:
            return _lacks(owner, own.windows, kind)
        covering, record = self._covering(owner)
        if record.next.is_subdomain(owner):
            return PROVED  # an empty non-terminal
        wildcard = _wildcard(_encloser(owner, covering, record.next))
        at_wildcard = self._at(wildcard)
        if at_wildcard is not None:
            return _lacks(wildcard, at_wildcard.windows, kind)
        self._covering(wildcard)
        return PROVED

    def unsigned(self, cut: dns.name.Name) -> Proof:
        own = self._at(cut)
        if own is None:
            raise _unproved(cut)
        return _delegates(cut, own.windows)

    def not_closer(self, owner: dns.name.Name, encloser: dns.name.Name) -> Proof:
        covering, record = self._covering(owner)
        if _encloser(owner, covering, record.next) != encloser:
            raise _unproved(owner)
        return PROVED

    def _at(self, owner: dns.name.Name) -> NSEC | None:
        return next((record for name, record in self._records if name == owner), None)

    def _covering(self, owner: dns.name.Name) -> tuple[dns.name.Name, NSEC]:
        """Give the record that shows that a name does not exist."""
        for name, record in self._records:
            inside = name < owner < record.next if name < record.next else name < owner
            if inside and not (owner.is_subdomain(name) and _is_cut_or_renamed(record.windows)):
                return name, record
        raise _unproved(owner)


class _Hashed:
    """NSEC3 records by their owners' hashes."""

    def __init__(self, records: list[tuple[dns.name.Name, NSEC3]], zone: dns.name.Name) -> None:
        first = records[0][1]
        self._zone, self._salt, self._iterations = zone, first.salt, first.iterations
        self._records: dict[bytes, NSEC3] = {}
        for owner, record in records:
            alike = (record.algorithm, record.salt, record.iterations) == (_SHA1, first.salt, first.iterations)
            if alike and _upper(owner, len(owner) - 1) == zone and record.flags & ~OPTOUT == 0:  # RFC 5155 §8.1, §8.2
                self._records[_unhex(owner.labels[0])] = record
        self._records.pop(b"", None)

    def absent(self, owner: dns.name.Name, kind: str) -> Proof:
        own = self._records.get(self._hash(owner))
        if own is not None:
            return _lacks(owner, own.windows, kind)
        encloser, proof = self._nearest(owner)
        if kind == "DS" and proof.security is Security.INSECURE:
            return proof  # a delegation that is left out; no wildcard gives one a DS (RFC 5155 §8.6)
        wildcard = _wildcard(encloser)
        at_wildcard = self._records.get(self._hash(wildcard))
        if at_wildcard is not None:
            _lacks(wildcard, at_wildcard.windows, kind)
        else:
            self._covering(wildcard)
        return proof

    def unsigned(self, cut: dns.name.Name) -> Proof:
        own = self._records.get(self._hash(cut))
        if own is not None:
            return _delegates(cut, own.windows)
        _, proof = self._nearest(cut)
        if proof.security is Security.SECURE:
            raise _unproved(cut)
        return proof

    def not_closer(self, owner: dns.name.Name, encloser: dns.name.Name) -> Proof:
        return self._left_out(self._covering(_upper(owner, len(encloser) + 1)), owner)

    def _nearest(self, owner: dns.name.Name) -> tuple[dns.name.Name, Proof]:
        """Give the closest encloser of a name that does not exist (RFC 5155 §8.3)."""
        closer = owner
        for above in _above(owner, self._zone):
            record = self._records.get(self._hash(above))
            if record is not None:
                if _is_cut_or_renamed(record.windows):
                    break
                return above, self._left_out(self._covering(closer), owner)
            closer = above
        raise _unproved(owner)

    def _covering(self, owner: dns.name.Name) -> NSEC3:
        wanted = self._hash(owner)
        for at, record in self._records.items():
            if at < wanted < record.next if at < record.next else wanted > at or wanted < record.next:
                return record
        raise _unproved(owner)

    def _left_out(self, covering: NSEC3, owner: dns.name.Name) -> Proof:
        if covering.flags & OPTOUT:
            return Proof(Security.INSECURE, f"{self._zone} leaves unsigned names out of its chain (opt-out), as {owner} may be")
        return PROVED

    def _hash(self, owner: dns.name.Name) -> bytes:
        return _unhex(dns.dnssec.nsec3_hash(owner, self._salt, self._iterations, _SHA1).encode())


def _lacks(owner: dns.name.Name, types: _Types, kind: str) -> Proof:
    """See that a name that exists has no set of a type, by the record of the right side of a zone cut (RFC 6840 §4.1, §4.4)."""
    if _has(types, kind) or _has(types, "CNAME"):
        msg = f"{owner} has what is denied, by its own NSEC record"
        raise Bogus(msg)
    wrong_side = _has(types, "SOA") if kind == "DS" else _has(types, "NS") and not _has(types, "SOA")
    if wrong_side and owner != dns.name.root:
        msg = f"the proof for {owner} {kind} comes from the other side of the zone cut"
        raise Bogus(msg)
    return PROVED


def _delegates(cut: dns.name.Name, types: _Types) -> Proof:
    """See that a record is a delegation's, without DS (RFC 4035 §5.2)."""
    if _has(types, "DS") or _has(types, "SOA") or not _has(types, "NS"):
        raise _unproved(cut)
    return PROVED


def _is_cut_or_renamed(types: _Types) -> bool:
    """Whether what lies below a name is not for its zone to deny (RFC 6840 §4.1)."""
    return _has(types, "DNAME") or (_has(types, "NS") and not _has(types, "SOA"))


def _has(types: _Types, kind: str) -> bool:
    number = dns.rdatatype.from_text(kind)
    window, place = divmod(int(number), 256)
    octets = next((octets for at, octets in types if at == window), b"")
    return place // 8 < len(octets) and bool(octets[place // 8] & 0x80 >> place % 8)


def _encloser(owner: dns.name.Name, before: dns.name.Name, after: dns.name.Name) -> dns.name.Name:
    """Give the closest encloser of a name by the neighbours between which it is missing."""
    shared = (owner.fullcompare(before)[2], owner.fullcompare(after)[2])
    return _upper(owner, max(shared))


def _wildcard(encloser: dns.name.Name) -> dns.name.Name:
    return dns.name.Name((b"*", *encloser.labels))


def _upper(owner: dns.name.Name, count: int) -> dns.name.Name:
    """Give the last labels of a name, the root's counted."""
    return dns.name.Name(owner.labels[len(owner) - count :])


def _above(owner: dns.name.Name, zone: dns.name.Name) -> Iterator[dns.name.Name]:
    """Give the names above a name up to its zone's apex, nearest first."""
    for count in range(len(owner) - 1, len(zone) - 1, -1):
        yield _upper(owner, count)


def _unhex(label: bytes) -> bytes:
    """Give the octets that a label has in base 32 (RFC 4648 §7); none: it is no hash."""
    try:
        return base64.b32hexdecode(label.upper())
    except binascii.Error:
        return b""


def _unproved(owner: dns.name.Name) -> Bogus:
    return Bogus(f"no NSEC or NSEC3 record proves that {owner.canonicalize()} is not there")
