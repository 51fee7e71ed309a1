"""Signed zones (RFC 4034, 4035, 5155) and servers for them on loopback, each with what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zonefile
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from tests.emulators.dns_sockets import serving

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
"""When signatures are made here."""

Spoil = Callable[[dns.message.Message], None]
"""What a server does to its answers."""

_Set = tuple[dns.name.Name, dns.rdatatype.RdataType]


@dataclass(frozen=True)
class SigningKey:
    """A key of a zone: 257 are the flags of one that signs keys, 256 of one that signs the rest."""

    private: ec.EllipticCurvePrivateKey
    public: DNSKEY

    @property
    def tag(self) -> int:
        return dns.dnssec.key_id(self.public)


def signing_key(flags: int = 257) -> SigningKey:
    private = ec.generate_private_key(ec.SECP256R1())
    return SigningKey(private, dns.dnssec.make_dnskey(private.public_key(), "ECDSAP256SHA256", flags))


@dataclass(frozen=True)
class Hashing:
    """How a zone's NSEC3 chain is made (RFC 5155 §3)."""

    opt_out: bool = False
    iterations: int = 0
    salt: bytes = b"\xab\xcd"


@dataclass(frozen=True)
class Signing:
    """How a zone is signed; without keys it is not."""

    keys: tuple[SigningKey, ...] = ()
    hashing: Hashing | None = None
    inception: datetime = NOW - timedelta(days=1)
    expiration: datetime = NOW + timedelta(days=14)


class SignedZone:
    """A zone as a server holds it, made from the lines of a zone file."""

    def __init__(self, apex: str, text: str, signing: Signing | None = None) -> None:
        self.apex = dns.name.from_text(apex)
        self.signing = signing or Signing()
        self.sets: dict[_Set, dns.rrset.RRset] = {}
        self.signatures: dict[_Set, dns.rrset.RRset] = {}
        for one in dns.zonefile.read_rrsets(text, origin=apex, relativize=False, default_ttl=3600, rdclass=None):
            self.sets[one.name, one.rdtype] = one
        if self.signing.keys:
            self._sign()

    def ds(self, digest: str = "SHA256") -> str:
        """Give the line that delegates to this zone's keys."""
        keys = [key for key in self.signing.keys if key.public.flags & 1]
        return "".join(f"{self.apex} DS {dns.dnssec.make_ds(self.apex, key.public, digest)}\n" for key in keys)

    def owners(self) -> list[dns.name.Name]:
        """Give the names in the zone, those of glue left out, in order."""
        return sorted({owner for owner, _ in self.sets if self.cut(owner) in {None, owner}})

    def cut(self, name: dns.name.Name) -> dns.name.Name | None:
        """Give the delegation that a name lies at or below."""
        return next((one for one in self.between(name) if (one, dns.rdatatype.NS) in self.sets), None)

    def between(self, name: dns.name.Name) -> list[dns.name.Name]:
        """Give a name and those above it below the apex, from the top down."""
        return [dns.name.Name(name.labels[-count:]) for count in range(len(self.apex) + 1, len(name) + 1)]

    def exists(self, name: dns.name.Name) -> bool:
        return any(owner.is_subdomain(name) for owner in self.owners())

    def types(self, owner: dns.name.Name) -> set[dns.rdatatype.RdataType]:
        return {kind for name, kind in self.sets if name == owner}

    def hashed(self, name: dns.name.Name) -> str:
        assert self.signing.hashing
        return dns.dnssec.nsec3_hash(name, self.signing.hashing.salt, self.signing.hashing.iterations, 1).lower()

    def _sign(self) -> None:
        keys = [key.public for key in self.signing.keys]
        self.sets[self.apex, dns.rdatatype.DNSKEY] = dns.rrset.from_rdata_list(self.apex, 3600, keys)
        owners = self.owners()
        chain = self._nsec3(owners) if self.signing.hashing else self._nsec(owners)
        for key in [key for key in self.sets if key[0] in owners]:
            if self.cut(key[0]) is None or key[1] == dns.rdatatype.DS:
                self.sign(key)
        for one in chain:
            self.sets[one.name, one.rdtype] = one
            self.sign((one.name, one.rdtype))

    def sign(self, key: _Set, inception: datetime | None = None, expiration: datetime | None = None) -> None:
        """Sign a set: DNSKEY with every key, all others with those that do not only sign keys."""
        begin, end = inception or self.signing.inception, expiration or self.signing.expiration
        zone_signers = [one for one in self.signing.keys if not one.public.flags & 1] or list(self.signing.keys)
        by = self.signing.keys if key[1] == dns.rdatatype.DNSKEY else zone_signers
        made = [dns.dnssec.sign(self.sets[key], one.private, self.apex, one.public, begin, end) for one in by]
        self.signatures[key] = dns.rrset.from_rdata_list(key[0], self.sets[key].ttl, made)

    def _nsec(self, owners: list[dns.name.Name]) -> list[dns.rrset.RRset]:
        pairs = zip(owners, [*owners[1:], self.apex], strict=True)
        texts = {owner: f"{after} {self._told_types(owner)} RRSIG NSEC" for owner, after in pairs}
        return [dns.rrset.from_text(owner, 300, "IN", "NSEC", text) for owner, text in texts.items()]

    def _nsec3(self, owners: list[dns.name.Name]) -> list[dns.rrset.RRset]:
        how = self.signing.hashing
        assert how
        named = [one for one in owners if not (how.opt_out and self.cut(one) and (one, dns.rdatatype.DS) not in self.sets)]
        names = {self.apex, *(above for owner in named for above in self.between(owner))}
        hashes = sorted((self.hashed(one), one) for one in names)
        made = []
        for at, (own, name) in enumerate(hashes):
            types = f"{self._told_types(name)} RRSIG" if self._is_signed(name) else self._told_types(name)
            text = f"1 {int(how.opt_out)} {how.iterations} {how.salt.hex()} {hashes[(at + 1) % len(hashes)][0]} {types}"
            made.append(dns.rrset.from_text(dns.name.from_text(own, self.apex), 300, "IN", "NSEC3", text))
        return made

    def _told_types(self, owner: dns.name.Name) -> str:
        """Give the types for an owner's bit map: at a cut only those of the delegation."""
        at_cut = {dns.rdatatype.NS, dns.rdatatype.DS}
        told = [kind for kind in self.types(owner) if self.cut(owner) is None or kind in at_cut]
        return " ".join(dns.rdatatype.to_text(kind) for kind in told)

    def _is_signed(self, owner: dns.name.Name) -> bool:
        return bool(self.types(owner)) and (self.cut(owner) is None or (owner, dns.rdatatype.DS) in self.sets)


