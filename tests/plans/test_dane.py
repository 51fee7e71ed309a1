"""DANE for SMTP: which records match a certificate, and what senders make of a host."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from plans.dane import Dane, is_usable, matches, public_key_of, tlsa_of, verdict, verdict_at
from plans.facts import Secured, Security, Session
from plans.values import Irregular, Key, Name, Tlsa, rrset
from tests.emulators.authority import Authority, issue

KEY = Key(Name("_25._tcp.mx.example."), "TLSA")
OWN = issue("mx.example")
CHAIN = (OWN.der, Authority().own.der)
CONTENTS = {0: OWN.der, 1: OWN.public_key}


def association(matching_type: int, content: bytes) -> str:
    return {0: content.hex(), 1: hashlib.sha256(content).hexdigest(), 2: hashlib.sha512(content).hexdigest()}[matching_type]


def record(usage: int = 3, selector: int = 1, matching_type: int = 1, content: bytes = b"") -> Tlsa:
    return Tlsa(usage, selector, matching_type, association(matching_type, content or CONTENTS[selector]))


WRONG = record(content=b"another key")


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching_type", [0, 1, 2])
def test_each_form_of_dane_ee_matches_the_hosts_own_certificate(selector: int, matching_type: int) -> None:
    assert matches(record(3, selector, matching_type), CHAIN)
    assert not matches(record(3, selector, matching_type, b"another"), CHAIN)
    assert not matches(record(3, selector, matching_type), CHAIN[::-1])
    assert not matches(record(3, selector, matching_type), ())


@pytest.mark.parametrize("usage", [0, 1, 2, 4, 255])
def test_no_other_usage_is_taken_for_a_match(usage: int) -> None:
    assert not matches(record(usage), CHAIN)
    assert is_usable(record(usage)) is (usage == 2)


@pytest.mark.parametrize("odd", [Tlsa(3, 2, 1, "ab" * 32), Tlsa(3, 1, 3, "ab"), Tlsa(3, 255, 255, "ab")])
def test_parameters_that_are_not_defined_match_nothing(odd: Tlsa) -> None:
    assert not is_usable(odd)
    assert not matches(odd, CHAIN)


@pytest.mark.parametrize(
    "issued", [OWN, issue("a", key=rsa.generate_private_key(65537, 2048)), issue("a", key=ed25519.Ed25519PrivateKey.generate())]
)
def test_the_public_key_stands_in_the_certificate_whatever_its_algorithm(issued: object) -> None:
    assert isinstance(issued, type(OWN))
    assert public_key_of(issued.der) == issued.public_key
    assert matches(tlsa_of(issued.public_key), [issued.der])


def test_a_certificate_of_version_1_has_a_public_key_too() -> None:
    fields = [b"\x02\x01\x01", *[b"\x30\x00"] * 4, b"\x30\x02\x05\x00"]
    assert public_key_of(sequence(sequence(*fields))) == fields[-1]


def sequence(*elements: bytes) -> bytes:
    content = b"".join(elements)
    return b"\x30" + bytes([len(content)]) + content


@given(st.binary(max_size=64) | st.integers(0, len(OWN.der) - 1).map(lambda end: OWN.der[:end]))
def test_what_is_no_certificate_has_no_public_key_and_matches_nothing(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        public_key_of(octets)
    assert not matches(record(), [octets])


@given(st.integers(0, len(OWN.der) - 1), st.integers(0, 255))
def test_a_certificate_with_an_octet_changed_is_read_or_refused(at: int, octet: int) -> None:
    changed = OWN.der[:at] + bytes([octet]) + OWN.der[at + 1 :]
    try:
        key = public_key_of(changed)
    except ValueError:
        assert not matches(record(), [changed])
    else:
        assert key in changed


def secured(*records: Tlsa) -> Secured:
    return Secured(rrset(KEY.owner, KEY.type, 300, records) if records else None, Security.SECURE)


PRESENTS = Session(accepts=True, starttls=True, chain=CHAIN)


@pytest.mark.parametrize(
    ("tlsa", "found"),
    [
        (secured(record()), Dane.VERIFIED),
        (secured(record(), WRONG), Dane.VERIFIED),
        (secured(WRONG), Dane.FAILED),
        (secured(WRONG, record(1)), Dane.FAILED),
        (secured(record(2)), Dane.UNDETERMINED),
        (secured(record(2), WRONG), Dane.UNDETERMINED),
        (secured(record(2), record()), Dane.VERIFIED),
        (secured(record(0), record(1)), Dane.ENCRYPTED),
        (secured(), Dane.NOT_DANE),
        (Secured(secured(WRONG).held, Security.INSECURE), Dane.NOT_DANE),
        (Secured(secured(record()).held, Security.BOGUS), Dane.FAILED),
        (Secured(None, Security.BOGUS), Dane.FAILED),
        (Secured(secured(record()).held, Security.INDETERMINATE), Dane.UNDETERMINED),
        (Secured(Irregular(KEY, "an alias"), Security.SECURE), Dane.UNDETERMINED),
    ],
)
def test_what_senders_make_of_a_host(tlsa: Secured, found: Dane) -> None:
    assert verdict_at(tlsa, PRESENTS) is found


@pytest.mark.parametrize(
    ("sha256", "sha512", "found"),
    [
        ("right", "right", Dane.VERIFIED),
        ("wrong", "right", Dane.VERIFIED),
        ("right", "wrong", Dane.FAILED),
    ],
)
def test_of_two_digests_the_stronger_counts(sha256: str, sha512: str, found: Dane) -> None:
    content = {"right": OWN.public_key, "wrong": b"another"}
    records = record(3, 1, 1, content[sha256]), record(3, 1, 2, content[sha512])
    assert verdict_at(secured(*records), PRESENTS) is found
    assert verdict_at(secured(*records, record(3, 0, 1)), PRESENTS) is Dane.VERIFIED


@pytest.mark.parametrize(
    ("session", "found"),
    [
        (Session(accepts=True, starttls=False), Dane.FAILED),
        (Session(accepts=True, starttls=True, why="TLS does not come about"), Dane.UNDETERMINED),
        (Session(accepts=False, starttls=False), Dane.UNDETERMINED),
        (Session(accepts=None, starttls=False), Dane.UNDETERMINED),
        (None, Dane.UNDETERMINED),
    ],
)
@pytest.mark.parametrize("held", [record(), record(1)])
def test_without_a_certificate(session: Session | None, found: Dane, held: Tlsa) -> None:
    assert verdict_at(secured(held), session) is found
    assert verdict_at(secured(), session) is Dane.NOT_DANE


@pytest.mark.parametrize(
    ("sessions", "found"),
    [
        ({}, Dane.UNDETERMINED),
        ({"192.0.2.1": PRESENTS, "192.0.2.2": PRESENTS}, Dane.VERIFIED),
        ({"192.0.2.1": PRESENTS, "192.0.2.2": Session(accepts=None, starttls=False)}, Dane.UNDETERMINED),
        (
            {
                "192.0.2.1": PRESENTS,
                "192.0.2.2": Session(accepts=None, starttls=False),
                "192.0.2.3": Session(accepts=True, starttls=False),
            },
            Dane.FAILED,
        ),
    ],
)
def test_the_worst_of_the_addresses_counts(sessions: Mapping[str, Session], found: Dane) -> None:
    assert verdict(secured(record()), sessions) is found
    assert verdict(secured(), sessions) is Dane.NOT_DANE
