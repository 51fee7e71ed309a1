from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest

from plans.facts import Secured, Security
from plans.values import Irregular, Key, RRset, name, parse_value, rrset
from providers.contract import Unavailable
from provisioner.dns.secured import HostAddresses
from tests.emulators.dns_signed import NOW, Hashing, SignedZone, Signing, Spoil, signing_key, strip
from tests.provisioner.dns import signed_bench
from tests.provisioner.dns.signed_bench import (
    CONTOSO,
    CONTOSO_ZONE,
    FIRST,
    MAIL,
    OWN,
    RECURSIVE,
    SECOND,
    THIRD,
    TLD,
    Bench,
    keys,
    signing,
)

TLSA = Key(name("_25._tcp.mail.contoso.example"), "TLSA")
MX = Key(CONTOSO, "MX")
CHAINS = [None, Hashing(), Hashing(opt_out=True)]
CHAIN_NAMES = ["NSEC", "NSEC3", "opt-out"]


def key(text: str) -> Key:
    owner, kind = text.split()
    return Key(name(owner), kind)


@pytest.mark.parametrize("forward", [False, True], ids=["from the root", "through a forwarder"])
@pytest.mark.parametrize("hashing", CHAINS, ids=CHAIN_NAMES)
def test_what_is_there_is_validated_and_what_is_not_is_proved_absent(
    hashing: Hashing | None, bench: Bench, *, forward: bool
) -> None:
    bench.serve(replace(signing("contoso"), hashing=hashing), replace(signing("example"), hashing=hashing))
    lookup = bench.lookup(forward=forward)

    there: dict[str, RRset | None] = {
        "_25._tcp.mail.contoso.example TLSA": rrset(TLSA.owner, "TLSA", 600, [parse_value("TLSA", signed_bench.TLSA)]),
        "contoso.example MX": rrset(CONTOSO, "MX", 600, [parse_value("MX", f"0 {MAIL}")]),
        "_25._tcp.contoso.example TLSA": None,
        "mail.contoso.example TLSA": None,
        "empty.contoso.example MX": None,
        "wild.contoso.example TXT": None,
        "plain.example DS": None,
    }
    by_covering: dict[str, RRset | None] = {
        "nx.contoso.example MX": None,
        "a.wild.contoso.example TXT": None,
        "nx.example MX": None,
        "a.b.wild.contoso.example MX": rrset("a.b.wild.contoso.example", "MX", 600, [parse_value("MX", f"10 {MAIL}")]),
    }
    left_out = {"plain.example DS", "_25._tcp.contoso.example TLSA", *by_covering} if hashing and hashing.opt_out else set()
    for text, held in {**there, **by_covering}.items():
        secured = lookup.secured(key(text))
        wanted = Security.INSECURE if text in left_out else Security.SECURE
        assert (secured.held, secured.security) == (held, wanted), text
        assert ("opt-out" in secured.why) == (text in left_out)
    for owner, reason in {
        "www.contoso.example": "CNAME at the name",
        "x.renamed.contoso.example": "hidden by the DNAME",
    }.items():
        secured = lookup.secured(Key(name(owner), "MX"))
        assert secured.security is Security.SECURE
        assert isinstance(secured.held, Irregular)
        assert secured.held.reason.startswith(reason)


@pytest.mark.parametrize("hashing", CHAINS, ids=CHAIN_NAMES)
def test_what_lies_below_an_unsigned_delegation_is_insecure(hashing: Hashing | None, bench: Bench) -> None:
    bench.serve(example=replace(signing("example"), hashing=hashing))
    lookup = bench.lookup()

    secured = lookup.secured(key("plain.example MX"))
    assert isinstance(secured.held, RRset)
    assert secured.security is Security.INSECURE
    assert "plain.example." in secured.why
    odd = lookup.secured(key("odd.example MX"))
    assert odd.security is Security.INSECURE
    assert "cannot be checked here: algorithm 200 with digest 2" in odd.why


def test_a_chain_that_is_hashed_too_often_counts_as_insecure(bench: Bench) -> None:
    bench.serve(replace(signing("contoso"), hashing=Hashing(iterations=51)))
    lookup = bench.lookup()
    assert lookup.secured(MX).security is Security.SECURE
    denied = lookup.secured(key("nx.contoso.example MX"))
    assert denied == Secured(None, Security.INSECURE, denied.why)
    assert "hashed 51 times more; 50 are the most" in denied.why
    bench.serve(replace(signing("contoso"), hashing=Hashing(iterations=50)))
    assert bench.lookup().secured(key("nx.contoso.example MX")).security is Security.SECURE