@dataclass(frozen=True)
class Question:
    """A question as it came; `name` is in lower case."""

    address: str
    name: str
    type: str
    tcp: bool
    dnssec: bool


@dataclass
class _Server:
    zones: dict[dns.name.Name, SignedZone] = field(default_factory=dict)
    spoils: Sequence[Spoil] = ()
    recursive: bool = False


class SignedWorld:
    """Some name servers. `port` is theirs; `asked` is every question that came."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self.port = 0
        self.asked: list[Question] = []
        self._servers = {address: _Server() for address in addresses}

    def serve(self, zone: SignedZone, *addresses: str) -> None:
        """Let addresses serve a zone, in place of what they had of that name."""
        for address in addresses:
            self._servers[address].zones[zone.apex] = zone

    def spoil(self, address: str, *spoils: Spoil) -> None:
        """Let an address do these things to its answers, and no others."""
        self._servers[address].spoils = spoils

    def recursive(self, address: str) -> None:
        """Let an address find answers at the others, and pass them on unchecked."""
        self._servers[address].recursive = True

    def count(self, name: str, kind: str) -> int:
        """Give how often something was asked for."""
        return sum((one.name, one.type) == (name, kind) for one in self.asked)

    def replies(self, octets: bytes, address: str, *, tcp: bool) -> list[bytes]:
        """Give what an address sends back."""
        query = dns.message.from_wire(octets)
        question, server = query.question[0], self._servers[address]
        dnssec = bool(query.ednsflags & dns.flags.DO)
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(Question(address, question.name.canonicalize().to_text(), kind, tcp, dnssec))
        reply = dns.message.make_response(query, our_payload=1232)
        if server.recursive:
            reply.flags |= dns.flags.RA
            _answer(reply, {apex: zone for one in self._servers.values() for apex, zone in one.zones.items()})
            reply.flags &= ~dns.flags.AA
        else:
            _answer(reply, server.zones)
        if not dnssec:
            strip(reply)
        for spoil in server.spoils:
            spoil(reply)
        limit = 65535 if tcp else max(512, query.payload)
        sent = reply.to_wire(max_size=65535)
        if len(sent) > limit:
            reply.flags |= dns.flags.TC
            reply.answer, reply.authority, reply.additional = [], [], []
            sent = reply.to_wire()
        return [sent]


@contextmanager
def signed_world(*addresses: str) -> Iterator[SignedWorld]:
    """Serve at addresses on loopback, all on one free port, until the block ends."""
    world = SignedWorld(addresses)
    with serving(addresses, world.replies) as world.port:
        yield world


_PROOFS = frozenset({dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3})


def strip(reply: dns.message.Message) -> None:
    """Take out what a client that knows no DNSSEC has no use for."""
    asked = reply.question[0].rdtype
    for section in (reply.answer, reply.authority):
        section[:] = [one for one in section if one.rdtype not in _PROOFS - {asked}]


def _answer(reply: dns.message.Message, zones: dict[dns.name.Name, SignedZone]) -> None:
    name, kind = reply.question[0].name.canonicalize(), reply.question[0].rdtype
    held = [apex for apex in zones if name.is_subdomain(apex)]
    if kind == dns.rdatatype.DS and len(held) > 1:
        held = [apex for apex in held if apex != name]
    if not held:
        reply.set_rcode(dns.rcode.REFUSED)
        return
    zone = zones[max(held, key=len)]
    cut = zone.cut(name)
    if cut and (cut != name or kind != dns.rdatatype.DS):
        _refer(reply, zone, cut)
        return
    reply.flags |= dns.flags.AA
    renamed = next((one for one in zone.between(name)[:-1] if (one, dns.rdatatype.DNAME) in zone.sets), None)
    if renamed:
        reply.answer = _signed(zone, (renamed, dns.rdatatype.DNAME))
    elif not zone.exists(name):
        _from_wildcard(reply, zone, name, kind)
    elif not _give(reply, zone, name, name, kind):
        _deny(reply, zone, [name], [])


def _refer(reply: dns.message.Message, zone: SignedZone, cut: dns.name.Name) -> None:
    servers = zone.sets[cut, dns.rdatatype.NS]
    reply.authority = [servers, *_signed(zone, (cut, dns.rdatatype.DS))]
    if len(reply.authority) == 1:
        _prove(reply, zone, [cut], [])
    at = [dns.name.from_text(str(one)) for one in servers]
    found = (zone.sets.get((server, kind)) for server in at for kind in (dns.rdatatype.A, dns.rdatatype.AAAA))
    reply.additional = [one for one in found if one]


def _from_wildcard(reply: dns.message.Message, zone: SignedZone, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
    above = [zone.apex, *zone.between(name)]
    encloser = max((one for one in above if zone.exists(one)), key=len)
    closer = above[len(encloser) - len(zone.apex) + 1]
    wildcard = dns.name.Name((b"*", *encloser.labels))
    if not zone.types(wildcard):
        reply.set_rcode(dns.rcode.NXDOMAIN)
        _deny(reply, zone, [encloser], [closer, wildcard], name)
    elif _give(reply, zone, wildcard, name, kind):
        _prove(reply, zone, [], [closer], name)
    else:
        _deny(reply, zone, [encloser, wildcard], [closer], name)


def _give(
    reply: dns.message.Message, zone: SignedZone, owner: dns.name.Name, name: dns.name.Name, kind: dns.rdatatype.RdataType
) -> bool:
    for wanted in (kind, dns.rdatatype.CNAME):
        found = _signed(zone, (owner, wanted))
        if found:
            reply.answer = [dns.rrset.from_rdata_list(name, one.ttl, list(one)) for one in found]
            return True
    return False


def _deny(
    reply: dns.message.Message,
    zone: SignedZone,
    matched: list[dns.name.Name],
    covered: list[dns.name.Name],
    name: dns.name.Name | None = None,
) -> None:
    reply.authority = _signed(zone, (zone.apex, dns.rdatatype.SOA))
    _prove(reply, zone, matched, covered, name)


def _prove(
    reply: dns.message.Message,
    zone: SignedZone,
    matched: list[dns.name.Name],
    covered: list[dns.name.Name],
    name: dns.name.Name | None = None,
) -> None:
    """Add the records that match some names and cover others; a chain of plain names covers the name that was asked for."""
    if not zone.signing.keys:
        return
    kind = dns.rdatatype.NSEC3 if zone.signing.hashing else dns.rdatatype.NSEC
    chain = sorted(owner for owner, one in zone.sets if one == kind)
    wanted: list[dns.name.Name] = []
    for one in [*matched, *covered]:
        if kind == dns.rdatatype.NSEC3:
            label = dns.name.from_text(zone.hashed(one), zone.apex)
            if one in matched and label not in chain:  # left out: its encloser's, and one that covers it
                wanted.append(dns.name.from_text(zone.hashed(one.parent()), zone.apex))
        else:
            label = name if name is not None and one in covered and one.labels[0] != b"*" else one
        wanted.append(max((at for at in chain if at <= label), default=chain[-1]))
    for owner in dict.fromkeys(wanted):
        reply.authority.extend(_signed(zone, (owner, kind)))


def _signed(zone: SignedZone, key: _Set) -> list[dns.rrset.RRset]:
    """Give a set, if there is one, with its signatures, if there are any."""
    return [found[key] for found in (zone.sets, zone.signatures) if key in found]
