"""Answers of a signed zone's servers, and what a server that lies makes of them: the zone's owner may sign any lie."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st

from plans.facts import Security
from plans.values import Name
from provisioner.dns.validation import Standing
from tests.emulators.dns_signed import NOW, Hashing, SignedWorld, SignedZone, Signing, SigningKey
from tests.fuzz.mutation import Pool, mutated
from tests.provisioner.dns.signed_bench import CONTOSO_ZONE

APEX = Name("contoso.example.")
_ASKED = """contoso.example MX;contoso.example DNSKEY;contoso.example NS;contoso.example DS;mail.contoso.example A
mail.contoso.example AAAA;_25._tcp.mail.contoso.example TLSA;www.contoso.example A;x.wild.contoso.example MX
nothing.contoso.example MX;deep.empty.contoso.example MX;empty.contoso.example A;sub.contoso.example DS;sub.contoso.example NS
x.sub.contoso.example A;x.renamed.contoso.example MX;contoso.example TXT"""


def _key(number: int, flags: int) -> SigningKey:
    """Make a key that is the same every time, so that kept answers stay valid."""
    private = ec.derive_private_key(number, ec.SECP256R1())
    return SigningKey(private, dns.dnssec.make_dnskey(private.public_key(), "ECDSAP256SHA256", flags))


KEYS = (_key(1, 257), _key(2, 256))
STANDING = Standing(APEX, Security.SECURE, tuple(key.public for key in KEYS))
DS = tuple(dns.dnssec.make_ds(dns.name.from_text(APEX), key.public, "SHA256") for key in KEYS[:1])


@cache
def answers() -> Pool:
    """Give the zone's answers to many questions, with NSEC, NSEC3, NSEC3 with opt-out, and without signatures."""
    made: list[bytes] = []
    for hashing in (None, Hashing(), Hashing(opt_out=True)):
        world = SignedWorld([""])
        world.serve(SignedZone(APEX, CONTOSO_ZONE, Signing(KEYS, hashing)), "")
        for owner, kind in map(str.split, _ASKED.replace("\n", ";").split(";")):
            for dnssec in (True, False):
                query = dns.message.make_query(owner, kind, want_dnssec=dnssec, flags=0, id=0)
                made += world.replies(query.to_wire(), "", tcp=True)
    return Pool(dict.fromkeys(made))


@st.composite
def lies(draw: st.DrawFn) -> bytes:
    """Put sets of other answers into one, in other sections, changed and signed again, or changed alone."""
    told = _parsed(answers().one(draw))
    others = [_parsed(answers().one(draw)) for _ in range(draw(st.integers(0, 2)))]
    sets = [one for message in (told, *others) for section in message.sections[1:] for one in section]
    for section in (told.answer, told.authority, told.additional):
        if draw(st.booleans()):
            section[:] = (
                [_lie(draw, sets[draw(st.integers(0, len(sets) - 1))]) for _ in range(draw(st.integers(0, 6)))] if sets else []
            )
            section += [_signed(one) for one in section if one.rdtype != dns.rdatatype.RRSIG and draw(st.booleans())]
    told.flags ^= draw(st.sampled_from([0, 0, 0, 0x0400, 0x0200, 0x8000, 3, 2]))
    return told.to_wire(max_size=65535)


def _parsed(answer: bytes) -> dns.message.Message:
    """Read an answer, each record of it in a set of its own: a larger one would be written in an order of chance."""
    return dns.message.from_wire(answer, one_rr_per_rrset=True)


def _lie(draw: st.DrawFn, one: dns.rrset.RRset) -> dns.rrset.RRset:
    owner = draw(
        st.sampled_from([one.name, one.name, dns.name.from_text(APEX), dns.name.root, dns.name.Name((b"*", *one.name.labels))])
    )
    octets = one[0].to_wire() or b""
    rdata = draw(mutated(Pool([octets])))[:1000]
    try:
        changed = dns.rdata.from_wire(dns.rdataclass.IN, one.rdtype, rdata, 0, len(rdata))
    except (dns.exception.DNSException, ValueError):
        changed = one[0]
    return dns.rrset.from_rdata_list(owner, draw(st.sampled_from([one.ttl, 0, 2**31 - 1])), [changed])


def _signed(one: dns.rrset.RRset) -> dns.rrset.RRset:
    by = KEYS[0 if one.rdtype == dns.rdatatype.DNSKEY else 1]
    apex = dns.name.from_text(APEX)
    try:
        made = dns.dnssec.sign(one, by.private, apex, by.public, NOW - timedelta(days=1), NOW + timedelta(days=1))
    except (dns.exception.DNSException, ValueError):
        return one
    return dns.rrset.from_rdata_list(one.name, one.ttl, [made])


def wires(held: Pool) -> st.SearchStrategy[bytes]:
    """Give messages: lies, and messages whose octets are changed."""
    return st.one_of(lies(), mutated(Pool([*answers(), *held])))