AN_HOUR = timedelta(hours=1)
PAST, COMING = (NOW - 9 * AN_HOUR, NOW - AN_HOUR), (NOW + AN_HOUR, NOW + 9 * AN_HOUR)


@pytest.mark.parametrize(
    ("zone", "times", "why"),
    [
        ("contoso", PAST, "contoso.example. DNSKEY expired at 2026-07-01 11:00:00 UTC: is this machine's clock right?"),
        ("example", COMING, "example. DNSKEY is not valid before 2026-07-01 13:00:00 UTC: is this machine's clock right?"),
        ("root", PAST, "the signature of . DNSKEY expired at"),
    ],
)
def test_a_zone_outside_whose_signatures_times_we_are_is_bogus(
    zone: str, times: tuple[datetime, datetime], why: str, bench: Bench
) -> None:
    odd = {zone: replace(signing(zone), inception=times[0], expiration=times[1])}
    bench.serve(odd.get("contoso"), odd.get("example"), odd.get("root"))
    secured = bench.lookup().secured(TLSA)
    assert secured.security is Security.BOGUS
    assert why in secured.why
    assert bench.lookup(now=times[0] + AN_HOUR).secured(TLSA).security is Security.SECURE


def test_a_ds_that_names_no_key_makes_the_zone_bogus(bench: Bench) -> None:
    bench.serve(ds=SignedZone("contoso.example.", CONTOSO_ZONE, Signing((signing_key(),))).ds())
    secured = bench.lookup().secured(MX)
    assert secured.security is Security.BOGUS
    assert isinstance(secured.held, RRset)
    assert "no DNSKEY of contoso.example. is one that a DS of it names" in secured.why


def test_a_zone_that_serves_no_keys_in_spite_of_its_ds_is_bogus(bench: Bench) -> None:
    bench.world.serve(SignedZone("contoso.example.", CONTOSO_ZONE), *OWN)
    secured = bench.lookup().secured(MX)
    assert secured.security is Security.BOGUS
    assert "serves no DNSKEY" in secured.why


@pytest.mark.parametrize(("digest", "security"), [("SHA256", Security.SECURE), ("SHA384", Security.SECURE)])
def test_every_digest_that_is_in_use_is_followed(digest: str, security: Security, bench: Bench) -> None:
    bench.serve(ds=bench.zones["contoso"].ds(digest))
    assert bench.lookup().secured(MX).security is security


def test_a_weak_digest_counts_for_nothing_beside_a_strong_one(bench: Bench) -> None:
    weak = f"contoso DS {dns.dnssec.make_ds(CONTOSO, keys('contoso')[0].public, 'SHA1', policy=dns.dnssec.allow_all_policy)}\n"
    bench.serve(ds=weak)
    assert bench.lookup().secured(MX).security is Security.SECURE
    bench.serve(ds=f"{weak}contoso DS 1 13 2 {'ab' * 32}\n")
    assert bench.lookup().secured(MX).security is Security.BOGUS
    bench.serve(ds=f"{weak}contoso DS 1 200 2 {'ab' * 32}\n")
    assert bench.lookup().secured(MX).security is Security.SECURE


def change(reply: dns.message.Message, kind: str, text: str) -> None:
    """Put forged data in the place of a set's."""
    for at, one in enumerate(reply.answer):
        if one.rdtype == dns.rdatatype.from_text(kind):
            reply.answer[at] = dns.rrset.from_text(one.name, one.ttl, "IN", kind, text)


def forge(reply: dns.message.Message) -> None:
    change(reply, "TLSA", "3 1 1 " + "ee" * 32)


def forge_openly(reply: dns.message.Message) -> None:
    """Forge, and claim to have validated it."""
    forge(reply)
    strip(reply)
    reply.flags |= dns.flags.AD


def deny(reply: dns.message.Message) -> None:
    """Deny TLSA without a proof."""
    if reply.question[0].rdtype == dns.rdatatype.TLSA:
        reply.answer = []


def hide_proofs(reply: dns.message.Message) -> None:
    reply.authority = [one for one in reply.authority if one.rdtype not in {dns.rdatatype.NSEC, dns.rdatatype.NSEC3}]


def unsign_proofs(reply: dns.message.Message) -> None:
    reply.authority = [one for one in reply.authority if one.rdtype != dns.rdatatype.RRSIG]


