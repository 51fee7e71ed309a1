from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import GraphSays, ProviderHolds, Readiness
from plans.desired import Cloud, DomainFacts, GraphAnswer, Source, Subject, VerificationText
from plans.facts import Facts
from plans.plan import Change, Manual
from plans.policy import Risk, Severity
from plans.position import Event, EventKind, Finished, Ready, Stale, Unmet, Waiting, asked_of_graph, position
from plans.rollout.onboarding import Onboarding, Verify, keys, propose, readiness
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Live, Name, Opaque, RRset, Txt, ZoneRef, name, rrset
from tests.strategies import txt_values

NOW = datetime(2026, 11, 24, 2, 24, 10, tzinfo=UTC)
DOMAIN = name("contoso.example")
KEY = Key(DOMAIN, "TXT")
SUBJECT = Subject(DOMAIN)
ZONE = ZoneRef("files", "zonefile", "zones", "contoso.example.zone", DOMAIN)
PROOF = VerificationText(DOMAIN, "MS=ms48151623", 3600)
NEW = DomainFacts(is_verified=False, is_initial=False, is_admin_managed=True, supported_services=())
PROVED = replace(NEW, is_verified=True)
READY = replace(PROVED, supported_services=("Email",))
SPF = Txt.of("v=spf1 -all")


def answer(facts: DomainFacts | None = NEW, *proofs: VerificationText, domain: Name = DOMAIN) -> GraphAnswer:
    return GraphAnswer(domain, Source("contoso", "graph"), Cloud.GLOBAL, NOW, (), facts, verification=proofs)


def on_its_way(facts: DomainFacts = NEW, proof: VerificationText | None = PROOF) -> Onboarding:
    return Onboarding(SUBJECT, answer(facts, *([proof] if proof else [])), proof)


def snapshot(onboarding: Onboarding, *held: Live) -> Snapshot:
    sets: dict[Key, Live] = dict.fromkeys(keys(onboarding, DOMAIN))
    nodes: dict[Name, frozenset[str]] = {DOMAIN: frozenset({"SOA", "NS"})}
    for live in held:
        if live:
            sets[live.key] = live
            nodes[live.key.owner] = nodes.get(live.key.owner, frozenset()) | {live.key.type}
    return Snapshot(ZONE, sets, nodes)


def txt(*values: Txt, ttl: int = 600) -> RRset:
    return rrset(DOMAIN, "TXT", ttl, values)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (answer(None, domain=name("contoso.onmicrosoft.com")), "domain-onmicrosoft"),
        (answer(replace(READY, is_initial=True)), "domain-initial"),
        (answer(replace(READY, is_admin_managed=False)), "domain-delegated"),
        (answer(replace(READY, availability_status="EmailVerifiedDomainTakeoverScheduled")), "domain-takeover"),
        (answer(NEW), "domain-not-verified"),
        (answer(NEW, PROOF, replace(PROOF, text="MS=ms1")), "domain-not-verified"),
        (answer(NEW, replace(PROOF, label=name("other.example"))), "domain-not-verified"),
    ],
)
def test_a_domain_that_cannot_be_brought_to_mail_is_refused(said: GraphAnswer, code: str) -> None:
    onboarding, findings = readiness(said, onboard=True)
    assert onboarding is None
    assert [finding.code for finding in findings] == [code]
    assert all(finding.severity is Severity.BLOCK and finding.mend for finding in findings)


@pytest.mark.parametrize(("facts", "code"), [(NEW, "domain-not-verified"), (PROVED, "domain-no-email")])
def test_a_domain_that_nobody_named_is_not_brought_to_mail(facts: DomainFacts, code: str) -> None:
    onboarding, findings = readiness(answer(facts, PROOF), onboard=False)
    assert onboarding is None
    assert [finding.code for finding in findings] == [code]
    assert "under domains:" in findings[0].mend


@pytest.mark.parametrize("facts", [READY, None])
def test_a_domain_that_is_ready_needs_nothing(facts: DomainFacts | None) -> None:
    assert readiness(answer(facts), onboard=True) == (None, ())


def test_a_domain_whose_mail_is_relayed_is_taken_with_a_warning() -> None:
    relayed = replace(READY, supported_services=("Email", "EmailInternalRelayOnly"))
    onboarding, findings = readiness(answer(relayed), onboard=True)
    assert onboarding is None
    assert [(finding.code, finding.severity) for finding in findings] == [("domain-relay-only", Severity.WARNING)]


def test_how_far_a_domain_is() -> None:
    assert readiness(answer(NEW, PROOF), onboard=True) == (on_its_way(), ())
    assert readiness(answer(PROVED, PROOF), onboard=True)[0] == Onboarding(SUBJECT, answer(PROVED, PROOF), None)


def test_by_hand_the_record_is_printed_so_that_it_can_be_copied() -> None:
    for held in (None, snapshot(on_its_way()), snapshot(on_its_way(), txt(SPF))):
        rollout, findings = propose(on_its_way(), held, Verify.MANUAL)
        assert findings == ()
        assert rollout
        assert [step.risk for step in rollout.steps] == [Risk.MANUAL, Risk.MANUAL]
        by_hand = rollout.steps[0].action
        assert isinstance(by_hand, Manual)
        assert 'contoso.example. 3600 IN TXT "MS=ms48151623"' in by_hand.copy
        assert any("value MS=ms48151623" in line for line in by_hand.copy)
        assert any(line.endswith("/v1.0/domains/contoso.example/verify") for line in by_hand.copy)
        assert asked_of_graph(rollout) == {DOMAIN}


