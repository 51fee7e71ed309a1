from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from plans.facts import NoAnswer, Security, Signed, ZoneFacts
from plans.values import Key, RRset, name, parse_value, rrset
from providers.contract import Unavailable
from tests.emulators.dns_signed import NOW, Hashing, SignedZone, Signing, signing_key, strip
from tests.provisioner.dns.signed_bench import (
    CONTOSO,
    CONTOSO_ZONE,
    EXAMPLE_ZONE,
    FIRST,
    MAIL,
    OWN,
    PLAIN_ZONE,
    ROOT,
    ROOT_ZONE,
    SECOND,
    THIRD,
    TLD,
    Bench,
    keys,
    signing,
)

TLSA = Key(name("_25._tcp.mail.contoso.example"), "TLSA")
WEEKS = timedelta(days=14)
A_DAY = timedelta(days=1)


def signed(facts: ZoneFacts, address: str) -> Signed:
    found = facts.signed[address]
    assert isinstance(found, Signed)
    return found


@pytest.mark.parametrize("forward", [False, True], ids=["from the root", "through a forwarder"])
def test_a_signed_zone_is_told_as_its_servers_and_its_parents_serve_it(bench: Bench, *, forward: bool) -> None:
    facts = bench.lookup(forward=forward).zone_facts(CONTOSO, [TLSA, Key(MAIL, "TLSA")])

    assert (facts.zone, facts.parent) == (CONTOSO, "example.")
    assert (facts.security, facts.why, facts.parent_security) == (Security.SECURE, "", Security.SECURE)
    servers = {name(f"ns{number}.contoso.example") for number in (1, 2, 3)}
    assert facts.delegated == facts.own == servers
    assert (facts.ns_ttl, facts.negative_ttl, facts.parent_negative_ttl) == (7200, 300, 300)
    entry, rest = keys("contoso")
    assert facts.ds == rrset(CONTOSO, "DS", 3600, [parse_value("DS", bench.zones["contoso"].ds().split(" DS ")[1])])
    assert set(facts.signed) == set(OWN)
    for address in OWN:
        one = signed(facts, address)
        assert one.signing == {entry.tag, rest.tag}
        assert (one.key_ttl, one.valid_until, one.fault) == (3600, NOW + WEEKS, "")
        by_tag = {key.tag: key for key in one.keys}
        assert set(by_tag) == {entry.tag, rest.tag}
        assert by_tag[entry.tag].is_entry_point
        assert not by_tag[rest.tag].is_entry_point
        assert isinstance(facts.ds, RRset)
        assert by_tag[entry.tag].ds[0] == facts.ds.values[0]
        assert [ds.digest_type for ds in by_tag[entry.tag].ds] == [2, 4]


def test_every_address_of_the_parent_and_of_the_zone_is_asked_over_tcp(bench: Bench) -> None:
    bench.lookup().zone_facts(CONTOSO, [TLSA])
    asked = {(one.address, one.name, one.type) for one in bench.world.asked if one.tcp and one.dnssec}
    assert (TLD, CONTOSO, "DS") in asked
    for address in OWN:
        assert {(address, CONTOSO, kind) for kind in ("DNSKEY", "SOA", "NS")} | {(address, TLSA.owner, "TLSA")} <= asked


@pytest.mark.parametrize("hashing", [None, Hashing(), Hashing(opt_out=True)], ids=["NSEC", "NSEC3", "opt-out"])
def test_an_unsigned_zone_below_a_signed_one_has_no_ds_and_this_is_proved(hashing: Hashing | None, bench: Bench) -> None:
    bench.serve(example=replace(signing("example"), hashing=hashing))
    facts = bench.lookup().zone_facts(name("plain.example"))
    assert (facts.ds, facts.security, facts.parent_security) == (None, Security.INSECURE, Security.SECURE)
    assert facts.signed == {FIRST: None}


def test_a_zone_that_is_signed_before_it_has_a_ds_is_judged_by_its_own_keys(bench: Bench) -> None:
    bench.serve(ds="")
    facts = bench.lookup().zone_facts(CONTOSO, [TLSA])
    assert (facts.ds, facts.security) == (None, Security.INSECURE)
    assert {signed(facts, address).valid_until for address in OWN} == {NOW + WEEKS}


def test_below_an_unsigned_parent_what_it_says_counts_as_it_is(bench: Bench) -> None:
    unsigned = SignedZone("example.", EXAMPLE_ZONE + bench.zones["contoso"].ds())
    bench.world.serve(unsigned, TLD)
    bench.world.serve(SignedZone(".", ROOT_ZONE, signing("root")), ROOT)
    lookup = bench.lookup()
    facts = lookup.zone_facts(CONTOSO)
    assert (facts.security, facts.parent_security) == (Security.INSECURE, Security.INSECURE)
    assert isinstance(facts.ds, RRset)
    assert "example. has no DS" in facts.why
    assert lookup.zone_facts(name("plain.example")).ds is None


