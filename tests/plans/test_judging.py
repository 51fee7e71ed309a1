"""What one moment's facts say of each kind of condition: met, not yet, not known or contradicted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from plans.conditions import (
    ChainValid,
    ClockTrusted,
    Condition,
    DelegatedTo,
    GraphAsks,
    GraphSays,
    HostResolves,
    HostTakesMail,
    MxOffDane,
    ParentSecure,
    ParentServesDs,
    Presents,
    ProviderHolds,
    Readiness,
    ServedEverywhere,
    TlsaGone,
    TlsaHarmless,
    TlsaSecure,
    ZoneSigned,
    ZoneUnsigned,
)
from plans.desired import Cloud, DomainFacts, GraphAnswer, MailExchange, Source
from plans.facts import DnsKey, Facts, HostFacts, NoAnswer, Secured, Security, Session, Signed, ZoneFacts
from plans.judging import Memory, judge
from plans.values import Ds, Irregular, Key, Live, Mx, Name, Tlsa, ZoneRef, name, rrset
from plans.verdicts import Judgement
from tests.strategies import conditions

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DOMAIN, PARENT = name("contoso.example"), name("example")
HOST = name("mx1.contoso.example")
NEW, OTHER_NEW = name("contoso-example.o-v1.mx.microsoft"), name("contoso-example.a-v1.mx.microsoft")
LEGACY = name("contoso-example.mail.protection.outlook.com")
ZONE = ZoneRef("aws", "route53", "1", "Z1", DOMAIN)
KEY = Key(DOMAIN, "MX")
SET, OTHER = (rrset(DOMAIN, "MX", 60, [Mx(preference, NEW)]) for preference in (0, 20))
LEGACY_SET = rrset(DOMAIN, "MX", 60, [Mx(0, LEGACY)])
BOTH = rrset(DOMAIN, "MX", 60, [Mx(0, LEGACY), Mx(10, NEW)])
MET, NOT_YET, UNKNOWN, CONTRADICTED = Judgement.MET, Judgement.NOT_YET, Judgement.UNKNOWN, Judgement.CONTRADICTED
NOTHING = Facts(NOW, {})


def judged(condition: Condition, facts: Facts) -> Judgement:
    verdict = judge(condition, facts, Memory())
    assert verdict.met is (verdict.judgement is MET)
    assert bool(verdict.why) is not verdict.met, "whoever waits is told why"
    return verdict.judgement


@given(conditions)
def test_what_was_not_gathered_is_never_met(condition: Condition) -> None:
    assert judged(condition, NOTHING) is UNKNOWN


@pytest.mark.parametrize(
    ("live", "after", "judgement"),
    [(SET, SET, MET), (None, None, MET), (OTHER, SET, NOT_YET), (None, SET, NOT_YET), (Irregular(KEY, "odd"), SET, NOT_YET)],
)
def test_what_a_provider_holds(live: Live, after: Live, judgement: Judgement) -> None:
    assert not isinstance(after, Irregular)
    assert judged(ProviderHolds(ZONE, KEY, after), Facts(NOW, {KEY: live})) is judgement


SILENT = NoAnswer("timed out")


@pytest.mark.parametrize(
    ("answers", "after", "judgement"),
    [
        ([SET, SET], SET, MET),
        ([None], None, MET),
        ([SET, OTHER], SET, NOT_YET),
        ([SET, None], SET, NOT_YET),
        ([SET, Irregular(KEY, "an alias")], SET, NOT_YET),
        ([SET, SILENT], SET, UNKNOWN),
        ([None, SILENT], None, UNKNOWN),
        ([SILENT, OTHER], SET, NOT_YET),
        ([], SET, UNKNOWN),
    ],
)
def test_every_server_has_to_serve_the_set(answers: list[Live | NoAnswer], after: Live, judgement: Judgement) -> None:
    assert not isinstance(after, Irregular)
    served = {(DOMAIN, KEY): {f"192.0.2.{number}": held for number, held in enumerate(answers)}}
    assert judged(ServedEverywhere(DOMAIN, KEY, after), Facts(NOW, {}, served=served)) is judgement


@pytest.mark.parametrize(
    ("answers", "judgement"),
    [
        ([LEGACY_SET, None], MET),
        ([LEGACY_SET, SET], NOT_YET),
        ([BOTH, SILENT], NOT_YET),
        ([LEGACY_SET, Irregular(KEY, "an alias")], NOT_YET),
        ([LEGACY_SET, SILENT], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_no_server_may_name_a_host_under_mx_microsoft(answers: list[Live | NoAnswer], judgement: Judgement) -> None:
    served = {(PARENT, KEY): {f"192.0.2.{number}": held for number, held in enumerate(answers)}}
    assert judged(MxOffDane(PARENT, DOMAIN), Facts(NOW, {}, served=served)) is judgement


def answer(*hosts: Name, verified: bool = True, services: tuple[str, ...] = ("Email",)) -> GraphAnswer:
    mail = tuple(MailExchange(DOMAIN, host, 0, 3600) for host in hosts)
    facts = DomainFacts(verified, is_initial=False, is_admin_managed=True, supported_services=services)
    return GraphAnswer(DOMAIN, Source("contoso", "graph"), Cloud.GLOBAL, NOW, mail, facts)


@pytest.mark.parametrize(
    ("condition", "said", "pinned", "judgement"),
    [
        (GraphSays(DOMAIN, Readiness.VERIFIED), answer(), None, MET),
        (GraphSays(DOMAIN, Readiness.VERIFIED), answer(verified=False), None, NOT_YET),
        (GraphSays(DOMAIN, Readiness.VERIFIED), replace(answer(), facts=None), None, UNKNOWN),
        (GraphSays(DOMAIN, Readiness.EMAIL), answer(), None, MET),
        (GraphSays(DOMAIN, Readiness.EMAIL), answer(services=("Intune",)), None, NOT_YET),
        (GraphSays(DOMAIN, Readiness.EMAIL), answer(verified=False), None, NOT_YET),
        (GraphSays(DOMAIN, Readiness.ASSIGNED), answer(NEW), None, MET),
        (GraphSays(DOMAIN, Readiness.ASSIGNED), answer(LEGACY), None, NOT_YET),
        (GraphSays(DOMAIN, Readiness.ASSIGNED), answer(LEGACY), NEW, MET),
        (GraphSays(DOMAIN, Readiness.ASSIGNED), None, NEW, MET),
        (GraphSays(DOMAIN, Readiness.ASSIGNED), answer(LEGACY), LEGACY, NOT_YET),
        (GraphAsks(DOMAIN, NEW), answer(NEW), None, MET),
        (GraphAsks(DOMAIN, NEW), answer(LEGACY), NEW, MET),
        (GraphAsks(DOMAIN, NEW), answer(LEGACY), None, CONTRADICTED),
        (GraphAsks(DOMAIN, NEW), answer(LEGACY), OTHER_NEW, CONTRADICTED),
        (GraphAsks(DOMAIN, NEW), answer(OTHER_NEW), NEW, CONTRADICTED),
        (GraphAsks(DOMAIN, LEGACY), answer(NEW), LEGACY, CONTRADICTED),
        (GraphAsks(DOMAIN, NEW), answer(), NEW, UNKNOWN),
        (GraphAsks(DOMAIN, NEW), answer(NEW, LEGACY), None, UNKNOWN),
    ],
)
def test_what_graph_says_and_a_pin_beside_it(
    condition: Condition, said: GraphAnswer | None, pinned: Name | None, judgement: Judgement
) -> None:
    facts = Facts(NOW, {}, {DOMAIN: said} if said else {}, {DOMAIN: pinned} if pinned else {})
    assert judged(condition, facts) is judgement


OLD_CERTIFICATE, NEW_CERTIFICATE = b"old certificate", b"new certificate"
TAKES = Session(accepts=True, starttls=True, chain=(OLD_CERTIFICATE,))
SHUT = Session(accepts=None, starttls=False, why="no route")
REFUSES = Session(accepts=False, starttls=False, why="554 no")
PLAIN = Session(accepts=True, starttls=False)
BROKEN_TLS = Session(accepts=True, starttls=True, why="the handshake failed")
PRESENTS_NEW = replace(TAKES, chain=(NEW_CERTIFICATE,))


def host(
    *sessions: Session, tlsa: tuple[Tlsa, ...] | Irregular | None = None, security: Security = Security.SECURE
) -> HostFacts:
    """Make a host with one address for each session."""
    named = {f"192.0.2.{number}": session for number, session in enumerate(sessions)}
    key = Key(name(f"_25._tcp.{HOST}"), "TLSA")
    held = rrset(key.owner, "TLSA", 300, tlsa) if isinstance(tlsa, tuple) else tlsa
    why = "" if security is Security.SECURE else "its signature is broken"
    return HostFacts(HOST, frozenset(named), 300, security, Secured(held, security, why), named)


def of_host(found: HostFacts) -> Facts:
    return Facts(NOW, {}, hosts={HOST: found})


UNTRIED = replace(host(TAKES), sessions={})
LOST = replace(host(), addresses=None, why="SERVFAIL")


@pytest.mark.parametrize(
    ("found", "resolves", "takes_mail"),
    [
        (host(TAKES), MET, MET),
        (host(TAKES, TAKES), MET, MET),
        (host(), NOT_YET, NOT_YET),
        (LOST, UNKNOWN, UNKNOWN),
        (replace(LOST, why=""), UNKNOWN, UNKNOWN),
        (UNTRIED, MET, UNKNOWN),
        (host(TAKES, SHUT), MET, UNKNOWN),
        (host(TAKES, REFUSES), MET, NOT_YET),
        (host(TAKES, PLAIN), MET, NOT_YET),
        (host(TAKES, BROKEN_TLS), MET, NOT_YET),
    ],
)
def test_a_host_resolves_and_takes_mail_at_every_address(found: HostFacts, resolves: Judgement, takes_mail: Judgement) -> None:
    assert judged(HostResolves(HOST), of_host(found)) is resolves
    assert judged(HostTakesMail(HOST), of_host(found)) is takes_mail


def record(certificate: bytes, usage: int = 3, matching_type: int = 1) -> Tlsa:
    digest = {1: hashlib.sha256, 2: hashlib.sha512}[matching_type]
    return Tlsa(usage, 0, matching_type, digest(certificate).hexdigest())


OLD, FOLLOWING, BY_AUTHORITY = record(OLD_CERTIFICATE), record(NEW_CERTIFICATE), record(b"an authority", 2)
STRONGER_DEAD = record(b"dead", matching_type=2)
UNUSABLE = record(OLD_CERTIFICATE, 1)


@pytest.mark.parametrize(
    ("sessions", "records", "judgement"),
    [
        ((TAKES,), (OLD,), MET),
        ((TAKES, PRESENTS_NEW), (OLD, FOLLOWING), MET),
        ((TAKES, PRESENTS_NEW), (OLD,), NOT_YET),
        ((TAKES,), (FOLLOWING,), NOT_YET),
        ((TAKES,), (UNUSABLE,), NOT_YET),
        ((TAKES,), (OLD, STRONGER_DEAD), NOT_YET),
        ((TAKES,), (BY_AUTHORITY,), UNKNOWN),
        ((TAKES,), (BY_AUTHORITY, FOLLOWING), UNKNOWN),
        ((TAKES,), (BY_AUTHORITY, OLD), MET),
        ((TAKES, PLAIN), (OLD,), NOT_YET),
        ((TAKES, BROKEN_TLS), (OLD,), NOT_YET),
        ((TAKES, SHUT), (OLD,), UNKNOWN),
        ((SHUT, PRESENTS_NEW), (OLD,), NOT_YET),
        ((), (OLD,), NOT_YET),
    ],
)
def test_every_address_presents_what_a_record_matches(
    sessions: tuple[Session, ...], records: tuple[Tlsa, ...], judgement: Judgement
) -> None:
    assert judged(Presents(HOST, records), of_host(host(*sessions))) is judgement
    for condition in (TlsaHarmless(HOST), TlsaSecure(HOST)):
        assert judged(condition, of_host(host(*sessions, tlsa=records))) is judgement


def test_an_address_that_was_not_asked_presents_nothing_that_is_known() -> None:
    assert judged(Presents(HOST, (OLD,)), of_host(UNTRIED)) is UNKNOWN


@pytest.mark.parametrize(
    ("tlsa", "security", "harmless", "secure", "gone"),
    [
        (None, Security.SECURE, MET, NOT_YET, MET),
        (None, Security.INSECURE, MET, NOT_YET, MET),
        (None, Security.BOGUS, UNKNOWN, NOT_YET, UNKNOWN),
        (None, Security.INDETERMINATE, UNKNOWN, UNKNOWN, UNKNOWN),
        ((OLD,), Security.SECURE, MET, MET, NOT_YET),
        ((OLD,), Security.INSECURE, MET, NOT_YET, NOT_YET),
        ((OLD,), Security.BOGUS, UNKNOWN, NOT_YET, UNKNOWN),
        ((FOLLOWING,), Security.INSECURE, NOT_YET, NOT_YET, NOT_YET),
        (Irregular(Key(HOST, "TLSA"), "an alias"), Security.SECURE, NOT_YET, NOT_YET, NOT_YET),
    ],
)
def test_a_tlsa_set_by_its_security(
    tlsa: tuple[Tlsa, ...] | Irregular | None, security: Security, harmless: Judgement, secure: Judgement, gone: Judgement
) -> None:
    facts = of_host(host(TAKES, tlsa=tlsa, security=security))
    assert judged(TlsaHarmless(HOST), facts) is harmless
    assert judged(TlsaSecure(HOST), facts) is secure
    assert judged(TlsaGone(HOST), facts) is gone


def ds(tag: int) -> Ds:
    return Ds(tag, 13, 2, f"{tag:064x}")


def key(tag: int, flags: int = 257) -> DnsKey:
    return DnsKey(tag, 13, flags, "AwEAAQ==", (ds(tag),))


def signed(*tags: int, signing: tuple[int, ...] | None = None, left: int = 10 * 86400, zone_key: bool = False) -> Signed:
    keys = (*map(key, tags), *([key(99, 256)] if zone_key else []))
    return Signed(keys, 3600, frozenset(tags if signing is None else signing), NOW + timedelta(seconds=left))


NS = frozenset([name("ns1.contoso.example"), name("ns2.contoso.example")])
UNSIGNED_ZONE = ZoneFacts(
    DOMAIN, PARENT, Security.INSECURE, "", Security.SECURE, None, {"192.0.2.1": None}, NS, NS, 3600, 300, 900
)


def zone(*served: Signed | NoAnswer | None, held: tuple[Ds, ...] | NoAnswer = ()) -> ZoneFacts:
    at_parent = held if isinstance(held, NoAnswer) else rrset(DOMAIN, "DS", 3600, held) if held else None
    return replace(UNSIGNED_ZONE, signed={f"192.0.2.{number}": one for number, one in enumerate(served)}, ds=at_parent)


def faulty(found: Signed, fault: str) -> Signed:
    return replace(found, valid_until=None, fault=fault)


def of_zone(found: ZoneFacts) -> Facts:
    return Facts(NOW, {}, zones={DOMAIN: found})


@pytest.mark.parametrize(
    ("served", "wanted", "judgement"),
    [
        ([signed(1)], (), MET),
        ([signed(1)], (ds(1),), MET),
        ([signed(1, 2), signed(1, 2, zone_key=True)], (ds(1), ds(2)), MET),
        ([signed(1), signed(1, 2)], (ds(2),), NOT_YET),
        ([signed(1, 2, signing=(1,))], (ds(2),), NOT_YET),
        ([signed(1)], (Ds(1, 13, 2, "00" * 32),), NOT_YET),
        ([signed(1, signing=(99,), zone_key=True)], (), NOT_YET),
        ([signed(1), None], (), NOT_YET),
        ([signed(1), SILENT], (), UNKNOWN),
        ([SILENT, None], (), NOT_YET),
        ([signed(1, left=86400)], (), NOT_YET),
        ([signed(1, left=86401)], (), MET),
        ([replace(signed(1), valid_until=None, fault="the SOA is not signed")], (), NOT_YET),
        ([], (), UNKNOWN),
    ],
)
def test_every_server_has_to_serve_the_zone_signed_for_long_enough(
    served: list[Signed | NoAnswer | None], wanted: tuple[Ds, ...], judgement: Judgement
) -> None:
    assert judged(ZoneSigned(DOMAIN, wanted, 86400), of_zone(zone(*served))) is judgement


EXPIRED = "the signature of contoso.example. DNSKEY expired"


@pytest.mark.parametrize(
    ("served", "wanted", "why"),
    [
        (None, (), "192.0.2.1 serves no DNSKEY"),
        (signed(1), (ds(1), ds(2), ds(3)), "192.0.2.1 serves no DNSKEY for the DS 2, 3"),
        (signed(1, 2, signing=(1,)), (ds(2),), "192.0.2.1: the DNSKEY 2 does not sign the DNSKEY set"),
        (faulty(signed(1, signing=()), EXPIRED), (ds(1),), f"192.0.2.1: the DNSKEY 1 does not sign the DNSKEY set: {EXPIRED}"),
        (faulty(signed(1, signing=()), EXPIRED), (), f"192.0.2.1: no entry point signs the DNSKEY set: {EXPIRED}"),
        (faulty(signed(1, 2, signing=(1,)), "no SOA"), (ds(2),), "192.0.2.1: the DNSKEY 2 does not sign the DNSKEY set"),
        (faulty(signed(1), "the SOA is not signed"), (ds(1),), "192.0.2.1: the SOA is not signed"),
        (
            signed(1, left=3600),
            (ds(1),),
            "192.0.2.1: signatures end 2026-11-24 01:00:00Z, and must last beyond 2026-11-25 00:00:00Z",
        ),
    ],
)
def test_whoever_waits_for_signatures_is_told_at_which_server_and_what_is_wrong(
    served: Signed | None, wanted: tuple[Ds, ...], why: str
) -> None:
    facts = of_zone(replace(zone(signed(1, 2, 3)), signed={"192.0.2.0": signed(1, 2, 3), "192.0.2.1": served}))
    assert judge(ZoneSigned(DOMAIN, wanted, 86400), facts, Memory()).why == why


@pytest.mark.parametrize(
    ("found", "judgement"),
    [
        (zone(None, None), MET),
        (zone(None, signed(1)), NOT_YET),
        (zone(SILENT, signed(1)), NOT_YET),
        (zone(None, held=(ds(1),)), NOT_YET),
        (zone(None, SILENT), UNKNOWN),
        (zone(None, held=SILENT), UNKNOWN),
        (zone(), UNKNOWN),
    ],
)
def test_a_zone_is_unsigned_when_nobody_serves_a_key_or_a_ds(found: ZoneFacts, judgement: Judgement) -> None:
    assert judged(ZoneUnsigned(DOMAIN), of_zone(found)) is judgement


@pytest.mark.parametrize(
    ("held", "wanted", "judgement"),
    [
        ((), (), MET),
        ((ds(1),), (ds(1),), MET),
        ((ds(1), ds(2)), (ds(2), ds(1)), MET),
        ((ds(1),), (), NOT_YET),
        ((), (ds(1),), NOT_YET),
        ((ds(1), ds(2)), (ds(1),), NOT_YET),
        (SILENT, (), UNKNOWN),
    ],
)
def test_every_server_of_the_parent_has_to_serve_the_ds(
    held: tuple[Ds, ...] | NoAnswer, wanted: tuple[Ds, ...], judgement: Judgement
) -> None:
    assert judged(ParentServesDs(DOMAIN, wanted), of_zone(zone(None, held=held))) is judgement


@pytest.mark.parametrize(
    ("parents", "own", "judgement"),
    [
        (NS, NS, MET),
        (NS, NS | {HOST}, NOT_YET),
        (frozenset([HOST]), NS, NOT_YET),
        (frozenset(), NS, UNKNOWN),
        (NS, frozenset(), UNKNOWN),
    ],
)
def test_parent_and_zone_have_to_name_the_same_servers(
    parents: frozenset[Name], own: frozenset[Name], judgement: Judgement
) -> None:
    found = replace(UNSIGNED_ZONE, delegated=parents, own=own)
    assert judged(DelegatedTo(DOMAIN, tuple(NS)), of_zone(found)) is judgement


@pytest.mark.parametrize(
    ("security", "judgement"),
    [
        (Security.SECURE, MET),
        (Security.INSECURE, NOT_YET),
        (Security.BOGUS, NOT_YET),
        (Security.INDETERMINATE, UNKNOWN),
    ],
)
def test_a_chain_and_a_parent_are_secure_or_not(security: Security, judgement: Judgement) -> None:
    assert judged(ChainValid(DOMAIN), of_zone(replace(UNSIGNED_ZONE, security=security, why="no RRSIG"))) is judgement
    assert judged(ParentSecure(DOMAIN), of_zone(replace(UNSIGNED_ZONE, parent_security=security))) is judgement


@pytest.mark.parametrize(
    ("off", "judgement"), [(0, MET), (60, MET), (-60, MET), (61, NOT_YET), (-61, NOT_YET), (None, UNKNOWN)]
)
def test_a_clock_is_trusted_within_a_minute_of_what_others_tell(off: int | None, judgement: Judgement) -> None:
    skew = None if off is None else timedelta(seconds=off)
    assert judged(ClockTrusted(), replace(NOTHING, clock_skew=skew)) is judgement
