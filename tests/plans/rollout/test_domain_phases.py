"""A domain's MX in phases: what is done in Exchange Online around it, gateways, takeovers, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plans.conditions import ChainValid, GraphAsks, GraphSays, HeldFor, Readiness, TlsaGone, TlsaSecure
from plans.desired import Cloud, Desired, GraphAnswer, MailExchange, Pin, Source, Stated, Subject
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Finding, Risk
from plans.rollout.by_hand import by_hand
from plans.rollout.domain import Dane, MicrosoftTlsa, Strategy, Takeover, desire, keys, propose, through_gateway
from plans.rollout.exchange import TLSA_TTL
from plans.rollout.phased import Remembered, Terms, remembered
from plans.snapshot import Snapshot
from plans.values import Key, Live, Mx, Name, RRset, ZoneRef, name, rrset

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DOMAIN = name("contoso.example")
ZONE = ZoneRef("aws", "route53", "1", "Z1", DOMAIN)
NEW = name("contoso-example.o-v1.mx.microsoft")
LEGACY = name("contoso-example.mail.protection.outlook.com")
GATEWAY, FOREIGN = name("mx1.gateway.example"), name("mx.elsewhere.example")
TERMS = Terms()
ASKED = {tlsa: Dane(asked=True, tlsa=tlsa) for tlsa in MicrosoftTlsa}


def mx(*values: tuple[int, Name], ttl: int = 3600) -> RRset:
    return rrset(DOMAIN, "MX", ttl, [Mx(preference, host) for preference, host in values])


def answer(host: Name) -> GraphAnswer:
    return GraphAnswer(DOMAIN, Source("contoso", "graph"), Cloud.GLOBAL, NOW, (MailExchange(DOMAIN, host, 0, 3600),))


def asked(host: Name, *pins: Name) -> Desired:
    desired, _ = desire(answer(host), tuple(Pin(DOMAIN, pin, "the state") for pin in pins))
    assert desired
    return desired


BACK = asked(NEW, LEGACY)


def found(
    desired: Desired,
    live: Live,
    strategy: Strategy = Strategy.PHASED,
    known: Remembered | None = None,
    dane: Dane | None = None,
    takeover: Takeover | None = None,
    terms: Terms | None = TERMS,
) -> tuple[Rollout | None, tuple[Finding, ...]]:
    sets: dict[Key, Live] = dict.fromkeys(keys(DOMAIN, DOMAIN)) | {Key(DOMAIN, "MX"): live}
    return propose(desired, Snapshot(ZONE, sets, {DOMAIN: frozenset(["MX"])}), strategy, terms, known, dane, takeover)


def steps(
    desired: Desired,
    live: Live,
    strategy: Strategy = Strategy.PHASED,
    known: Remembered | None = None,
    dane: Dane | None = None,
) -> tuple[Step, ...]:
    rollout, findings = found(desired, live, strategy, known, dane)
    assert findings == ()
    return rollout.steps if rollout else ()


def risks(of: Sequence[Step]) -> list[str]:
    return [step.risk for step in of]


PHASES = ["lower-ttl", "add-mx", "swap-mx", "remove-mx", "raise-ttl"]


def test_a_legacy_host_is_left_in_phases_for_the_one_that_graph_asks_for() -> None:
    made = steps(asked(NEW), mx((10, LEGACY)))
    assert risks(made) == PHASES
    assert GraphAsks(DOMAIN, NEW) in made[1].requires


def test_a_pin_is_gone_to_in_phases_too() -> None:
    assert GraphAsks(DOMAIN, NEW) in steps(asked(LEGACY, NEW), mx((10, LEGACY)))[1].requires


def test_a_preference_too_high_stops_the_domain() -> None:
    rollout, findings = found(asked(NEW), mx((65535, LEGACY)))
    assert rollout is None
    assert [one.code for one in findings] == ["preference-overflow"]


def test_with_dane_the_last_step_is_to_turn_it_on_once_the_zone_is_secure() -> None:
    *before, last = steps(asked(NEW), mx((10, LEGACY)), dane=ASKED[MicrosoftTlsa.UNCLEAR])
    assert risks(before) == PHASES
    assert isinstance(last.action, Manual)
    assert last.action.copy == ("Enable-SmtpDaneInbound -DomainName contoso.example",)
    assert (last.requires, last.done_when) == ((ChainValid(DOMAIN),), (TlsaSecure(NEW),))


def test_with_dane_a_right_mx_lacks_what_microsoft_does_not_publish_yet() -> None:
    for tlsa in (MicrosoftTlsa.UNCLEAR, MicrosoftTlsa.WITHDRAWN):
        (only,) = steps(asked(NEW), mx((0, NEW)), dane=ASKED[tlsa])
        assert only.done_when == (TlsaSecure(NEW),)
    assert steps(asked(NEW), mx((0, NEW)), dane=ASKED[MicrosoftTlsa.PUBLISHED]) == ()
    assert steps(asked(NEW), mx((0, NEW)), dane=Dane(asked=False, tlsa=MicrosoftTlsa.UNCLEAR)) == ()


@pytest.mark.parametrize("live", [mx((10, LEGACY)), None])
def test_with_dane_a_legacy_host_waits_for_one_that_microsoft_assigns(live: RRset | None) -> None:
    rollout, _ = found(asked(LEGACY), live, dane=ASKED[MicrosoftTlsa.UNCLEAR])
    assert rollout
    last = rollout.steps[-1]
    assert isinstance(last.action, Manual)
    assert "connectors" in last.action.what.lower()
    assert LEGACY.rstrip(".") in last.action.what
    assert last.action.copy[0] == "Enable-DnssecForVerifiedDomain -DomainName contoso.example"
    assert last.action.copy[1].startswith("provisioner pin contoso.example HOST")
    assert (last.requires, last.done_when) == ((ChainValid(DOMAIN),), (GraphSays(DOMAIN, Readiness.ASSIGNED),))
    assert "next plan" in rollout.outline[-1]
    assert risks(rollout.steps[:-1]) == ([] if live else ["create-mx"])


def test_on_the_way_back_dane_is_turned_off_and_forgotten_first() -> None:
    off, first, *rest = steps(BACK, mx((0, NEW)))
    assert isinstance(off.action, Manual)
    assert off.action.copy == ("Disable-SmtpDaneInbound -DomainName contoso.example",)
    assert (off.requires, off.done_when) == ((), (TlsaGone(NEW),))
    assert (first.risk, first.requires) == (Risk.LOWER_TTL, (HeldFor(TlsaGone(NEW), TLSA_TTL),))
    assert risks(rest) == PHASES[1:]
    assert not any(isinstance(one, GraphAsks) for step in rest for one in step.requires), "Graph asks for the other host"


def test_what_was_turned_off_already_is_waited_for_only() -> None:
    made = steps(BACK, mx((0, NEW)), dane=Dane(asked=False, tlsa=MicrosoftTlsa.WITHDRAWN))
    assert risks(made) == PHASES
    assert made[0].requires == (HeldFor(TlsaGone(NEW), TLSA_TTL),)


def test_on_the_way_back_nobody_is_asked_to_assign_a_host() -> None:
    assert steps(BACK, mx((0, LEGACY)), dane=ASKED[MicrosoftTlsa.UNCLEAR]) == ()


def test_the_way_back_in_one_write_waits_for_the_tlsa_as_well() -> None:
    off, replace_mx = steps(BACK, mx((0, NEW)), Strategy.DIRECT)
    assert off.done_when == (TlsaGone(NEW),)
    assert (replace_mx.risk, replace_mx.requires) == (Risk.REPLACE_MX, (HeldFor(TlsaGone(NEW), TLSA_TTL),))


def done(step: Step, live: RRset, tlsa: MicrosoftTlsa) -> tuple[RRset, MicrosoftTlsa]:
    """Do a step: give the live set and Microsoft's TLSA after it."""
    if isinstance(step.action, Change) and step.action.after:
        return step.action.after, tlsa
    kinds = {TlsaGone: MicrosoftTlsa.WITHDRAWN, TlsaSecure: MicrosoftTlsa.PUBLISHED}
    return live, next((now for kind, now in kinds.items() if isinstance(step.done_when[0], kind)), tlsa)


