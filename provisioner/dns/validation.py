"""What answers are worth to one who trusts the zones above them (RFC 4035 §5). Nothing here asks anybody.

An AD bit is never looked at: another's opinion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
from dns.dnssectypes import DSDigest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

from plans.facts import Security
from plans.values import Key, Name
from provisioner.dns import denial
from provisioner.dns.answers import Bogus
from provisioner.dns.denial import PROVED, Proof
from provisioner.dns.signatures import SignedSet, Vouched, check, is_supported, is_usable, signed_sets


@dataclass(frozen=True, slots=True)
class Standing:
    """What a zone is worth, and the keys by which its data is checked where it is secure."""

    zone: Name
    security: Security
    keys: tuple[DNSKEY, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A delegation that leads out of what is signed; `why` says how one knows."""

    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one answer is worth. `until` (UTC): when its first signature ends. `ttl`: the signed one, None for a denial."""

    security: Security
    why: str = ""
    until: datetime | None = None
    ttl: int | None = None


def dnskeys(answer: dns.message.Message, zone: Name) -> tuple[SignedSet, tuple[DNSKEY, ...]] | None:
    """Give the DNSKEY set of an answer, and its keys; None: there is none."""
    found = _at(signed_sets(answer.answer), dns.name.from_text(zone), "DNSKEY")
    return (found, tuple(one for one in found.records if isinstance(one, DNSKEY))) if found else None


def zone_keys(answer: dns.message.Message, zone: Name, trusted: Collection[DS], now: datetime) -> tuple[DNSKEY, ...]:
    """Read the answer for a zone's DNSKEY set: its keys, if one that a DS names has signed it. Raises `Bogus`."""
    owner, found = dns.name.from_text(zone), dnskeys(answer, zone)
    if found is None:
        msg = f"{zone} has a DS at its parent, and serves no DNSKEY"
        raise Bogus(msg)
    keys = tuple(filter(is_usable, found[1]))
    named = [key for key in keys if any(_names(ds, owner, key) for ds in trusted)]
    if not named:
        msg = f"no DNSKEY of {zone} is one that a DS of it names ({', '.join(str(one.key_tag) for one in trusted)})"
        raise Bogus(msg)
    check(found[0], owner, named, now)
    return keys


def signers(answer: dns.message.Message, zone: Name, above: Standing, now: datetime) -> tuple[DS, ...] | Unsigned:
    """Read the answer for a zone's DS at its parent, which is secure: those that can be followed. Raises `Bogus`."""
    owner, apex = dns.name.from_text(zone), dns.name.from_text(above.zone)
    found = _at(signed_sets(answer.answer), owner, "DS")
    if found is None:
        proof = denial.unsigned(_denials(answer, apex, above.keys, now)[0], apex, owner)
        return Unsigned(proof.why or f"{above.zone} proves that {zone} has no DS")
    if check(found, apex, above.keys, now).labels != len(owner) - 1:
        msg = f"the DS of {zone} comes from a wildcard"
        raise Bogus(msg)
    all_of_them = [one for one in found.records if isinstance(one, DS)]
    usable = [one for one in all_of_them if is_supported(one)]
    if not usable:
        kinds = ", ".join(sorted({f"algorithm {one.algorithm} with digest {one.digest_type}" for one in all_of_them}))
        return Unsigned(f"{zone} has DS records only that cannot be checked here: {kinds}")
    stronger = [one for one in usable if one.digest_type != DSDigest.SHA1]  # RFC 4509 §3
    return tuple(stronger or usable)


def verdict(answer: dns.message.Message, asked: Key, standing: Standing, now: datetime) -> Verdict:
    """Read what an answer of a zone to a question for a key is worth. Raises `Bogus`."""
    if standing.security is not Security.SECURE:
        return Verdict(standing.security, standing.why)
    owner, apex = dns.name.from_text(asked.owner), dns.name.from_text(standing.zone)
    found = _answering(signed_sets(answer.answer), owner, asked.type)
    if found is None:
        records, until = _denials(answer, apex, standing.keys, now)
        proof = denial.absent(records, apex, owner, asked.type)
        return Verdict(proof.security, proof.why, until)
    vouched = check(found, apex, standing.keys, now)
    proof, until = _not_closer(answer, found, vouched, standing, now)
    return Verdict(proof.security, proof.why, until, vouched.ttl)


def _not_closer(
    answer: dns.message.Message, found: SignedSet, vouched: Vouched, standing: Standing, now: datetime
) -> tuple[Proof, datetime]:
    """See that a set is its owner's own, or that a wildcard may stand in for it (RFC 4035 §5.3.4)."""
    owner, apex = found.records.name.canonicalize(), dns.name.from_text(standing.zone)
    if vouched.labels == _labels(owner):
        return PROVED, vouched.until
    records, until = _denials(answer, apex, standing.keys, now)
    return denial.not_closer(records, apex, owner, vouched.labels), min(until, vouched.until)


def _answering(sets: Sequence[SignedSet], owner: dns.name.Name, kind: str) -> SignedSet | None:
    """Give the set that answers: the asked one, the DNAME above it, or the alias in its place."""
    renamed = (one for one in sets if one.records.rdtype == dns.rdatatype.DNAME and owner.is_subdomain(one.records.name))
    return _at(sets, owner, kind) or next(renamed, None) or _at(sets, owner, "CNAME")


def _denials(
    answer: dns.message.Message, apex: dns.name.Name, keys: Collection[DNSKEY], now: datetime
) -> tuple[list[dns.rrset.RRset], datetime]:
    """Give the NSEC and NSEC3 records that a zone vouches for, and until when. Raises `Bogus` where there is none."""
    found: list[dns.rrset.RRset] = []
    ends: list[datetime] = []
    met = f"{apex} denies it without a proof"
    for one in signed_sets(answer.authority):
        if one.records.rdtype not in {dns.rdatatype.NSEC, dns.rdatatype.NSEC3}:
            continue
        try:
            vouched = check(one, apex, keys, now)
        except Bogus as why:
            met = str(why)
            continue
        if vouched.labels == _labels(one.records.name):
            found.append(one.records)
            ends.append(vouched.until)
    if not found:
        raise Bogus(met)
    return found, min(ends)


def _names(ds: DS, owner: dns.name.Name, key: DNSKEY) -> bool:
    """Whether a DS is a key's."""
    if ds.key_tag != dns.dnssec.key_id(key) or ds.algorithm != key.algorithm:
        return False
    return dns.dnssec.make_ds(owner, key, DSDigest(ds.digest_type), validating=True).digest == ds.digest


def _labels(owner: dns.name.Name) -> int:
    """Count a name's labels as RRSIG does: without the root's and a wildcard's (RFC 4034 §3.1.3)."""
    return len(owner) - 1 - owner.is_wild()


def _at(sets: Iterable[SignedSet], owner: dns.name.Name, kind: str) -> SignedSet | None:
    wanted = dns.rdatatype.from_text(kind)
    return next((one for one in sets if one.records.name == owner and one.records.rdtype == wanted), None)
