from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import ProviderHolds
from plans.desired import Cloud, Desired, DomainFacts, GraphAnswer, MailExchange, Pin, Source, Subject
from plans.microsoft import HostKind, host_kind
from plans.plan import Change, Rollout
from plans.policy import Finding, Risk, Severity
from plans.rollout.domain import Strategy, desire, keys, propose
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Live, Mx, Name, Opaque, RRset, ZoneRef, name, rrset
from tests.strategies import mx_values, ttls

NOW = datetime(2026, 11, 24, 2, 24, 10, tzinfo=UTC)
DOMAIN = name("contoso.example")
SUBDOMAIN = name("mail.eu.contoso.example")
NEW = name("contoso-example.o-v1.mx.microsoft")
LEGACY = name("contoso-example.mail.protection.outlook.com")
FIT = DomainFacts(is_verified=True, is_initial=False, is_admin_managed=True, supported_services=("Email", "Intune"))
ZONE = ZoneRef("files", "zonefile", "zones", "contoso.example.zone", DOMAIN)


def answer(*hosts: Name, domain: Name = DOMAIN, cloud: Cloud = Cloud.GLOBAL, facts: DomainFacts | None = FIT) -> GraphAnswer:
    mail = tuple(MailExchange(domain, host, 0, 3600) for host in hosts)
    return GraphAnswer(domain, Source("contoso", "graph"), cloud, NOW, mail, facts)


def wish(host: Name = NEW, domain: Name = DOMAIN) -> Desired:
    wanted = rrset(domain, "MX", 3600, [Mx(0, host)])
    return Desired(Subject(domain), (wanted,), (wanted.key,), (answer(host, domain=domain),))


def snapshot(domain: Name, *held: Live, also: Iterable[Name] = (), nodes: dict[Name, frozenset[str]] | None = None) -> Snapshot:
    """What a zone holds: the given sets, and nothing else at the keys that are asked for."""
    sets: dict[Key, Live] = dict.fromkeys(keys(domain, ZONE.name))
    found: dict[Name, set[str]] = {owner: set() for owner in also}
    for live in held:
        if live:
            sets[live.key] = live
            found.setdefault(live.key.owner, set()).add(live.key.type)
    return Snapshot(ZONE, sets, {owner: frozenset(types) for owner, types in found.items()} | (nodes or {}))


def mx(*values: Mx, domain: Name = DOMAIN, ttl: int = 3600) -> RRset:
    return rrset(domain, "MX", ttl, values)


def codes(findings: Iterable[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_a_clear_answer_is_wanted_as_it_is() -> None:
    desired, findings = desire(answer(NEW))
    assert findings == ()
    assert desired == Desired(Subject(DOMAIN), (mx(Mx(0, NEW)),), (Key(DOMAIN, "MX"),), (answer(NEW),))


def test_an_answer_without_the_domains_facts_is_taken_by_its_records() -> None:
    assert desire(answer(LEGACY, facts=None))[1] == ()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (answer(), "graph-no-mx"),
        (answer(NEW, LEGACY), "graph-two-mx"),
        (replace(answer(), mail_exchanges=(MailExchange(name("other.example"), NEW, 0, 3600),)), "graph-foreign-label"),
        (replace(answer(), unavailable=("The domain is federated.",)), "graph-unavailable"),
        (replace(answer(NEW), unknown=("#microsoft.graph.domainDnsHttpsRecord",)), "graph-unknown-record"),
        (answer(name("mx.attacker.example")), "graph-unknown-host"),
        (answer(name("mail.protection.outlook.com")), "graph-unknown-host"),
        (answer(name("contoso-example.mail.protection.outlook.com.attacker.example")), "graph-unknown-host"),
        (answer(NEW, cloud=Cloud.USGOV), "graph-unknown-host"),
        (answer(LEGACY, cloud=Cloud.CHINA), "graph-unknown-host"),
        (answer(name("ms1234567.msv1.invalid")), "graph-unknown-host"),
    ],
)
def test_an_answer_that_is_no_clear_wish_is_refused(said: GraphAnswer, code: str) -> None:
    desired, findings = desire(said)
    assert desired is None
    assert codes(findings) == [code]
    assert all(finding.severity is Severity.BLOCK and finding.what and finding.mend for finding in findings)


