from __future__ import annotations

from datetime import timedelta

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from hypothesis import given
from hypothesis import strategies as st

from plans.facts import Security
from plans.values import Key, Name
from provisioner.dns import validation
from provisioner.dns.answers import Bogus
from provisioner.dns.signatures import MOST_CHECKS, check, is_usable, signed_sets
from provisioner.dns.validation import Standing
from tests.emulators.dns_signed import NOW, SignedZone, Signing, signing_key

KEYS = (signing_key(257), signing_key(256))
TEXT = (
    f"@ SOA ns h 1 3600 600 86400 300\n@ NS ns\n@ 600 MX 0 mail\nmail TLSA 3 1 1 {'ab' * 32}\n*.w MX 10 mail\nx A 192.0.2.1\n"
)
ZONE = SignedZone("example.", TEXT, Signing(KEYS))
APEX = dns.name.from_text("example.")
STANDING = Standing(Name("example."), Security.SECURE, tuple(key.public for key in KEYS))
SIGNED = [key for key in ZONE.signatures if key[1] in {dns.rdatatype.MX, dns.rdatatype.TLSA, dns.rdatatype.A}]


def reply(owner: dns.name.Name, kind: dns.rdatatype.RdataType, answer: list[dns.rrset.RRset]) -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query(owner, kind))
    made.flags |= dns.flags.AA | dns.flags.AD
    made.answer = answer
    return made


def verdict(owner: dns.name.Name, kind: dns.rdatatype.RdataType, answer: list[dns.rrset.RRset]) -> Security:
    asked = Key(Name(owner.to_text()), dns.rdatatype.to_text(kind))
    return validation.verdict(reply(owner, kind, answer), asked, STANDING, NOW).security


def test_every_set_as_it_was_signed_is_secure() -> None:
    for key in SIGNED:
        assert verdict(*key, [ZONE.sets[key], ZONE.signatures[key]]) is Security.SECURE


@given(st.sampled_from(SIGNED), st.booleans(), st.integers(0, 10_000), st.integers(1, 255))
def test_no_octet_of_data_or_signature_can_be_changed(
    key: tuple[dns.name.Name, dns.rdatatype.RdataType],
    in_signature: bool,
    place: int,
    change: int,
) -> None:
    sets = [ZONE.sets[key], ZONE.signatures[key]]
    whole = sets[in_signature][0]
    octets = bytearray(whole.to_wire())
    octets[place % len(octets)] ^= change
    try:
        changed = dns.rdata.from_wire(whole.rdclass, whole.rdtype, bytes(octets), 0, len(octets))
    except (dns.exception.DNSException, ValueError):
        return  # no longer a record
    if changed == whole:
        return  # the same in canonical form: a letter of a name in the other case
    sets[in_signature] = dns.rrset.from_rdata(key[0], sets[in_signature].ttl, changed)
    with pytest.raises(Bogus):
        verdict(*key, sets)


def test_a_record_more_or_less_or_under_another_name_is_bogus() -> None:
    key = (APEX, dns.rdatatype.MX)
    more = dns.rrset.from_text("example.", 600, "IN", "MX", "0 mail.example.", "0 evil.example.")
    with pytest.raises(Bogus):
        verdict(*key, [more, ZONE.signatures[key]])
    moved = dns.name.from_text("other.example.")
    sets = [dns.rrset.from_rdata_list(moved, 600, list(one)) for one in (ZONE.sets[key], ZONE.signatures[key])]
    with pytest.raises(Bogus):
        verdict(moved, key[1], sets)


def test_no_zone_vouches_for_what_lies_elsewhere() -> None:
    outside = dns.rrset.from_text("example.net.", 600, "IN", "MX", "0 mail.example.")
    by = KEYS[1]
    made = dns.dnssec.sign(outside, by.private, APEX, by.public, NOW - timedelta(days=1), NOW + timedelta(days=1))
    signed = signed_sets([outside, dns.rrset.from_rdata(outside.name, 600, made)])
    with pytest.raises(Bogus, match="does not lie in the zone"):
        check(signed[0], APEX, STANDING.keys, NOW)