@given(st.lists(txt_values, max_size=4))
def test_by_dns_one_value_is_added_and_every_other_kept(held: list[Txt]) -> None:
    live = txt(*held) if held else None
    rollout, findings = propose(on_its_way(), snapshot(on_its_way(), live), Verify.DNS)
    assert findings == ()
    assert rollout
    change = rollout.steps[0].action
    assert isinstance(change, Change)
    assert change.before == live
    assert change.after
    assert set(change.after.values) == {*held, Txt.of(PROOF.text)}
    assert change.after.ttl == (live.ttl if live else PROOF.ttl)
    assert rollout.steps[0].risk is Risk.ADD_TXT
    assert rollout.steps[0].done_when == (ProviderHolds(ZONE, KEY, change.after),)


@pytest.mark.parametrize("verify", Verify)
def test_a_record_that_is_there_is_not_published_again(verify: Verify) -> None:
    held = snapshot(on_its_way(), txt(SPF, Txt.of(PROOF.text)))
    rollout, _ = propose(on_its_way(), held, verify)
    assert rollout
    assert [step.risk for step in rollout.steps] == [Risk.MANUAL, Risk.MANUAL]
    assert not any("IN TXT" in line for step in rollout.steps if isinstance(step.action, Manual) for line in step.action.copy)


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (Irregular(KEY, "mixed TTLs"), "set-irregular"),
        (RRset(Key(DOMAIN, "CNAME"), 60, (Opaque("www.example."),)), "cname-at-name"),
    ],
)
def test_a_record_that_cannot_be_added_is_refused(held: Live, code: str) -> None:
    rollout, findings = propose(on_its_way(), snapshot(on_its_way(), held), Verify.DNS)
    assert rollout is None
    assert [finding.code for finding in findings] == [code]
    assert propose(on_its_way(), snapshot(on_its_way(), held), Verify.MANUAL)[0]


def test_a_text_is_not_added_where_it_would_hide_the_wildcard_that_leads_the_mail() -> None:
    above = replace(ZONE, name=name("example"))
    sets: dict[Key, Live] = dict.fromkeys(keys(on_its_way(), above.name))
    for nodes, told in (({name("*.example"): frozenset({"MX"})}, ["wildcard-shadowed"]), ({}, [])):
        _, findings = propose(on_its_way(), Snapshot(above, sets, nodes), Verify.DNS)
        assert [finding.code for finding in findings] == told


def test_the_way_is_walked_as_the_tenant_goes_it() -> None:
    rollout, _ = propose(on_its_way(), snapshot(on_its_way(), txt(SPF)), Verify.DNS)
    assert rollout
    add, verify, mail = rollout.steps
    before, after = txt(SPF), txt(SPF, Txt.of(PROOF.text))
    assert (verify.done_when, mail.done_when) == (
        (GraphSays(DOMAIN, Readiness.VERIFIED),),
        (GraphSays(DOMAIN, Readiness.EMAIL),),
    )
    assert isinstance(add.action, Change)
    at = {
        name: position(rollout, (), Facts(NOW, {KEY: live}, {DOMAIN: answer(facts)})).state
        for name, live, facts in (
            ("new", before, NEW),
            ("added", after, NEW),
            ("proved", after, PROVED),
            ("ready", after, READY),
        )
    }
    assert at == {
        "new": Ready(0),
        "added": Waiting(1, tuple(map(Unmet, verify.done_when))),
        "proved": Waiting(2, tuple(map(Unmet, mail.done_when))),
        "ready": Finished(),
    }
    assert position(rollout, (), Facts(NOW, {KEY: after})).state == Waiting(1, tuple(map(Unmet, verify.done_when)))


def test_others_may_change_the_text_set_once_the_proof_was_seen() -> None:
    rollout, _ = propose(on_its_way(), snapshot(on_its_way(), txt(SPF)), Verify.DNS)
    assert rollout
    seen = (Event(EventKind.SEEN, 0, NOW),)
    for live in (txt(Txt.of("v=spf1 ~all"), Txt.of(PROOF.text)), txt(SPF), None):
        assert position(rollout, seen, Facts(NOW, {KEY: live})).state == Waiting(
            1, tuple(map(Unmet, rollout.steps[1].done_when))
        )
    assert isinstance(position(rollout, (), Facts(NOW, {KEY: txt(Txt.of("v=spf1 ~all"))})).state, Stale)


def test_proposed_again_halfway_it_is_the_rest_of_the_same_steps() -> None:
    whole, _ = propose(on_its_way(), snapshot(on_its_way(), txt(SPF)), Verify.DNS)
    added, _ = propose(on_its_way(), snapshot(on_its_way(), txt(SPF, Txt.of(PROOF.text))), Verify.DNS)
    proved, _ = propose(on_its_way(PROVED, None), None, Verify.DNS)
    assert whole
    assert added
    assert proved
    assert added.steps == whole.steps[1:]
    assert proved.steps == whole.steps[2:]


def test_nothing_is_read_for_a_domain_that_publishes_nothing() -> None:
    assert keys(on_its_way(PROVED, None), DOMAIN) == frozenset()
    assert KEY in keys(on_its_way(), DOMAIN)