def pin(host: Name, where: str = "provisioner.yaml:12") -> Pin:
    return Pin(DOMAIN, host, where)


def test_a_pin_stands_in_for_the_legacy_host_that_graph_still_answers() -> None:
    desired, findings = desire(answer(LEGACY), (pin(NEW), pin(NEW, "the state")))
    assert desired
    assert desired.rrsets == (mx(Mx(0, NEW)),)
    assert [(finding.code, finding.severity) for finding in findings] == [("pinned", Severity.NOTICE)]
    assert pin(NEW) in desired.evidence


def test_a_pin_that_graph_confirms_says_nothing() -> None:
    desired, findings = desire(answer(NEW), (pin(NEW),))
    assert desired
    assert findings == ()


@pytest.mark.parametrize(
    ("said", "pins", "code"),
    [
        (NEW, (pin(name("contoso-example.a-v1.mx.microsoft")),), "pin-contradicted"),
        (LEGACY, (pin(NEW), pin(name("contoso-example.a-v1.mx.microsoft"), "the state")), "pins-differ"),
    ],
)
def test_a_pin_that_is_contradicted_is_refused(said: Name, pins: tuple[Pin, ...], code: str) -> None:
    desired, findings = desire(answer(said), pins)
    assert desired is None
    assert codes(findings) == [code]
    assert "provisioner" in findings[0].mend


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        (Cloud.GLOBAL, NEW),
        (Cloud.GLOBAL, LEGACY),
        (Cloud.GLOBAL, name("contoso-example.mail.eo.outlook.com")),
        (Cloud.USGOV, name("contoso-example.mail.protection.office365.us")),
        (Cloud.USGOV_DOD, name("contoso-example.mail.protection.office365.us")),
        (Cloud.CHINA, name("contoso-example.mail.protection.partner.outlook.cn")),
    ],
)
def test_each_cloud_has_hosts_of_its_own(cloud: Cloud, host: Name) -> None:
    assert desire(answer(host, cloud=cloud))[1] == ()


def test_a_host_of_unknown_form_under_mx_microsoft_is_taken_with_a_warning() -> None:
    desired, findings = desire(answer(name("smtp.hve.mx.microsoft")))
    assert desired
    assert codes(findings) == ["host-form-unknown"]
    assert findings[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    "live",
    [
        mx(Mx(0, NEW)),
        mx(Mx(10, NEW)),
        mx(Mx(0, NEW), ttl=60),
        mx(Mx(10, NEW), ttl=86400),
    ],
)
@pytest.mark.parametrize("strategy", Strategy)
def test_a_lone_right_host_is_right_whatever_its_ttl(live: RRset, strategy: Strategy) -> None:
    assert propose(wish(), snapshot(DOMAIN, live), strategy) == (None, ())


@pytest.mark.parametrize(
    "live",
    [
        mx(Mx(0, LEGACY)),
        mx(Mx(0, LEGACY), Mx(20, NEW)),
        mx(Mx(0, NEW), Mx(20, LEGACY)),
        mx(Mx(50, NEW)),
        mx(Mx(0, name("contoso-example.mail.eo.outlook.com")), ttl=60),
        mx(Mx(0, name("other.a-v1.mx.microsoft"))),
        mx(Mx(0, LEGACY), Mx(32767, name("ms1234567.msv1.invalid"))),
    ],
)
def test_microsofts_other_hosts_are_replaced_in_one_write_that_keeps_the_ttl(live: RRset) -> None:
    rollout, findings = propose(wish(), snapshot(DOMAIN, live), Strategy.DIRECT)
    after = mx(Mx(0, NEW), ttl=live.ttl)
    assert findings == ()
    assert rollout
    (step,) = rollout.steps
    assert (step.risk, step.action, step.zone) == (Risk.REPLACE_MX, Change(live, after), ZONE)
    assert step.done_when == (ProviderHolds(ZONE, after.key, after),)
    assert rollout.outline