def _deny_ds(reply: dns.message.Message) -> None:
    if reply.question[0].rdtype == dns.rdatatype.DS:
        reply.answer = []


def _forge_ds(reply: dns.message.Message) -> None:
    if reply.question[0].rdtype == dns.rdatatype.DS:
        reply.answer[0] = dns.rrset.from_text(CONTOSO, 3600, "IN", "DS", "1 13 2 " + "ee" * 32)


def _fail_ds(reply: dns.message.Message) -> None:
    if reply.question[0].rdtype == dns.rdatatype.DS:
        reply.set_rcode(dns.rcode.SERVFAIL)


@pytest.mark.parametrize(
    ("spoil", "why"), [(_deny_ds, "denies it without a proof"), (_forge_ds, "fits a key of example."), (strip, "not signed")]
)
def test_a_ds_that_is_forged_or_denied_without_proof_is_no_answer(
    spoil: Callable[[dns.message.Message], None], why: str, bench: Bench
) -> None:
    lookup = bench.lookup()
    lookup.zone_facts(CONTOSO)  # the keys of the zones above are known from here on
    bench.world.spoil(TLD, spoil)
    facts = lookup.zone_facts(CONTOSO)
    assert isinstance(facts.ds, NoAnswer)
    assert why in facts.ds.why
    assert facts.security is Security.BOGUS


def test_below_a_bogus_parent_nothing_is_denied(bench: Bench) -> None:
    bench.serve(example=replace(signing("example"), expiration=NOW - timedelta(hours=1), inception=NOW - A_DAY))
    lookup = bench.lookup()
    facts = lookup.zone_facts(name("plain.example"))
    assert (facts.security, facts.parent_security) == (Security.BOGUS, Security.BOGUS)
    assert isinstance(facts.ds, NoAnswer)
    assert "expired" in facts.ds.why
    assert isinstance(lookup.zone_facts(CONTOSO).ds, RRset)


def test_one_server_with_expired_signatures_makes_the_zone_bogus_and_is_named(bench: Bench) -> None:
    bench.otherwise(SECOND, how=replace(signing("contoso"), inception=NOW - 2 * A_DAY, expiration=NOW - A_DAY))
    facts = bench.lookup().zone_facts(CONTOSO)
    assert facts.security is Security.BOGUS
    assert SECOND in facts.why
    assert "expired at 2026-06-30 12:00:00 UTC" in facts.why
    assert signed(facts, SECOND).valid_until is None
    assert "expired" in signed(facts, SECOND).fault
    assert signed(facts, SECOND).signing == set()
    assert signed(facts, FIRST).valid_until == NOW + WEEKS


def test_a_server_that_lags_behind_shows_by_its_own_times_and_keys(bench: Bench) -> None:
    entry, rest = keys("contoso")
    bench.otherwise(THIRD, how=Signing((entry, rest, signing_key()), expiration=NOW + A_DAY))
    facts = bench.lookup().zone_facts(CONTOSO)
    assert facts.security is Security.SECURE
    assert signed(facts, THIRD).valid_until == NOW + A_DAY
    assert len(signed(facts, THIRD).keys) == len(signed(facts, THIRD).signing) == 3


def test_the_first_signature_to_end_counts_be_it_that_of_a_managed_set(bench: Bench) -> None:
    soon = NOW + timedelta(hours=3)
    bench.zones["contoso"].sign((dns.name.from_text(TLSA.owner), dns.rdatatype.TLSA), expiration=soon)
    lookup = bench.lookup()
    assert signed(lookup.zone_facts(CONTOSO), FIRST).valid_until == NOW + WEEKS
    assert signed(lookup.zone_facts(CONTOSO, [TLSA]), FIRST).valid_until == soon
    bench.zones["contoso"].sign((dns.name.from_text("mail.contoso.example."), dns.rdatatype.NSEC), expiration=soon)
    assert signed(lookup.zone_facts(CONTOSO, [Key(MAIL, "TLSA")]), FIRST).valid_until == soon


def test_a_managed_set_that_is_not_signed_is_a_fault(bench: Bench) -> None:
    del bench.zones["contoso"].signatures[dns.name.from_text(TLSA.owner), dns.rdatatype.TLSA]
    facts = bench.lookup().zone_facts(CONTOSO, [TLSA])
    assert signed(facts, FIRST).fault == f"{TLSA} is not signed"
    assert signed(facts, FIRST).valid_until is None
    assert facts.security is Security.SECURE


def test_an_apex_whose_soa_is_not_validly_signed_is_bogus(bench: Bench) -> None:
    del bench.zones["contoso"].signatures[dns.name.from_text(CONTOSO), dns.rdatatype.SOA]
    facts = bench.lookup().zone_facts(CONTOSO)
    assert (facts.security, signed(facts, FIRST).fault) == (Security.BOGUS, "contoso.example. SOA is not signed")