def test_a_wildcard_without_the_proof_that_nothing_is_nearer_is_bogus() -> None:
    wild = (dns.name.from_text("*.w.example."), dns.rdatatype.MX)
    made = dns.name.from_text("made.w.example.")
    answer = [dns.rrset.from_rdata_list(made, 600, list(one)) for one in (ZONE.sets[wild], ZONE.signatures[wild])]
    with pytest.raises(Bogus, match="without a proof"):
        verdict(made, dns.rdatatype.MX, answer)


def test_a_denial_made_from_a_wildcards_record_is_bogus() -> None:
    wild = (dns.name.from_text("*.w.example."), dns.rdatatype.NSEC)
    made = dns.name.from_text("made.w.example.")
    answer = reply(made, dns.rdatatype.TXT, [])
    answer.authority = [dns.rrset.from_rdata_list(made, 300, list(one)) for one in (ZONE.sets[wild], ZONE.signatures[wild])]
    with pytest.raises(Bogus, match="without a proof"):
        validation.verdict(answer, Key(Name(made.to_text()), "TXT"), STANDING, NOW)


def test_a_ds_made_from_a_wildcard_is_bogus() -> None:
    zone = SignedZone("example.", f"{TEXT}*.d DS 1 13 2 {'ab' * 32}\n", Signing(KEYS))
    wild = (dns.name.from_text("*.d.example."), dns.rdatatype.DS)
    child = dns.name.from_text("child.d.example.")
    answer = [dns.rrset.from_rdata_list(child, 600, list(one)) for one in (zone.sets[wild], zone.signatures[wild])]
    with pytest.raises(Bogus, match="comes from a wildcard"):
        validation.signers(reply(child, dns.rdatatype.DS, answer), Name(child.to_text()), STANDING, NOW)


def test_keys_that_may_not_sign_a_zone_are_not_used() -> None:
    for flags, usable in ((257, True), (256, True), (1, False), (257 | 128, False)):
        assert is_usable(signing_key(flags).public) is usable
    revoked = signing_key(257 | 128)
    zone = SignedZone("example.", TEXT, Signing((revoked,)))
    answer = reply(APEX, dns.rdatatype.DNSKEY, [one[APEX, dns.rdatatype.DNSKEY] for one in (zone.sets, zone.signatures)])
    trusted = [dns.dnssec.make_ds(APEX, revoked.public, "SHA256")]
    with pytest.raises(Bogus, match="no DNSKEY"):
        validation.zone_keys(answer, Name("example."), trusted, NOW)


def test_records_of_another_class_are_passed_over() -> None:
    other = dns.rrset.from_rdata(APEX, 60, dns.rdata.GenericRdata(dns.rdataclass.CH, dns.rdatatype.MX, b""))
    assert signed_sets([other]) == []


def test_keys_and_signatures_without_number_are_not_all_checked() -> None:
    """Signatures that fit nothing, with tags of keys that are there (CVE-2023-50387)."""
    key = (APEX, dns.rdatatype.MX)
    (of,) = signed_sets([ZONE.sets[key], ZONE.signatures[key]])
    bad = dns.rrset.RRset(APEX, dns.rdataclass.IN, dns.rdatatype.RRSIG)
    for number in range(MOST_CHECKS):
        bad.add(of.signatures[0].replace(signature=bytes([number]) * 64))
    (many,) = signed_sets([ZONE.sets[key], bad])
    with pytest.raises(Bogus, match="no signature of example"):
        check(many, APEX, STANDING.keys, NOW)
    (with_good,) = signed_sets([ZONE.sets[key], bad, ZONE.signatures[key]])
    with pytest.raises(Bogus):
        check(with_good, APEX, STANDING.keys, NOW)


def test_a_key_that_is_none_fits_nothing() -> None:
    key = (APEX, dns.rdatatype.MX)
    (of,) = signed_sets([ZONE.sets[key], ZONE.signatures[key]])
    whole = KEYS[1].public
    parts = [{"key": whole.key[:length], "algorithm": kind} for length in (1, 2, 31, 63) for kind in (13, 8)]
    broken = [one for one in (whole.replace(**part) for part in parts) if isinstance(one, DNSKEY)]
    claimed = [of.signatures[0].replace(key_tag=dns.dnssec.key_id(one), algorithm=one.algorithm) for one in broken]
    (lying,) = signed_sets([ZONE.sets[key], dns.rrset.from_rdata_list(APEX, 600, claimed)])
    with pytest.raises(Bogus):
        check(lying, APEX, broken, NOW)
