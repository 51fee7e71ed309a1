"""Signatures over one set (RFC 4034 §3, RFC 4035 §5.3): which keys of a zone vouch for it, and until when."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import dns.dnssec
import dns.dnssecalgs
import dns.exception
import dns.name
import dns.node
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
from dns.dnssectypes import Algorithm, DSDigest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.dnskeybase import Flag

from provisioner.dns.answers import Bogus

MOST_CHECKS = 16
"""So many signatures are checked for one set: keys with the same tag could have us check forever."""

_DIGESTS = frozenset({DSDigest.SHA1, DSDigest.SHA256, DSDigest.SHA384})
_ALGORITHMS = {number for number, prefix in dns.dnssecalgs.algorithms if prefix is None} - {
    Algorithm.RSAMD5,
    Algorithm.DSA,
    Algorithm.DSANSEC3SHA1,
}
"""What dnspython can check, without what nobody may rely on any more (RFC 8624 §3.1)."""
_UNUSABLE = (dns.exception.DNSException, ValueError, IndexError, struct.error)
"""What dnspython raises for a key or signature that is none, or that does not fit."""


@dataclass(frozen=True, slots=True)
class SignedSet:
    """A set as it came, with the signatures that cover it."""

    records: dns.rrset.RRset
    signatures: tuple[RRSIG, ...]

    def __str__(self) -> str:
        return f"{self.records.name.canonicalize()} {dns.rdatatype.to_text(self.records.rdtype)}"


@dataclass(frozen=True, slots=True)
class Vouched:
    """What the valid signatures over a set say.

    `until` is the earliest time (UTC) at which one ends, `tags` are the keys', `labels` how many the owner has that was signed:
    fewer than the set's own where a wildcard was expanded. `ttl` is the signed one, in seconds.
    """

    until: datetime
    tags: frozenset[int]
    labels: int
    ttl: int


def is_supported(ds: DS) -> bool:
    """Whether digest and algorithm can be checked; a DS of another kind is as if it were not there (RFC 4035 §5.2)."""
    return ds.digest_type in _DIGESTS and ds.algorithm in _ALGORITHMS


def is_usable(key: DNSKEY) -> bool:
    """Whether a key may sign the data of its zone (RFC 4034 §2.1, RFC 5011 §2.1)."""
    return bool(key.flags & Flag.ZONE) and not key.flags & Flag.REVOKE and key.protocol == 3  # noqa: PLR2004 - the only one


def signed_sets(section: Iterable[dns.rrset.RRset]) -> list[SignedSet]:
    """Put a section's records together into sets, each with its signatures."""
    sets: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset] = {}
    signatures: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[RRSIG]] = {}
    for one in section:
        if one.rdclass != dns.rdataclass.IN:
            continue
        for rdata in one:
            if isinstance(rdata, RRSIG):
                signatures.setdefault((one.name, rdata.type_covered), []).append(rdata)
            else:
                found = sets.setdefault((one.name, one.rdtype), dns.rrset.RRset(one.name, one.rdclass, one.rdtype))
                found.add(rdata, one.ttl)
    return [SignedSet(found, tuple(signatures.get(key, ()))) for key, found in sets.items()]


def check(of: SignedSet, zone: dns.name.Name, keys: Collection[DNSKEY], now: datetime) -> Vouched:
    """See who vouches for a set of a zone. Raises `Bogus` where nobody does."""
    if not of.signatures:
        msg = f"{of} is not signed"
        raise Bogus(msg)
    if not of.records.name.is_subdomain(zone):  # RFC 4035 §5.3.1
        msg = f"{of} does not lie in the zone {zone}, whose keys would vouch for it"
        raise Bogus(msg)
    met = _no_fit(of, zone)
    valid: list[RRSIG] = []
    checks = 0
    for signature in of.signatures:
        if signature.signer != zone:
            met = f"{of} is signed by {signature.signer.canonicalize()}, not by {zone}"
            continue
        if untimely := _untimely(of, signature, now):
            met = untimely
            continue
        for key in keys:
            if dns.dnssec.key_id(key) == signature.key_tag and checks < MOST_CHECKS:
                checks += 1
                if _fits(of, signature, key, now):
                    valid.append(signature)
                    break
    if not valid:
        raise Bogus(met)
    return Vouched(
        datetime.fromtimestamp(min(one.expiration for one in valid), UTC),
        frozenset(int(one.key_tag) for one in valid),
        max(one.labels for one in valid),
        min(one.original_ttl for one in valid),
    )


def _no_fit(of: SignedSet, zone: dns.name.Name) -> str:
    """Say that no signature fits, and of which algorithms there are some that dnspython cannot check, or nobody should."""
    strange = sorted({int(one.algorithm) for one in of.signatures} - _ALGORITHMS)
    why = f"; algorithm {', '.join(map(str, strange))} cannot be checked here" if strange else ""
    return f"no signature of {of} fits a key of {zone}{why}"


def _untimely(of: SignedSet, signature: RRSIG, now: datetime) -> str:
    """Say why a signature does not hold at this time; empty: it does."""
    if signature.expiration < now.timestamp():
        return f"the signature of {of} expired at {_utc(signature.expiration)}: is this machine's clock right?"
    if signature.inception > now.timestamp():
        return f"the signature of {of} is not valid before {_utc(signature.inception)}: is this machine's clock right?"
    return ""


def _fits(of: SignedSet, signature: RRSIG, key: DNSKEY, now: datetime) -> bool:
    try:
        keys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {signature.signer: dns.rdataset.from_rdata(0, key)}
        dns.dnssec.validate_rrsig(of.records, signature, keys, now=now.timestamp())
    except _UNUSABLE:
        return False
    return True


def _utc(stamp: int) -> str:
    return f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d %H:%M:%S} UTC"