@given(
    st.sampled_from([asked(NEW), asked(LEGACY, NEW), BACK]),
    st.sampled_from([mx((10, LEGACY)), mx((0, NEW)), mx((0, NEW), (30, LEGACY)), mx((50, NEW)), mx((0, NEW), ttl=20)]),
    st.sampled_from(MicrosoftTlsa),
    st.booleans(),
    st.sampled_from([0, 3600]),
)
def test_proposed_again_half_way_it_is_the_rest_of_the_same_steps(
    desired: Desired, live: RRset, tlsa: MicrosoftTlsa, dane: bool, soak: int
) -> None:
    assume(desired == BACK or tlsa is not MicrosoftTlsa.PUBLISHED)
    terms = Terms(soak=soak)
    made, findings = found(desired, live, dane=Dane(dane, tlsa), terms=terms)
    assert findings == ()
    for number, step in enumerate(made.steps if made else (), start=1):
        assert made
        live, tlsa = done(step, live, tlsa)
        for walked in (made, by_hand(made)):
            known = remembered(walked, number, soak)
            again, _ = found(desired, live, known=known, dane=Dane(dane, tlsa), terms=terms)
            assert (again.steps if again else ()) == made.steps[number:]


TO_GATEWAY = through_gateway(answer(NEW), [Mx(10, GATEWAY), Mx(20, FOREIGN)], "provisioner.yaml:9")
BY_GATEWAY = replace(TERMS, graph=False)