def by_others(reply: dns.message.Message) -> None:
    """Sign by the keys of another zone."""
    if reply.question[0].rdtype == dns.rdatatype.TLSA:
        other = SignedZone("example.", f"{TLSA.owner} 600 TLSA {signed_bench.TLSA}\n{signed_bench.SOA}", signing("example"))
        kind = dns.rdatatype.TLSA
        reply.answer = [one[dns.name.from_text(TLSA.owner), kind] for one in (other.sets, other.signatures)]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (forge, "no signature of _25._tcp.mail.contoso.example. TLSA fits a key of contoso.example."),
        (forge_openly, "contoso.example. serves no DNSKEY|DNSKEY is not signed"),
        (strip, "DNSKEY is not signed"),
        (deny, "denies it without a proof"),
        (by_others, "is signed by example., not by contoso.example."),
    ],
)
def test_what_is_forged_or_stripped_everywhere_is_bogus(spoil: Spoil, why: str, bench: Bench) -> None:
    for address in OWN:
        bench.world.spoil(address, spoil)
    secured = bench.lookup().secured(TLSA)
    assert secured.security is Security.BOGUS
    assert any(part in secured.why for part in why.split("|"))


@pytest.mark.parametrize("spoil", [forge, strip, deny])
def test_one_server_that_answers_well_is_enough_for_what_is_there(spoil: Spoil, bench: Bench) -> None:
    for address in (FIRST, THIRD):
        bench.world.spoil(address, spoil)
    secured = bench.lookup().secured(TLSA)
    assert secured.security is Security.SECURE
    assert isinstance(secured.held, RRset)


def test_a_signed_ttl_is_the_longest_that_counts(bench: Bench) -> None:
    def longer(reply: dns.message.Message) -> None:
        for one in reply.answer:
            one.ttl = 80_000

    for address in OWN:
        bench.world.spoil(address, longer)
    held = bench.lookup().secured(TLSA).held
    assert isinstance(held, RRset)
    assert held.ttl == 600


ABSENT = key("_25._tcp.contoso.example TLSA")


def test_a_denial_is_heard_from_every_address_over_tcp(bench: Bench) -> None:
    assert bench.lookup().secured(ABSENT) == Secured(None, Security.SECURE)
    asked = [one for one in bench.world.asked if (one.name, one.type) == (ABSENT.owner, "TLSA") and one.tcp and one.dnssec]
    assert {one.address for one in asked} == set(OWN)


@pytest.mark.parametrize(("spoil", "why"), [(hide_proofs, "denies it without a proof"), (unsign_proofs, "NSEC is not signed")])
def test_a_denial_without_its_proof_at_every_address_is_bogus(spoil: Spoil, why: str, bench: Bench) -> None:
    for address in OWN:
        bench.world.spoil(address, spoil)
    secured = bench.lookup().secured(ABSENT)
    assert secured.security is Security.BOGUS
    assert why in secured.why


def test_a_denial_without_its_proof_at_one_address_is_bogus(bench: Bench) -> None:
    bench.world.spoil(SECOND, hide_proofs)
    secured = bench.lookup().secured(ABSENT)
    assert secured.security is Security.BOGUS
    assert SECOND in secured.why


def test_a_denial_that_one_address_does_not_confirm_is_worth_nothing(bench: Bench) -> None:
    bench.otherwise(THIRD, f"{CONTOSO_ZONE}_25._tcp TLSA {signed_bench.TLSA}\n")
    for lookup in (bench.lookup() for _ in range(4)):  # whichever address is asked first
        secured = lookup.secured(ABSENT)
        if secured.held is None:
            assert secured.security is Security.INDETERMINATE
            assert THIRD in secured.why
    bench.world.spoil(SECOND, lambda reply: reply.set_rcode(dns.rcode.SERVFAIL))
    secured = bench.lookup().secured(key("nx.contoso.example MX"))
    assert secured.security is Security.INDETERMINATE
    assert SECOND in secured.why


def test_a_denial_in_an_unsigned_zone_is_heard_from_every_address_too(bench: Bench) -> None:
    secured = bench.lookup().secured(key("nx.plain.example MX"))
    assert (secured.held, secured.security) == (None, Security.INSECURE)
    assert [one.tcp for one in bench.world.asked if one.name == "nx.plain.example." and one.type == "MX"] == [False, True]


def test_where_nobody_answers_nothing_is_determined(bench: Bench) -> None:
    lookup = bench.lookup()
    lookup.zone_of(CONTOSO)
    for address in OWN:
        bench.world.spoil(address, lambda reply: reply.set_rcode(dns.rcode.SERVFAIL))
    secured = lookup.secured(MX)
    assert secured.security is Security.INDETERMINATE
    assert "SERVFAIL" in secured.why