def test_servers_that_name_different_servers_agree_on_none(bench: Bench) -> None:
    bench.otherwise(THIRD, CONTOSO_ZONE.replace("@ NS ns3\n", ""))
    facts = bench.lookup().zone_facts(CONTOSO)
    assert facts.own == set()
    assert len(facts.delegated) == 3


def test_an_address_that_is_silent_or_lame_is_told_as_such(bench: Bench) -> None:
    bench.world.spoil(THIRD, lambda reply: reply.set_rcode(dns.rcode.REFUSED))
    facts = bench.lookup().zone_facts(CONTOSO)
    assert facts.signed[THIRD] == NoAnswer("contoso.example. SOA: REFUSED")
    assert facts.security is Security.SECURE
    bench.otherwise(THIRD, CONTOSO_ZONE.replace("@ NS ns1\n@ NS ns2\n@ NS ns3\n", ""))
    bench.world.spoil(THIRD)
    assert bench.lookup().zone_facts(CONTOSO).signed[THIRD] == NoAnswer("has no regular NS for it")


def test_servers_of_the_parent_that_differ_give_no_ds(bench: Bench) -> None:
    second = f"ns.example. A {FIRST}\n"
    top = f"{ROOT_ZONE}{second}{bench.zones['example'].ds()}"
    bench.world.serve(SignedZone(".", top, signing("root")), ROOT)
    bench.world.serve(SignedZone("example.", EXAMPLE_ZONE + second, signing("example")), FIRST)
    held = EXAMPLE_ZONE + second + bench.zones["contoso"].ds()
    bench.world.serve(SignedZone("example.", held, signing("example")), TLD)
    lookup = bench.lookup()
    facts = lookup.zone_facts(CONTOSO)
    assert isinstance(facts.ds, NoAnswer)
    assert "differ" in facts.ds.why
    assert f"{FIRST}: no such record" in facts.ds.why
    assert facts.security is Security.INSECURE


def test_where_no_address_of_the_parent_gives_the_ds_nothing_is_determined(bench: Bench) -> None:
    lookup = bench.lookup()
    lookup.zone_facts(CONTOSO)
    bench.world.spoil(TLD, _fail_ds)
    facts = lookup.zone_facts(CONTOSO)
    assert (facts.security, facts.ds) == (Security.INDETERMINATE, NoAnswer(f"ns.example. ({TLD}): SERVFAIL"))


def test_a_parent_without_a_soa_leaves_it_open_how_long_denials_live(bench: Bench) -> None:
    def deny_soa(reply: dns.message.Message) -> None:
        if reply.question[0].rdtype == dns.rdatatype.SOA:
            reply.answer = []

    bench.world.spoil(TLD, deny_soa)
    with pytest.raises(Unavailable, match="has no regular SOA"):
        bench.lookup().zone_facts(CONTOSO)


def test_a_zone_that_is_not_delegated_or_that_nobody_serves_has_no_facts(bench: Bench) -> None:
    lookup = bench.lookup()
    with pytest.raises(Unavailable, match="not delegated"):
        lookup.zone_facts(name("nobody.example"))
    for address in OWN:
        bench.world.spoil(address, lambda reply: reply.set_rcode(dns.rcode.REFUSED))
    with pytest.raises(Unavailable, match="No server of zone contoso"):
        lookup.zone_facts(CONTOSO)


def test_a_name_that_is_an_alias_at_the_parent_has_no_ds(bench: Bench) -> None:
    def alias(reply: dns.message.Message) -> None:
        if reply.question[0].rdtype == dns.rdatatype.DS:
            reply.answer = [dns.rrset.from_text(reply.question[0].name, 60, "IN", "CNAME", "other.example.")]

    bench.world.serve(SignedZone("example.", EXAMPLE_ZONE), TLD)
    bench.world.serve(SignedZone(".", ROOT_ZONE, signing("root")), ROOT)
    bench.world.spoil(TLD, alias)
    assert bench.lookup().zone_facts(name("plain.example")).ds == NoAnswer("CNAME at the name")


@pytest.mark.parametrize(("tld", "scans"), [("ch", True), ("example", False)])
def test_parents_that_look_for_cds_are_known(tld: str, bench: Bench, *, scans: bool) -> None:
    above = SignedZone(f"{tld}.", EXAMPLE_ZONE, signing("example"))
    bench.world.serve(SignedZone(".", ROOT_ZONE.replace("example", tld) + above.ds(), signing("root")), ROOT)
    bench.world.serve(above, TLD)
    bench.world.serve(SignedZone(f"plain.{tld}.", PLAIN_ZONE), FIRST)
    facts = bench.lookup().zone_facts(name(f"plain.{tld}"))
    assert (facts.parent_scans_cds, facts.security) == (scans, Security.INSECURE)