def test_a_gateways_hosts_are_what_the_manifest_says() -> None:
    (wanted,) = TO_GATEWAY.rrsets
    assert wanted == mx((10, GATEWAY), (20, FOREIGN))
    assert (TO_GATEWAY.subject, TO_GATEWAY.managed) == (Subject(DOMAIN), (wanted.key,))
    assert TO_GATEWAY.evidence[1] == Stated(DOMAIN, f"MX 10 {GATEWAY}, 20 {FOREIGN}", "provisioner.yaml:9")


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("terms", [BY_GATEWAY, None])
def test_a_gateways_set_that_is_right_is_right_whatever_its_ttl(strategy: Strategy, terms: Terms | None) -> None:
    assert found(TO_GATEWAY, mx((10, GATEWAY), (20, FOREIGN), ttl=60), strategy, terms=terms) == (None, ())


def test_a_gateways_hosts_are_no_foreign_ones_half_way() -> None:
    rollout, findings = found(TO_GATEWAY, mx((10, LEGACY), (20, GATEWAY), ttl=30), terms=BY_GATEWAY)
    assert findings == ()
    assert rollout
    assert risks(rollout.steps) == PHASES[1:]


def test_somebody_elses_host_beside_a_gateway_is_foreign() -> None:
    _, findings = found(TO_GATEWAY, mx((10, GATEWAY), (20, name("mx.other.example"))), terms=BY_GATEWAY)
    assert [one.code for one in findings] == ["foreign-mx"]


def takeover(days: int, of: Name = FOREIGN) -> Takeover:
    return Takeover(of, NOW + timedelta(days=days), NOW)


@pytest.mark.parametrize(
    ("live", "taken", "codes"),
    [
        (mx((10, FOREIGN)), takeover(7), []),
        (mx((10, FOREIGN), (20, NEW), ttl=30), takeover(7), []),
        (mx((0, NEW), (30, FOREIGN), ttl=30), takeover(7), []),
        (mx((10, FOREIGN)), takeover(5), ["takeover-too-soon"]),
        (mx((10, FOREIGN), ttl=3 * 86400), takeover(7), ["takeover-too-soon"]),
        (mx((10, FOREIGN)), takeover(7, name("mx.other.example")), ["foreign-mx"]),
        (mx((10, FOREIGN), (20, GATEWAY)), takeover(7), ["foreign-mx"]),
        (mx((10, FOREIGN), (20, LEGACY)), takeover(7), ["foreign-mx"]),
        (mx((10, FOREIGN)), None, ["foreign-mx"]),
    ],
)
def test_somebody_elses_host_is_replaced_when_it_is_the_one_that_was_named(
    live: RRset, taken: Takeover | None, codes: list[str]
) -> None:
    rollout, findings = found(asked(NEW), live, takeover=taken)
    assert [one.code for one in findings] == codes
    assert (rollout is None) is bool(codes)