@pytest.mark.parametrize("strategy", Strategy)
def test_a_missing_mx_is_created_at_once(strategy: Strategy) -> None:
    rollout, findings = propose(wish(), snapshot(DOMAIN), strategy)
    assert findings == ()
    assert rollout
    assert [(step.risk, step.action) for step in rollout.steps] == [(Risk.CREATE_MX, Change(None, mx(Mx(0, NEW))))]


def opaque(owner: str, kind: str, text: str) -> RRset:
    return RRset(Key(name(owner), kind), 3600, (Opaque(text),))


@pytest.mark.parametrize(
    ("desired", "held", "strategy", "code"),
    [
        (wish(), [mx(Mx(0, LEGACY))], Strategy.PHASED, "phases-need-dns"),
        (wish(), [mx(Mx(10, name("mx.gateway.example")))], Strategy.DIRECT, "foreign-mx"),
        (wish(), [mx(Mx(0, NEW), Mx(10, name("mx.gateway.example")))], Strategy.DIRECT, "foreign-mx"),
        (wish(), [mx(Mx(0, Name(".")))], Strategy.DIRECT, "null-mx"),
        (wish(LEGACY), [mx(Mx(0, NEW))], Strategy.DIRECT, "downgrade"),
        (wish(LEGACY), [mx(Mx(0, NEW), Mx(20, LEGACY))], Strategy.DIRECT, "downgrade"),
        (wish(), [opaque("contoso.example", "A", "192.0.2.1")], Strategy.DIRECT, "address-at-name"),
        (wish(), [opaque("contoso.example", "AAAA", "2001:db8::1")], Strategy.DIRECT, "address-at-name"),
        (wish(), [Irregular(Key(DOMAIN, "A"), "an alias")], Strategy.DIRECT, "address-at-name"),
        (wish(), [opaque("contoso.example", "CNAME", "www.example.")], Strategy.DIRECT, "cname-at-name"),
        (wish(), [Irregular(Key(DOMAIN, "MX"), "its records have several TTLs")], Strategy.DIRECT, "set-irregular"),
        (wish(domain=SUBDOMAIN), [opaque("eu.contoso.example", "NS", "ns1.example.")], Strategy.DIRECT, "delegated-away"),
        (wish(domain=SUBDOMAIN), [opaque("mail.eu.contoso.example", "NS", "ns1.example.")], Strategy.DIRECT, "delegated-away"),
        (wish(domain=SUBDOMAIN), [mx(Mx(0, LEGACY), domain=name("*.contoso.example"))], Strategy.DIRECT, "wildcard-shadowed"),
        (
            wish(domain=SUBDOMAIN),
            [mx(Mx(0, LEGACY), domain=name("*.eu.contoso.example"))],
            Strategy.DIRECT,
            "wildcard-shadowed",
        ),
    ],
)
def test_what_may_not_be_written_over_is_refused(desired: Desired, held: list[Live], strategy: Strategy, code: str) -> None:
    rollout, findings = propose(desired, snapshot(desired.subject.name, *held), strategy)
    assert rollout is None
    assert codes(findings) == [code]
    assert all(finding.stops and finding.subject == desired.subject and finding.mend for finding in findings)


def test_the_refusal_of_a_phased_change_gives_the_line_to_add() -> None:
    _, findings = propose(wish(), snapshot(DOMAIN, mx(Mx(0, LEGACY))), Strategy.PHASED)
    assert "`strategy: direct`" in findings[0].mend
    assert "contoso.example" in findings[0].mend


