"""What each check of a domain comes to, by what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from plans.conditions import ProviderHolds
from plans.dane import tlsa_of
from plans.desired import Subject
from plans.facts import DnsKey, HostFacts, NoAnswer, Secured, Security, Session, Signed, StsMode, StsPolicy, ZoneFacts
from plans.plan import Change, Rollout, Step
from plans.policy import Risk
from plans.values import Ds, Irregular, Key, Live, Mx, Name, RRset, Tlsa, ZoneRef, name, rrset
from plans.verify import Check, Seen, Standing, UnderWay, Wanted, checks, worst
from tests.emulators.authority import issue

AT = datetime(2026, 11, 24, tzinfo=UTC)
CONTOSO = name("contoso.example")
LEGACY, NEW, OTHER = (
    name(host) for host in ("contoso.mail.protection.outlook.com", "contoso.o-v1.mx.microsoft", "mx.else.example")
)
FIRST, SECOND = "192.0.2.1", "192.0.2.2"
SILENT = NoAnswer("it takes too long")
FAULT, UNDETERMINED, NOTICE, GOOD = Standing.FAULT, Standing.UNDETERMINED, Standing.NOTICE, Standing.GOOD


def mx(*hosts: Name, preference: int = 0, ttl: int = 3600) -> RRset:
    return rrset(CONTOSO, "MX", ttl, [Mx(preference + 10 * number, host) for number, host in enumerate(hosts)])


WANTED = mx(NEW)
NULL = rrset(CONTOSO, "MX", 3600, [Mx(0, Name("."))])
KSK = DnsKey(1, 13, 257, "AA==", (Ds(1, 13, 2, "ab" * 32),))
OLD_KSK = DnsKey(2, 13, 257, "AQ==", (Ds(2, 13, 2, "cd" * 32),))
SIGNED = Signed((KSK,), 3600, frozenset({1}), AT + timedelta(days=10))
OWN = issue("mx.example")
MATCHING = tlsa_of(OWN.public_key)
WRONG = replace(MATCHING, association="ab" * 32)
SESSION = Session(accepts=True, starttls=True, chain=(OWN.der,))
CLOSED = Session(accepts=None, starttls=False, why="it takes too long")


def ds(*values: Ds) -> RRset:
    return rrset(CONTOSO, "DS", 3600, values)


ZONE = ZoneFacts(
    zone=CONTOSO,
    parent=name("example"),
    security=Security.SECURE,
    why="",
    parent_security=Security.SECURE,
    ds=ds(*KSK.ds),
    signed={FIRST: SIGNED, SECOND: SIGNED},
    delegated=frozenset({name("ns1.example"), name("ns2.example")}),
    own=frozenset({name("ns1.example"), name("ns2.example")}),
    ns_ttl=3600,
    negative_ttl=300,
    parent_negative_ttl=300,
)


def host(
    *records: Tlsa,
    security: Security = Security.SECURE,
    sessions: Mapping[str, Session] | None = None,
    held: Live = None,
) -> HostFacts:
    published = rrset(f"_25._tcp.{NEW}", "TLSA", 300, records) if records else held
    at = {FIRST: SESSION} if sessions is None else sessions
    return HostFacts(NEW, frozenset({FIRST}), 300, Security.SECURE, Secured(published, security, "so it is"), at)


SEEN = Seen(
    at=AT,
    zone=ZONE,
    served={FIRST: WANTED, SECOND: WANTED},
    mx=Secured(WANTED, Security.SECURE),
    hosts={NEW: host(MATCHING)},
    sts=StsPolicy("", 0, StsMode.NONE),
)
DANE = Wanted(CONTOSO, WANTED, signed=True, dane=True)
PLAIN = Wanted(CONTOSO, WANTED)


def found(wanted: Wanted, seen: Seen, name: str) -> Check:
    (one,) = [check for check in checks(wanted, seen) if check.name == name]
    return one


def told(wanted: Wanted, seen: Seen, name: str) -> tuple[Standing, str]:
    one = found(wanted, seen, name)
    return one.standing, one.what


def test_where_all_is_well_every_check_says_what_it_saw() -> None:
    assert [(check.name, check.standing, check.what, check.mend) for check in checks(DANE, SEEN)] == [
        ("chain", GOOD, "contoso.example. is secure", ""),
        ("DS", GOOD, "example. holds the DS 1 (algorithm 13, digest type 2), which every server serves and signs with", ""),
        ("signatures", GOOD, "valid until 2026-12-04 00:00:00Z, for 10 d more (192.0.2.1)", ""),
        ("delegation", GOOD, "contoso.example. and its parent name ns1.example., ns2.example.", ""),
        ("MX", GOOD, f"0 {NEW}", ""),
        (f"TLSA {NEW.rstrip('.')}", GOOD, "verified: its TLSA is secure and matches what it presents at 192.0.2.1", ""),
        ("DANE", GOOD, f"verified: {NEW}", ""),
        ("MTA-STS", GOOD, "there is no policy", ""),
    ]


PLACE = ZoneRef("files", "zonefile", "zones", "contoso.example.zone", CONTOSO)


def step(before: RRset | None, after: RRset) -> Step:
    return Step(Risk.ADD_MX, Change(before, after), PLACE, (), (ProviderHolds(PLACE, after.key, after),))


STEPS = (step(mx(LEGACY), mx(LEGACY, NEW)), step(None, ds(*KSK.ds)))
UNDER_WAY = UnderWay.of("c0ffee" * 4, Rollout(Subject(CONTOSO), STEPS), CONTOSO)


@pytest.mark.parametrize(
    ("wanted", "served", "standing", "what"),
    [
        (WANTED, {FIRST: mx(NEW, preference=10, ttl=60)}, GOOD, f"10 {NEW}"),
        (mx(LEGACY), {FIRST: mx(LEGACY)}, GOOD, f"0 {LEGACY}, a legacy host, which is still asked for"),
        (
            WANTED,
            {FIRST: mx(NEW, preference=5)},
            NOTICE,
            f"5 {NEW}: the hosts are right, and the preferences wanted are those of 0 {NEW}",
        ),
        (mx(NEW, OTHER), {FIRST: mx(OTHER, NEW)}, NOTICE, None),
        (mx(NEW, OTHER), {FIRST: mx(NEW, OTHER)}, GOOD, None),
        (WANTED, {FIRST: mx(OTHER)}, FAULT, f"0 {OTHER}; wanted is 0 {NEW}"),
        (WANTED, {FIRST: mx(NEW, OTHER)}, FAULT, f"0 {NEW}, 10 {OTHER}; wanted is 0 {NEW}"),
        (WANTED, {FIRST: None}, FAULT, f"no MX; wanted is 0 {NEW}"),
        (WANTED, {FIRST: NULL}, FAULT, "a null MX: the domain takes no mail (RFC 7505)"),
        (WANTED, {FIRST: Irregular(WANTED.key, "an alias")}, FAULT, "an MX set that is an alias"),
        (WANTED, {FIRST: WANTED, SECOND: None}, FAULT, f"the servers differ: {FIRST} serves 0 {NEW}; {SECOND} serves no MX"),
        (
            WANTED,
            {FIRST: WANTED, SECOND: SILENT},
            UNDETERMINED,
            f"0 {NEW}; not every server answers\n{SECOND}: it takes too long",
        ),
        (WANTED, {FIRST: mx(OTHER), SECOND: SILENT}, FAULT, None),
        (WANTED, {FIRST: SILENT}, UNDETERMINED, f"nobody said what it is\n{FIRST}: it takes too long"),
        (None, {FIRST: mx(OTHER)}, GOOD, f"0 {OTHER}; there is nothing to compare it with"),
        (None, {FIRST: None}, GOOD, "no MX; there is nothing to compare it with"),
        (None, {FIRST: NULL}, FAULT, None),
    ],
)
def test_mx(wanted: RRset | None, served: Mapping[str, Live | NoAnswer], standing: Standing, what: str | None) -> None:
    one = found(Wanted(CONTOSO, wanted), replace(SEEN, served=served), "MX")
    assert one.standing is standing
    assert what in {None, one.what}
    assert bool(one.mend) is (standing in {FAULT, NOTICE})


@pytest.mark.parametrize(
    ("served", "standing"),
    [
        ({FIRST: mx(LEGACY)}, NOTICE),
        ({FIRST: mx(LEGACY, NEW)}, NOTICE),
        ({FIRST: mx(LEGACY), SECOND: mx(LEGACY, NEW)}, NOTICE),
        ({FIRST: WANTED}, GOOD),
        ({FIRST: mx(OTHER)}, FAULT),
        ({FIRST: mx(LEGACY), SECOND: WANTED}, FAULT),
    ],
)
def test_what_an_open_rollout_leads_through_is_no_fault(served: Mapping[str, Live], standing: Standing) -> None:
    one = found(replace(PLAIN, rollout=UNDER_WAY), replace(SEEN, served=served), "MX")
    assert (one.standing, "half-way through the rollout of plan c0ffeec0ffee" in one.what) == (standing, standing is NOTICE)


@pytest.mark.parametrize(
    ("of_host", "standing", "words"),
    [
        (replace(host(MATCHING), addresses=frozenset()), FAULT, "has no address"),
        (NoAnswer("an alias"), UNDETERMINED, "whether contoso.o-v1.mx.microsoft. has an address is not known: an alias"),
    ],
)
def test_a_host_that_nobody_can_deliver_to(of_host: HostFacts | NoAnswer, standing: Standing, words: str) -> None:
    one = found(PLAIN, replace(SEEN, hosts={NEW: of_host}), "MX")
    assert (one.standing, words in one.what) == (standing, True)


@pytest.mark.parametrize(
    ("security", "of_mx", "wanted", "standing"),
    [
        (Security.INSECURE, Security.INSECURE, PLAIN, GOOD),
        (Security.INSECURE, Security.INSECURE, DANE, FAULT),
        (Security.INSECURE, Security.INSECURE, replace(DANE, zone_rollout=UnderWay("c0ffee" * 4)), NOTICE),
        (Security.BOGUS, Security.INDETERMINATE, PLAIN, FAULT),
        (Security.SECURE, Security.BOGUS, PLAIN, FAULT),
        (Security.SECURE, Security.INDETERMINATE, PLAIN, UNDETERMINED),
        (Security.INDETERMINATE, Security.SECURE, PLAIN, UNDETERMINED),
    ],
)
def test_chain(security: Security, of_mx: Security, wanted: Wanted, standing: Standing) -> None:
    seen = replace(SEEN, zone=replace(ZONE, security=security, why="of the zone"), mx=Secured(None, of_mx, "of the MX"))
    assert found(wanted, seen, "chain").standing is standing
    if Security.BOGUS in {security, of_mx}:
        assert told(wanted, seen, "DANE")[0] is (FAULT if of_mx is Security.BOGUS else GOOD)


def signed(*keys: DnsKey, days: float = 10, fault: str = "", signing: frozenset[int] | None = None) -> Signed:
    tags = frozenset(key.tag for key in keys) if signing is None else signing
    return Signed(keys, 3600, tags, None if fault else AT + timedelta(days=days), fault)


@pytest.mark.parametrize(
    ("held", "at_first", "standing", "words"),
    [
        (None, None, GOOD, "example. holds none for contoso.example."),
        (NoAnswer("the parent's servers differ"), SIGNED, UNDETERMINED, "the parent's servers differ"),
        (ds(*KSK.ds), None, FAULT, f"names no DNSKEY that signs at {FIRST}"),
        (ds(*KSK.ds), signed(OLD_KSK), FAULT, f"names no DNSKEY that signs at {FIRST}"),
        (ds(*KSK.ds), signed(KSK, signing=frozenset()), FAULT, f"names no DNSKEY that signs at {FIRST}"),
        (ds(*KSK.ds), SILENT, UNDETERMINED, f"{FIRST}: it takes too long"),
        (
            ds(*KSK.ds, *OLD_KSK.ds),
            SIGNED,
            NOTICE,
            "of which the DS 2 (algorithm 13, digest type 2) names no DNSKEY that signs",
        ),
        (ds(*KSK.ds, *OLD_KSK.ds), signed(OLD_KSK), GOOD, "every server serves"),
        (ds(Ds(1, 13, 2, "ef" * 32)), SIGNED, FAULT, "names no DNSKEY"),
        (ds(Ds(1, 13, 1, "ef" * 20)), SIGNED, GOOD, "every server serves"),
        (ds(Ds(1, 8, 1, "ef" * 20)), SIGNED, FAULT, "names no DNSKEY"),
    ],
)
def test_ds(held: RRset | NoAnswer | None, at_first: Signed | NoAnswer | None, standing: Standing, words: str) -> None:
    one = found(PLAIN, replace(SEEN, zone=replace(ZONE, ds=held, signed={FIRST: at_first, SECOND: SIGNED})), "DS")
    assert (one.standing, words in one.what) == (standing, True), one


@pytest.mark.parametrize(
    ("served", "standing", "of_no_ds"),
    [
        (signed(KSK, days=0.9), FAULT, NOTICE),
        (signed(KSK, days=-1), FAULT, NOTICE),
        (signed(KSK, fault="the SOA is not signed"), FAULT, NOTICE),
        (signed(KSK, days=1.1), NOTICE, NOTICE),
        (signed(KSK, days=3.04), NOTICE, NOTICE),
        (signed(KSK, days=3.05), GOOD, GOOD),
    ],
)
def test_the_time_that_signatures_have_left(served: Signed, standing: Standing, of_no_ds: Standing) -> None:
    zone = replace(ZONE, signed={FIRST: SIGNED, SECOND: served})
    assert found(PLAIN, replace(SEEN, zone=zone), "signatures").standing is standing
    assert found(PLAIN, replace(SEEN, zone=replace(zone, ds=None)), "signatures").standing is of_no_ds


def test_a_zone_without_keys_has_no_signatures_to_look_at() -> None:
    zone = replace(ZONE, security=Security.INSECURE, ds=None, signed={FIRST: None, SECOND: SILENT})
    assert "signatures" not in {check.name for check in checks(PLAIN, replace(SEEN, zone=zone))}


@pytest.mark.parametrize("own", [frozenset[Name](), frozenset({name("ns1.example")})])
def test_delegation(own: frozenset[Name]) -> None:
    assert found(PLAIN, replace(SEEN, zone=replace(ZONE, own=own)), "delegation").standing is FAULT


def test_a_zone_that_cannot_be_looked_at_is_undetermined_and_the_rest_is_judged() -> None:
    seen = replace(SEEN, zone=NoAnswer("it takes too long"))
    assert told(PLAIN, seen, "zone") == (UNDETERMINED, "it takes too long")
    assert told(PLAIN, seen, "MX")[0] is GOOD


PORT_CLOSED = {FIRST: CLOSED}
NO_TLS = {FIRST: Session(accepts=True, starttls=False, why="it offers no STARTTLS")}
TA = replace(WRONG, usage=2)
UNUSABLE = replace(MATCHING, usage=1)
STRONGER = Tlsa(3, 1, 2, "ab" * 64)
ODD = Irregular(Key(name(f"_25._tcp.{NEW}"), "TLSA"), "an alias")


@pytest.mark.parametrize(
    ("of_host", "asked", "unasked", "words"),
    [
        (host(WRONG), FAULT, FAULT, f"failed: {FIRST} presents a certificate that no record matches"),
        (host(MATCHING, WRONG), GOOD, GOOD, "verified"),
        (host(MATCHING, STRONGER), FAULT, FAULT, f"failed: {FIRST} presents a certificate that no record matches"),
        (host(MATCHING, sessions=NO_TLS), FAULT, FAULT, f"failed: {FIRST}: it offers no STARTTLS"),
        (host(MATCHING, security=Security.BOGUS), FAULT, FAULT, "failed: it is bogus: so it is"),
        (replace(host(MATCHING), address_security=Security.BOGUS, why="w"), FAULT, FAULT, "failed: its addresses are bogus: w"),
        (host(MATCHING, sessions=PORT_CLOSED), UNDETERMINED, GOOD, f"undetermined: {FIRST}: it takes too long"),
        (host(MATCHING, sessions={}), UNDETERMINED, GOOD, f"undetermined: {FIRST}: it was not asked"),
        (host(TA), UNDETERMINED, GOOD, f"undetermined: {FIRST}: all hangs on records of usage 2"),
        (host(security=Security.INDETERMINATE), UNDETERMINED, GOOD, "undetermined: so it is"),
        (host(held=ODD), UNDETERMINED, GOOD, "undetermined: its TLSA set is an alias"),
        (
            replace(host(MATCHING), addresses=None, address_security=Security.INDETERMINATE),
            UNDETERMINED,
            GOOD,
            "addresses are ind",
        ),
        (
            replace(host(MATCHING), address_security=Security.INDETERMINATE),
            UNDETERMINED,
            GOOD,
            "its addresses are indeterminate",
        ),
        (NoAnswer("an alias"), UNDETERMINED, GOOD, "undetermined: an alias"),
        (host(), FAULT, GOOD, "not DANE: it has no TLSA"),
        (replace(host(MATCHING), address_security=Security.INSECURE), FAULT, GOOD, "not DANE: its addresses are insecure"),
        (host(MATCHING, security=Security.INSECURE), FAULT, GOOD, "not DANE: its TLSA would not be secure"),
        (host(security=Security.INSECURE), FAULT, GOOD, "not DANE: its TLSA would not be secure"),
        (host(WRONG, security=Security.INSECURE), FAULT, NOTICE, "once the zone is signed its TLSA would hold mail back"),
        (host(UNUSABLE), NOTICE, GOOD, "encrypted: SMTP can use none of its TLSA records"),
    ],
)
def test_each_mx_host_and_the_domain_by_dane(
    of_host: HostFacts | NoAnswer, asked: Standing, unasked: Standing, words: str
) -> None:
    seen = replace(SEEN, hosts={NEW: of_host})
    for wanted, standing in ((DANE, asked), (PLAIN, unasked)):
        one = found(wanted, seen, f"TLSA {NEW.rstrip('.')}")
        assert (one.standing, words in one.what) == (standing, True), one
        assert bool(one.mend) is (standing is not GOOD)
        of_domain = told(wanted, seen, "DANE")[0]
        assert of_domain is (GOOD if standing is NOTICE and wanted is PLAIN else standing)


def test_a_host_without_dane_is_no_fault_while_a_rollout_is_open() -> None:
    wanted = replace(DANE, zone_rollout=UnderWay("c0ffee" * 4))
    assert told(wanted, replace(SEEN, hosts={NEW: host()}), "DANE")[0] is NOTICE


@pytest.mark.parametrize(
    ("of_mx", "records", "verdict"),
    [
        (Security.SECURE, {NEW: MATCHING, OTHER: MATCHING}, "verified: "),
        (Security.SECURE, {NEW: MATCHING, OTHER: WRONG}, f"failed: mail is held back at {OTHER}"),
        (Security.INSECURE, {NEW: MATCHING}, "not DANE: its MX set is not secure"),
        (Security.INSECURE, {NEW: WRONG}, f"failed: mail is held back at {NEW}"),
        (Security.INDETERMINATE, {NEW: MATCHING}, "undetermined: whether its MX set is secure is not known: why"),
        (Security.BOGUS, {NEW: MATCHING}, "failed: its MX set is bogus: why"),
        (Security.SECURE, {}, "not DANE: it has no MX host"),
    ],
)
def test_the_domain_is_as_good_as_its_mx_set_and_its_worst_host(
    of_mx: Security, records: Mapping[Name, Tlsa], verdict: str
) -> None:
    hosts = {one: replace(host(record), host=one) for one, record in records.items()}
    one = found(DANE, replace(SEEN, mx=Secured(None, of_mx, "why"), hosts=hosts), "DANE")
    assert one.what.startswith(verdict)


def policy(mode: StsMode, *patterns: str) -> StsPolicy:
    return StsPolicy("1", 300, mode, patterns, 86400)


@pytest.mark.parametrize(
    ("published", "standing"),
    [
        (policy(StsMode.ENFORCE, "*.o-v1.mx.microsoft"), GOOD),
        (policy(StsMode.ENFORCE, "*.mx.microsoft"), FAULT),
        (policy(StsMode.TESTING, "*.mx.microsoft"), NOTICE),
        (policy(StsMode.NONE), GOOD),
        (NoAnswer("it cannot be fetched"), UNDETERMINED),
    ],
)
def test_mta_sts(published: StsPolicy | NoAnswer, standing: Standing) -> None:
    assert told(PLAIN, replace(SEEN, sts=published), "MTA-STS")[0] is standing


def test_the_worst_counts() -> None:
    assert worst([GOOD, NOTICE, UNDETERMINED, FAULT]) is FAULT
    assert worst([GOOD, NOTICE, UNDETERMINED]) is UNDETERMINED
    assert worst([]) is GOOD
