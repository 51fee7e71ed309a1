"""Proofs that prove something else than what they are brought for."""

from __future__ import annotations

import dns.dnssec
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.facts import Security
from provisioner.dns import denial
from provisioner.dns.answers import Bogus
from tests.emulators.dns_signed import Hashing, SignedZone, Signing, signing_key

ZONE = dns.name.from_text("example.")
TEXT = """@ SOA ns h 1 3600 600 86400 300
@ NS ns
ns A 192.0.2.1
b MX 0 ns
*.w MX 0 ns
cut NS ns.cut
ns.cut A 192.0.2.2
safe NS ns.cut
safe DS 1 13 2 abababababababababababababababababababababababababababababababab
d.e MX 0 ns
moved DNAME elsewhere.
"""
KEYS = (signing_key(),)


def nsec(owner: str, after: str, types: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(dns.name.from_text(owner, ZONE), 300, "IN", "NSEC", f"{dns.name.from_text(after, ZONE)} {types}")


def hashed(owner: str) -> str:
    return dns.dnssec.nsec3_hash(dns.name.from_text(owner, ZONE), "", 0, 1).lower()


def nsec3(owner: str, types: str = "", *, head: str = "1 0 0 -", zone: dns.name.Name = ZONE, span: int = 1) -> dns.rrset.RRset:
    """Make a record that matches a name, and covers so many hashes behind it."""
    own = hashed(owner)
    after = _later(own, span)
    return dns.rrset.from_text(dns.name.from_text(own, zone), 300, "IN", "NSEC3", f"{head} {after} {types}")


def _later(own: str, by: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuv"
    number = int("".join(own), 32) + by
    text = ""
    for _ in own:
        number, digit = divmod(number, 32)
        text = digits[digit] + text
    return text


def over(owner: str, types: str = "", *, head: str = "1 0 0 -") -> dns.rrset.RRset:
    """Make a record that covers a name."""
    before = _later(hashed(owner), -1)
    return dns.rrset.from_text(dns.name.from_text(before, ZONE), 300, "IN", "NSEC3", f"{head} {_later(before, 2)} {types}")


def at(text: str) -> dns.name.Name:
    return dns.name.from_text(text, ZONE)


@pytest.mark.parametrize(
    ("records", "owner", "kind"),
    [
        ([nsec("b", "c", "MX")], "b", "MX"),  # it is there
        ([nsec("b", "c", "CNAME")], "b", "MX"),  # an alias is there
        ([nsec("b", "c", "NS")], "b", "TXT"),  # from above the cut
        ([nsec("b", "c", "NS SOA")], "b", "DS"),  # from below the cut
        ([nsec("b", "d", "NS")], "x.b", "MX"),  # below a cut
        ([nsec("b", "d", "DNAME")], "x.b", "MX"),  # below a name that is moved
        ([nsec("b", "d", "MX")], "e", "MX"),  # another span
        ([nsec("b", "d", "MX")], "c", "MX"),  # nothing of the wildcard
        ([nsec("b", "d", "MX"), nsec("*", "b", "MX")], "c", "MX"),  # the wildcard has it
        ([nsec3("b", "MX")], "b", "MX"),
        ([nsec3("b", "CNAME")], "b", "MX"),
        ([nsec3("b", "NS")], "b", "TXT"),
        ([nsec3("b", "NS SOA")], "b", "DS"),
        ([nsec3("@", "SOA NS")], "c", "MX"),  # nothing covers it
        ([over("c"), over("*")], "c", "MX"),  # no encloser
        ([nsec3("@", "SOA NS"), over("c")], "c", "MX"),  # nothing of the wildcard
        ([nsec3("@", "SOA NS"), over("c"), nsec3("*", "MX")], "c", "MX"),  # the wildcard has it
        ([nsec3("b", "NS"), over("x.b"), over("*.b")], "x.b", "MX"),  # below a cut
        ([nsec3("b", "DNAME"), over("x.b"), over("*.b")], "x.b", "MX"),
        ([nsec3("b", head="2 0 0 -")], "b", "MX"),  # another hash
        ([nsec3("b", head="1 2 0 -")], "b", "MX"),  # a flag that nobody knows
        ([nsec3("b", zone=dns.name.from_text("deep.example."))], "b", "MX"),  # not of this zone
        ([over("z"), nsec3("b", head="1 0 0 ab")], "b", "MX"),  # another salt than the first
    ],
)
def test_what_is_not_proved_absent_is_bogus(records: list[dns.rrset.RRset], owner: str, kind: str) -> None:
    with pytest.raises(Bogus):
        denial.absent(records, ZONE, at(owner), kind)


@pytest.mark.parametrize(
    "records",
    [
        [nsec("cut", "d", "NS DS")],
        [nsec("cut", "d", "NS SOA")],
        [nsec("cut", "d", "MX")],  # no delegation
        [nsec("b", "d", "MX"), nsec("@", "b", "SOA NS")],  # no such name
        [nsec3("cut", "NS DS")],
        [nsec3("cut", "NS SOA")],
        [nsec3("cut", "MX")],
        [nsec3("@", "SOA NS"), over("cut")],  # no such name, and nothing is left out
    ],
)
def test_a_delegation_that_is_not_proved_unsigned_is_bogus(records: list[dns.rrset.RRset]) -> None:
    with pytest.raises(Bogus):
        denial.unsigned(records, ZONE, at("cut"))


@pytest.mark.parametrize(
    "records",
    [
        [nsec("b", "d.w", "MX")],  # x.w does not lie there
        [nsec("w", "z.x.w", "MX")],  # x.w exists
        [nsec("a.w", "y.w", "MX")],  # right
        [over("y.w")],
    ],
)
def test_a_wildcard_stands_in_only_where_nothing_is_nearer(records: list[dns.rrset.RRset]) -> None:
    if records[0].name == at("a.w"):
        assert denial.not_closer(records, ZONE, at("x.w"), 2) == denial.PROVED
        with pytest.raises(Bogus):
            denial.not_closer(records, ZONE, at("x.w"), 1)  # *.example. answered, and w.example. is nearer
    else:
        with pytest.raises(Bogus):
            denial.not_closer(records, ZONE, at("x.w"), 2)


def test_names_that_are_left_out_and_hashes_without_end_prove_nothing_and_are_not_bogus() -> None:
    records = [nsec3("@", "SOA NS"), over("cut", head="1 1 0 -")]
    assert denial.unsigned(records, ZONE, at("cut")).security is Security.INSECURE
    assert denial.absent([*records, over("*")], ZONE, at("cut"), "MX").security is Security.INSECURE
    assert denial.absent(records, ZONE, at("cut"), "DS").security is Security.INSECURE
    assert denial.not_closer([over("cut", head="1 1 0 -")], ZONE, at("x.cut"), 1).security is Security.INSECURE
    often = [nsec3("@", "SOA NS", head="1 0 51 -")]
    assert denial.absent(often, ZONE, at("cut"), "MX").security is Security.INSECURE
    assert denial.unsigned(often, ZONE, at("cut")).security is Security.INSECURE
    assert denial.not_closer(often, ZONE, at("cut"), 1).security is Security.INSECURE


def test_a_label_that_is_no_hash_is_passed_over() -> None:
    odd = dns.rrset.from_text("odd.example.", 300, "IN", "NSEC3", f"1 0 0 - {'v' * 32} MX")
    with pytest.raises(Bogus):
        denial.absent([odd, nsec3("@", "SOA NS")], ZONE, at("b"), "MX")
    assert denial.absent([odd, nsec3("b", "TXT")], ZONE, at("b"), "MX") == denial.PROVED


def test_the_last_record_of_a_chain_covers_to_its_beginning() -> None:
    assert denial.absent([nsec("y", "@", "MX"), nsec("@", "b", "SOA NS")], ZONE, at("z"), "MX") == denial.PROVED
    zone = SignedZone("example.", "@ SOA ns h 1 3600 600 86400 300\n@ NS ns.other.\n", Signing(KEYS, Hashing()))
    chain = [one for (_, kind), one in zone.sets.items() if kind == 50]
    assert denial.absent(chain, ZONE, at("any.where"), "MX") == denial.PROVED


ZONES = [SignedZone("example.", TEXT, Signing(KEYS, how)) for how in (None, Hashing(), Hashing(opt_out=True))]
LABELS = st.sampled_from(["b", "w", "cut", "safe", "d", "e", "moved", "ns", "*", "x", "zz"])


@given(st.lists(LABELS, min_size=1, max_size=3), st.sampled_from(["MX", "TXT", "NS", "DS", "A"]), st.sampled_from(ZONES))
def test_a_whole_chain_proves_absent_exactly_what_is_absent(labels: list[str], kind: str, zone: SignedZone) -> None:
    owner = at(".".join(labels))
    chain = [one for (_, rdtype), one in zone.sets.items() if rdtype in {47, 50}]
    cut = zone.cut(owner)
    hidden = (cut is not None and (cut != owner or kind != "DS")) or (owner != at("moved") and owner.is_subdomain(at("moved")))
    held = zone.exists(owner) and dns.rdatatype.from_text(kind) in zone.types(owner)
    below_wildcard = owner.is_subdomain(at("*.w"))  # which exists, and is the encloser of such a name
    made = kind == "MX" and not zone.exists(owner) and owner.is_subdomain(at("w")) and not below_wildcard
    try:
        proof = denial.absent(chain, ZONE, owner, kind)
    except Bogus:
        assert hidden or held or made
    else:
        assert not held or hidden  # a delegation's own NS set is not for its parent to deny
        assert not made
        assert not hidden or proof.security is Security.INSECURE  # opt-out knows nothing of what it leaves out


def test_a_hashed_record_of_the_root_proves_nothing_below_it() -> None:
    own = dns.rrset.from_text(dns.name.root, 300, "IN", "NSEC3", f"1 0 0 - {hashed('b')} NS")
    for zone in (ZONE, dns.name.root):
        with pytest.raises(Bogus):
            denial.unsigned([own], zone, at("b"))