def test_a_delegation_whose_ds_is_hidden_is_bogus(bench: Bench) -> None:
    def hide(reply: dns.message.Message) -> None:
        if reply.question[0].rdtype == dns.rdatatype.DS:
            reply.answer = []

    bench.world.spoil(TLD, hide)
    assert bench.lookup().secured(MX).security is Security.BOGUS

    def deny_wrongly(reply: dns.message.Message) -> None:
        """Prove that a name beside it has no DS."""
        if reply.question[0].rdtype == dns.rdatatype.DS:
            plain = bench.zones["example"]
            owner = (dns.name.from_text("plain.example."), dns.rdatatype.NSEC)
            reply.answer, reply.authority = [], [plain.sets[owner], plain.signatures[owner]]

    bench.world.spoil(TLD, deny_wrongly)
    secured = bench.lookup().secured(MX)
    assert secured.security is Security.BOGUS
    assert "contoso.example." in secured.why


def test_zones_above_are_validated_once_a_run_and_the_zone_itself_each_time(bench: Bench) -> None:
    lookup = bench.lookup()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: lookup.secured(TLSA).security, range(8)))
    assert set(found) == {Security.SECURE}
    assert [bench.world.count(zone, "DNSKEY") for zone in (".", "example.")] == [1, 1]
    assert bench.world.count("example.", "DS") == 1
    assert bench.world.count("contoso.example.", "DNSKEY") >= 8
    bench.world.spoil(FIRST, strip)
    bench.world.spoil(SECOND, strip)
    bench.world.spoil(THIRD, strip)
    assert lookup.secured(TLSA).security is Security.BOGUS


def test_a_zone_above_that_could_not_be_validated_is_tried_again(bench: Bench) -> None:
    lookup = bench.lookup()
    bench.world.spoil(TLD, strip)
    assert lookup.secured(TLSA).security is Security.BOGUS
    bench.world.spoil(TLD)
    assert lookup.secured(TLSA).security is Security.SECURE


def test_a_forwarder_that_strips_signatures_is_refused(bench: Bench) -> None:
    bench.world.spoil(RECURSIVE, strip)
    with pytest.raises(Unavailable, match="passes no signatures on") as refused:
        bench.lookup(forward=True).secured(TLSA)
    assert RECURSIVE in refused.value.detail
    assert "forward" in refused.value.mend


def test_a_forwarder_that_lies_is_found_out(bench: Bench) -> None:
    def refuse(reply: dns.message.Message) -> None:
        if reply.question[0].rdtype == dns.rdatatype.DNSKEY:
            reply.set_rcode(dns.rcode.REFUSED)

    def other_key(reply: dns.message.Message) -> None:
        if reply.question[0].rdtype == dns.rdatatype.DNSKEY:
            reply.answer[0] = dns.rrset.from_rdata(reply.answer[0].name, 3600, signing_key().public)

    bench.world.spoil(RECURSIVE, other_key)
    assert bench.lookup(forward=True).secured(TLSA).security is Security.BOGUS
    bench.world.spoil(RECURSIVE, refuse)
    secured = bench.lookup(forward=True).secured(TLSA)
    assert secured.security is Security.INDETERMINATE
    assert "REFUSED" in secured.why


def test_addresses_of_a_host_come_with_their_ttl_and_security(bench: Bench) -> None:
    lookup = bench.lookup()
    both, secure, none = frozenset({"192.0.2.25", "2001:db8::25"}), Security.SECURE, frozenset[str]()
    assert lookup.host_addresses(MAIL) == HostAddresses(both, 1200, secure)
    one = name("deep.empty.contoso.example")
    assert lookup.host_addresses(one) == HostAddresses(frozenset({"192.0.2.12"}), 3600, secure)
    assert lookup.host_addresses(CONTOSO) == HostAddresses(none, 0, secure)
    insecure = lookup.host_addresses(name("ns1.plain.example"))
    assert insecure == HostAddresses(frozenset({FIRST}), 3600, Security.INSECURE, insecure.why)
    with pytest.raises(Unavailable, match="CNAME at the name"):
        lookup.host_addresses(name("www.contoso.example"))
    bench.world.spoil(SECOND, hide_proofs)
    with pytest.raises(Unavailable, match=SECOND):
        lookup.host_addresses(one)