def test_a_wildcard_that_does_not_reach_the_name_is_not_shadowed() -> None:
    wildcard = mx(Mx(0, LEGACY), domain=name("*.contoso.example"))
    own = snapshot(SUBDOMAIN, wildcard, also=[SUBDOMAIN])
    below_another_node = snapshot(SUBDOMAIN, wildcard, also=[name("eu.contoso.example")])
    only_below_it = snapshot(
        SUBDOMAIN, wildcard, nodes={name("*.eu.contoso.example"): frozenset()}, also=[name("eu.contoso.example")]
    )
    at_the_apex = snapshot(DOMAIN, mx(Mx(0, LEGACY), domain=name("*.contoso.example")), also=[DOMAIN])
    for of_subdomain in (own, below_another_node, only_below_it):
        assert propose(wish(domain=SUBDOMAIN), of_subdomain, Strategy.DIRECT)[0]
    assert propose(wish(), at_the_apex, Strategy.DIRECT)[0]


def test_what_is_read_is_what_decides() -> None:
    assert keys(DOMAIN, DOMAIN) == {Key(DOMAIN, kind) for kind in ("MX", "A", "AAAA", "CNAME")}
    assert keys(SUBDOMAIN, DOMAIN) == {Key(SUBDOMAIN, kind) for kind in ("MX", "A", "AAAA", "CNAME", "NS")} | {
        Key(name("eu.contoso.example"), "NS"),
        Key(name("*.eu.contoso.example"), "MX"),
        Key(name("*.contoso.example"), "MX"),
    }


hosts = st.sampled_from(
    [
        NEW,
        LEGACY,
        name("other.a-v1.mx.microsoft"),
        name("contoso-example.mail.eo.outlook.com"),
        name("ms1234567.msv1.invalid"),
        name("mx.gateway.example"),
        Name("."),
    ]
)
live_sets = st.builds(
    lambda values, ttl: rrset(DOMAIN, "MX", ttl, values),
    st.lists(st.builds(Mx, st.sampled_from([0, 10, 20, 65535]), hosts) | mx_values, min_size=1, max_size=3),
    ttls,
)


@given(st.sampled_from([NEW, LEGACY]), st.none() | live_sets, st.sampled_from(Strategy))
def test_only_the_managed_key_is_changed_and_only_from_what_is_there(
    host: Name, live: RRset | None, strategy: Strategy
) -> None:
    held = snapshot(DOMAIN, live)
    rollout, findings = propose(wish(host), held, strategy)
    assert not (rollout and any(finding.stops for finding in findings))
    for change in changes(rollout):
        assert (change.key, change.before) == (Key(DOMAIN, "MX"), live)
        assert change.after
        assert [str(value) for value in change.after.values] == [f"0 {host}"]


@given(st.sampled_from([NEW, LEGACY]), st.none() | live_sets)
def test_once_done_nothing_is_to_do(host: Name, live: RRset | None) -> None:
    rollout, _ = propose(wish(host), snapshot(DOMAIN, live), Strategy.DIRECT)
    for change in changes(rollout):
        assert propose(wish(host), snapshot(DOMAIN, change.after), Strategy.DIRECT) == (None, ())


@given(st.sampled_from([NEW, LEGACY]), live_sets, st.sampled_from(Strategy))
def test_mail_is_taken_from_nobody_but_microsoft_and_never_back_to_legacy(host: Name, live: RRset, strategy: Strategy) -> None:
    rollout, _ = propose(wish(host), snapshot(DOMAIN, live), strategy)
    kinds = {host_kind(value.exchange) for value in live.values if isinstance(value, Mx)}
    if rollout:
        assert HostKind.FOREIGN not in kinds
        assert not (HostKind.MX_MICROSOFT in kinds and host == LEGACY)
        assert strategy is Strategy.DIRECT


def changes(rollout: Rollout | None) -> list[Change]:
    return [step.action for step in rollout.steps if isinstance(step.action, Change)] if rollout else []
