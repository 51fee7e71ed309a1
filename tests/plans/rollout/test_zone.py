"""A zone's DNSSEC: which steps lead there and back, and what must be so before each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import (
    ChainValid,
    ClockTrusted,
    Condition,
    DelegatedTo,
    HeldFor,
    MxOffDane,
    ParentSecure,
    ParentServesDs,
    ProviderHolds,
    TlsaGone,
    TlsaHarmless,
    ZoneSigned,
    ZoneUnsigned,
)
from plans.desired import Dnssec
from plans.facts import DnsKey, NoAnswer, Security, Signed, ZoneFacts
from plans.plan import Change, Manual, Rollout, SetSigning, Step
from plans.policy import Risk, Severity
from plans.rollout.phased import UNKNOWN_TTL
from plans.rollout.zone import DS_TTL, SIGNATURES_LEFT, entry_points, propose, remembered
from plans.rollout.zone_wish import LONGEST_TTL, Parent, SignedByProvider, Surety, Wish
from plans.values import Ds, Irregular, Key, RRset, ZoneRef, name, rrset

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ZONE = ZoneRef("aws", "route53", "1", "Z1", name("contoso.example"))
ABOVE = ZoneRef("aws", "route53", "1", "Z2", name("example"))
KEY = Key(ZONE.name, "DS")
HOST = name("mx1.contoso.example")
NS = frozenset([name("ns2.contoso.example"), name("ns1.contoso.example")])
DELEGATED = DelegatedTo(ZONE.name, tuple(sorted(NS)))
KEY_TTL, NS_TTL, NEGATIVE_TTL, PROPAGATION = 7200, 1800, 900, 300
SURETY = Surety(longest_ttl=86400, propagation=PROPAGATION)


def ds(tag: int, digest_type: int = 2) -> Ds:
    return Ds(tag, 13, digest_type, f"{tag:0{ {1: 40, 2: 64, 4: 96}[digest_type] }x}")


OLD, NEW, STALE = ds(1), ds(2), ds(9)
OLD_SHA1, OLD_SHA384 = ds(1, 1), ds(1, 4)


def signed(*tags: int, signing: Sequence[int] | None = None) -> Signed:
    keys = (
        *(DnsKey(tag, 13, 257, f"KEY{tag}==", (ds(tag, 1), ds(tag), ds(tag, 4))) for tag in tags),
        DnsKey(99, 13, 256, "Z", ()),
    )
    return Signed(keys, KEY_TTL, frozenset((*tags, 99) if signing is None else signing), NOW + timedelta(days=14))


def at(ttl: int, *values: Ds) -> RRset:
    return rrset(ZONE.name, "DS", ttl, values)


def facts(
    *served: Signed | NoAnswer | None, held: RRset | NoAnswer | None = None, security: Security = Security.INSECURE
) -> ZoneFacts:
    addresses = {f"192.0.2.{number}": one for number, one in enumerate(served)}
    why = "the DS matches no DNSKEY" if security is Security.BOGUS else ""
    parent = Security.SECURE
    return ZoneFacts(ZONE.name, ABOVE.name, security, why, parent, held, addresses, NS, NS, NS_TTL, NEGATIVE_TTL, NEGATIVE_TTL)


def wish(
    found: ZoneFacts,
    dnssec: Dnssec = Dnssec.MANAGE,
    *,
    provider: SignedByProvider | None = None,
    parent: Parent | None = None,
    surety: Surety = SURETY,
) -> Wish:
    """What is wanted of the zone; the parent's provider holds what its servers serve, where nothing else is said."""
    at_parent = parent or Parent(ABOVE, found.ds if isinstance(found.ds, RRset) else None)
    return Wish(ZONE, dnssec, found, provider, at_parent, (HOST,), surety)


UNSIGNED, ON = SignedByProvider(signed=False, ds=()), SignedByProvider(signed=True, ds=())
REGISTRAR = Parent(None)


def steps(of: Wish, now: datetime = NOW) -> tuple[Step, ...]:
    rollout, findings = propose(of, now)
    assert not any(one.stops for one in findings)
    return rollout.steps if rollout else ()


def codes(of: Wish) -> list[tuple[str, Severity]]:
    rollout, findings = propose(of, NOW)
    assert not (rollout and any(one.stops for one in findings))
    assert all(one.what and one.mend for one in findings)
    return [(one.code, one.severity) for one in findings]


def test_an_unsigned_zone_is_signed_and_the_ds_is_left_to_the_next_plan() -> None:
    rollout, findings = propose(wish(facts(None, None), provider=UNSIGNED), NOW)
    assert findings == ()
    assert rollout
    assert rollout.steps == (
        Step(Risk.SIGN, SetSigning(signed=True), ZONE, (TlsaHarmless(HOST),), (ZoneSigned(ZONE.name, (), 0),)),
    )
    assert len(rollout.outline) == 1
    assert "DS" in rollout.outline[0]


def test_a_zone_that_nobody_of_ours_signs_is_signed_by_a_person() -> None:
    (step,) = steps(wish(facts(None)))
    assert isinstance(step.action, Manual)
    assert (step.requires, step.done_when) == ((TlsaHarmless(HOST),), (ZoneSigned(ZONE.name, (), 0),))


@pytest.mark.parametrize(("provider", "risk"), [(UNSIGNED, Risk.ADD_DS), (None, Risk.MANUAL)])
def test_where_the_parent_takes_the_ds_by_itself_signing_is_adding_it(provider: SignedByProvider | None, risk: Risk) -> None:
    rollout, _ = propose(wish(replace(facts(None), parent_scans_cds=True), provider=provider), NOW)
    assert rollout
    (step,) = rollout.steps
    assert step.risk is risk
    assert step.requires == (
        HeldFor(DELEGATED, NS_TTL),
        HeldFor(TlsaHarmless(HOST), SURETY.longest_ttl),
        ParentSecure(ZONE.name),
        ClockTrusted(),
    )
    assert "CDS" in rollout.outline[1]


def adding(wanted: tuple[Ds, ...], wait: int, ns_wait: int = NS_TTL) -> tuple[Condition, ...]:
    return (
        HeldFor(ZoneSigned(ZONE.name, wanted, 86400 + SIGNATURES_LEFT), wait),
        HeldFor(DELEGATED, ns_wait),
        HeldFor(TlsaHarmless(HOST), SURETY.longest_ttl),
        ParentSecure(ZONE.name),
        ClockTrusted(),
    )


def test_the_first_ds_comes_in_once_no_cache_can_hold_unsigned_answers() -> None:
    (step,) = steps(wish(facts(signed(1), signed(1))))
    after = at(DS_TTL, OLD)
    assert (step.risk, step.action, step.zone) == (Risk.ADD_DS, Change(None, after), ABOVE)
    assert step.requires == adding((OLD,), 86400 + PROPAGATION)
    assert step.done_when == (
        ProviderHolds(ABOVE, KEY, after),
        ParentServesDs(ZONE.name, (OLD,)),
        ChainValid(ZONE.name),
    )


@pytest.mark.parametrize(
    ("found", "surety", "wait"),
    [
        (facts(signed(1)), Surety(), LONGEST_TTL + 300),
        (facts(signed(1)), Surety(longest_ttl=60, propagation=10), KEY_TTL + 10),
        (replace(facts(signed(1)), negative_ttl=10800), Surety(longest_ttl=60, propagation=0), 10800),
    ],
)
def test_the_longest_of_all_ttls_is_waited_for(found: ZoneFacts, surety: Surety, wait: int) -> None:
    (step,) = steps(wish(found, surety=surety))
    (first, *_) = step.requires
    assert isinstance(first, HeldFor)
    assert first.seconds == wait


@pytest.mark.parametrize(("since", "wait"), [(0, 86700), (3600, 83100), (86700, 0), (99999999, 0), (-3600, 86700)])
def test_a_date_since_when_it_is_so_shortens_the_waits(since: int, wait: int) -> None:
    date = NOW - timedelta(seconds=since)
    (step,) = steps(wish(facts(signed(1)), surety=replace(SURETY, signed_since=date)))
    assert step.requires == adding((OLD,), wait)
    (step,) = steps(wish(facts(signed(1)), surety=replace(SURETY, delegated_since=date)))
    assert step.requires == adding((OLD,), 86700, max(0, NS_TTL - max(0, since)))


@pytest.mark.parametrize(
    ("found", "parent", "written"),
    [
        (facts(signed(1)), Parent(ABOVE), DS_TTL),
        (facts(signed(1), held=at(900, STALE)), Parent(ABOVE), 900),
        (facts(signed(1), held=at(900, STALE)), Parent(ABOVE, at(60, STALE)), 60),
        (facts(signed(1)), Parent(ABOVE, ttl=86400), 86400),
        (facts(signed(1)), Parent(ABOVE, ttl=0), 0),
        (facts(signed(1), held=at(900, STALE)), Parent(ABOVE, at(86400, STALE), 86400), 86400),
        (facts(signed(1), held=at(900, STALE)), Parent(ABOVE, at(60, STALE), 86400), 86400),
    ],
)
def test_a_ds_takes_the_ttl_that_the_provider_gives_or_the_set_before_had(
    found: ZoneFacts, parent: Parent, written: int
) -> None:
    first = steps(wish(found, parent=parent))[0]
    assert isinstance(first.action, Change)
    assert first.action.before == parent.held
    assert first.action.after
    assert first.action.after.ttl == written


def test_what_is_waited_for_is_the_highest_ttl_that_a_ds_has_or_gets() -> None:
    served = facts(signed(1), held=at(7200, OLD, STALE), security=Security.SECURE)
    for parent, ttl in ((Parent(ABOVE, at(60, OLD, STALE)), 7200), (Parent(ABOVE, at(60, OLD, STALE), 86400), 86400)):
        (remove,) = steps(wish(served, parent=parent))
        assert remove.requires[0] == HeldFor(ParentServesDs(ZONE.name, (OLD, STALE)), ttl)


def test_a_zone_with_the_right_ds_is_as_it_should_be() -> None:
    for held in (at(300, OLD), at(300, OLD, OLD_SHA1), at(300, OLD, OLD_SHA384)):
        assert steps(wish(facts(signed(1), held=held, security=Security.SECURE))) == ()


ROLLING = wish(
    facts(signed(1, 2), held=at(3600, OLD), security=Security.SECURE), provider=SignedByProvider(signed=True, ds=(NEW,))
)


def test_a_key_is_rolled_by_adding_its_ds_before_the_old_one_goes() -> None:
    add, remove = steps(ROLLING)
    assert (add.risk, add.action) == (Risk.ADD_DS, Change(at(3600, OLD), at(3600, OLD, NEW)))
    assert add.requires == (
        HeldFor(ZoneSigned(ZONE.name, (NEW,), 86400 + SIGNATURES_LEFT), KEY_TTL + PROPAGATION),
        ClockTrusted(),
    )
    assert (remove.risk, remove.action) == (Risk.REMOVE_DS, Change(at(3600, OLD, NEW), at(3600, NEW)))
    assert remove.requires == (
        HeldFor(ParentServesDs(ZONE.name, (OLD, NEW)), 3600),
        ZoneSigned(ZONE.name, (NEW,), SIGNATURES_LEFT),
    )
    assert ChainValid(ZONE.name) in remove.done_when


def test_without_a_provider_every_key_that_signs_gets_a_ds() -> None:
    (add,) = steps(wish(facts(signed(1, 2), held=at(3600, OLD), security=Security.SECURE)))
    assert add.action == Change(at(3600, OLD), at(3600, OLD, NEW))
    assert steps(wish(facts(signed(1, 2, signing=[1]), held=at(3600, OLD), security=Security.SECURE))) == ()


def test_a_ds_that_no_key_stands_behind_goes_and_other_digests_of_a_key_stay() -> None:
    held = at(3600, OLD, OLD_SHA1, STALE, ds(9, 1))
    (remove,) = steps(wish(facts(signed(1), held=held, security=Security.SECURE)))
    assert remove.action == Change(held, at(3600, OLD, OLD_SHA1))


@pytest.mark.parametrize("held", [at(3600, STALE), at(3600, STALE, ds(8))])
def test_a_zone_that_is_refused_now_gets_the_right_ds_without_the_long_wait(held: RRset) -> None:
    rollout, findings = propose(wish(facts(signed(1), held=held, security=Security.BOGUS)), NOW)
    assert [(one.code, one.severity) for one in findings] == [("broken-now", Severity.WARNING)]
    assert "matches no DNSKEY" in findings[0].what
    assert rollout
    add, remove = rollout.steps
    assert add.requires == (ZoneSigned(ZONE.name, (OLD,), 86400 + SIGNATURES_LEFT), ClockTrusted())
    assert isinstance(remove.action, Change)
    assert remove.action.after == at(3600, OLD)


def test_beside_a_ds_that_validators_do_not_use_the_wait_is_the_long_one() -> None:
    add, _ = steps(wish(facts(signed(1), held=at(3600, STALE), security=Security.INSECURE)))
    assert add.requires == adding((OLD,), 86400 + PROPAGATION)


def test_the_ds_of_a_provider_whose_keys_are_not_served_yet_waits_for_them() -> None:
    (step,) = steps(wish(facts(None), provider=SignedByProvider(signed=True, ds=(NEW,))))
    assert step.requires == adding((NEW,), 86400 + PROPAGATION)


def test_a_registrar_is_told_what_its_form_asks_for() -> None:
    found = facts(signed(1, 2), held=at(3600, OLD), security=Security.SECURE)
    add, remove = steps(wish(found, provider=SignedByProvider(signed=True, ds=(NEW,)), parent=REGISTRAR))
    assert (add.risk, add.zone, remove.risk) == (Risk.MANUAL, None, Risk.MANUAL)
    assert add.done_when == (ParentServesDs(ZONE.name, (OLD, NEW)), ChainValid(ZONE.name))
    assert isinstance(add.action, Manual)
    assert add.action.copy == (
        f"have    contoso.example. IN DS {OLD}",
        f"add     contoso.example. IN DS {NEW}",
        f"in a form:  key tag 2, algorithm 13, digest type 2 (SHA-256), digest {NEW.digest}",
        "or the key:  flags 257, protocol 3, algorithm 13, public key KEY2==",
    )
    assert isinstance(remove.action, Manual)
    assert remove.action.copy == (f"remove  contoso.example. IN DS {OLD}", f"have    contoso.example. IN DS {NEW}")


def test_a_registrar_is_told_no_key_that_nobody_serves_and_no_digest_that_is_another() -> None:
    provider = SignedByProvider(signed=True, ds=(ds(7, 4),))
    (add,) = steps(wish(facts(signed(1)), provider=provider, parent=REGISTRAR))
    assert isinstance(add.action, Manual)
    assert add.action.copy == (
        f"add     contoso.example. IN DS {ds(7, 4)}",
        f"in a form:  key tag 7, algorithm 13, digest type 4, digest {ds(7, 4).digest}",
    )


OFF = Dnssec.OFF
DANE_GONE = HeldFor(TlsaGone(HOST), SURETY.longest_ttl)


def test_a_ds_stays_while_the_mx_of_a_domain_is_under_mx_microsoft_unless_the_zone_is_refused_now() -> None:
    secure = facts(signed(1), held=at(3600, OLD), security=Security.SECURE)
    relying = replace(wish(secure, OFF, provider=ON), with_dane=(ZONE.name,))
    assert codes(relying) == [("dane-before-ds", Severity.BLOCK)]
    bogus = replace(relying, facts=replace(secure, security=Security.BOGUS))
    assert codes(bogus) == [("broken-now", Severity.WARNING)]
    remove, _ = steps(bogus)
    assert remove.requires == ()
    assert codes(replace(relying, dnssec=Dnssec.MANAGE)) == []


def test_a_ds_stays_while_the_manifest_asks_for_the_tlsa_of_a_mail_host_in_the_zone() -> None:
    secure = facts(signed(1), held=at(3600, OLD), security=Security.SECURE)
    both = replace(wish(secure, OFF, provider=ON), with_dane=(ZONE.name,), with_tlsa=(HOST,))
    assert codes(both) == [("dane-before-ds", Severity.BLOCK), ("tlsa-before-ds", Severity.BLOCK)]
    of_host = replace(both, with_dane=())
    assert codes(of_host) == [("tlsa-before-ds", Severity.BLOCK)]
    assert codes(replace(of_host, facts=replace(secure, security=Security.BOGUS))) == [("broken-now", Severity.WARNING)]
    assert codes(replace(of_host, facts=facts(signed(1)), parent=Parent(ABOVE))) == []
    assert codes(replace(of_host, dnssec=Dnssec.MANAGE)) == []


def test_a_ds_goes_once_no_cache_leads_any_domain_in_the_zone_under_mx_microsoft() -> None:
    secure = facts(signed(1), held=at(3600, OLD), security=Security.SECURE)
    held = replace(wish(secure, OFF, provider=ON), domains=(ZONE.name, name("eu.contoso.example")))
    remove, unsign = steps(held)
    assert remove.requires == (
        DANE_GONE,
        *(HeldFor(MxOffDane(ZONE.name, domain), SURETY.longest_ttl) for domain in held.domains),
    )
    assert unsign.requires == (HeldFor(ParentServesDs(ZONE.name, ()), 3600),)


def test_signatures_go_whatever_the_mx_is_where_no_ds_is_left() -> None:
    (unsign,) = steps(replace(wish(facts(signed(1)), OFF, provider=ON, parent=Parent(ABOVE)), with_dane=(ZONE.name,)))
    assert unsign.risk is Risk.UNSIGN


def test_on_the_way_back_the_signatures_go_once_no_cache_holds_the_ds() -> None:
    remove, unsign = steps(wish(facts(signed(1), held=at(3600, OLD), security=Security.SECURE), OFF, provider=ON))
    assert (remove.risk, remove.action, remove.requires) == (Risk.REMOVE_DS, Change(at(3600, OLD), None), (DANE_GONE,))
    assert remove.done_when == (ProviderHolds(ABOVE, KEY, None), ParentServesDs(ZONE.name, ()))
    assert (unsign.risk, unsign.action, unsign.zone) == (Risk.UNSIGN, SetSigning(signed=False), ZONE)
    assert unsign.requires == (HeldFor(ParentServesDs(ZONE.name, ()), 3600),)
    assert unsign.done_when == (ZoneUnsigned(ZONE.name),)


def test_on_the_way_back_people_do_what_is_no_providers() -> None:
    remove, unsign = steps(wish(facts(signed(1), held=at(3600, OLD)), OFF, parent=REGISTRAR))
    assert (remove.risk, unsign.risk) == (Risk.MANUAL, Risk.MANUAL)
    assert isinstance(remove.action, Manual)
    assert remove.action.copy == (f"remove  contoso.example. IN DS {OLD}",)
    assert unsign.requires == (HeldFor(ParentServesDs(ZONE.name, ()), 3600),)


@pytest.mark.parametrize(
    ("found", "provider"), [(facts(signed(1)), None), (facts(None), ON), (facts(None, held=at(300, OLD)), UNSIGNED)]
)
def test_without_a_memory_of_the_ds_its_ttl_is_taken_for_a_day(found: ZoneFacts, provider: SignedByProvider | None) -> None:
    (unsign,) = steps(wish(found, OFF, provider=provider, parent=Parent(ABOVE)))
    assert unsign.requires == (HeldFor(ParentServesDs(ZONE.name, ()), UNKNOWN_TTL),)


def test_a_zone_without_ds_and_signatures_is_off() -> None:
    assert steps(wish(facts(None), OFF, provider=UNSIGNED)) == ()
    assert steps(wish(facts(None), OFF)) == ()


SILENT = NoAnswer("timed out")
ERROR, BLOCK = Severity.ERROR, Severity.BLOCK


@pytest.mark.parametrize(
    ("of", "code", "severity"),
    [
        (wish(facts(signed(1), SILENT)), "dnssec-unreadable", ERROR),
        (wish(facts(signed(1), held=SILENT)), "dnssec-unreadable", ERROR),
        (wish(facts()), "dnssec-unreadable", ERROR),
        (wish(facts(signed(1), SILENT), OFF), "dnssec-unreadable", ERROR),
        (wish(replace(facts(None), parent_security=Security.INSECURE)), "parent-insecure", BLOCK),
        (wish(facts(signed(1), signed(1, 2))), "keys-differ", BLOCK),
        (wish(facts(signed(1), None)), "keys-differ", BLOCK),
        (wish(facts(None), provider=ON), "ds-unknown", BLOCK),
        (wish(facts(signed(1)), parent=Parent(ABOVE, Irregular(KEY, "mixed TTLs"))), "set-irregular", BLOCK),
    ],
)
def test_what_is_not_known_or_not_clear_is_refused(of: Wish, code: str, severity: Severity) -> None:
    assert codes(of) == [(code, severity)]


def test_an_insecure_parent_does_not_keep_a_zone_from_being_unsigned() -> None:
    insecure = replace(facts(signed(1)), parent_security=Security.INSECURE)
    assert codes(wish(insecure, OFF, provider=ON)) == []


@pytest.mark.parametrize("served", [signed(1), None, SILENT])
def test_what_is_to_be_kept_is_left_alone_and_told_when_it_is_broken(served: Signed | NoAnswer | None) -> None:
    broken = facts(served, held=at(3600, STALE), security=Security.BOGUS)
    assert propose(wish(replace(broken, security=Security.INSECURE), Dnssec.KEEP), NOW) == (None, ())
    assert codes(wish(broken, Dnssec.KEEP)) == [("broken-now", Severity.WARNING)]


def test_entry_points_are_keys_that_sign_and_are_marked() -> None:
    assert entry_points(facts(signed(1, 2), signed(1, 2))) == frozenset([OLD, NEW])
    assert entry_points(facts(signed(1, 2, signing=[2, 99]))) == frozenset([NEW])
    assert entry_points(facts(None, None)) == frozenset()
    assert entry_points(facts(SILENT)) is None
    assert entry_points(facts(signed(1), signed(2))) is None


ds_values = st.sampled_from([OLD, NEW, STALE, OLD_SHA1, ds(8)])
ds_sets = st.lists(ds_values, max_size=3, unique=True).map(lambda values: at(3600, *values) if values else None)


def made_by(before: RRset | None, step: Step) -> RRset | None:
    """Give what the parent holds once a step is done."""
    after = next((one.ds for one in step.done_when if isinstance(one, ParentServesDs)), None)
    return before if after is None else at(3600, *after) if after else None


@given(
    ds_sets,
    st.sampled_from([(1,), (2,), (1, 2)]),
    st.sampled_from([ON, None, SignedByProvider(signed=True, ds=(NEW,)), SignedByProvider(signed=True, ds=(OLD,))]),
    st.sampled_from([Dnssec.MANAGE, OFF]),
    st.sampled_from([None, 3600, 86400]),
    st.booleans(),
    st.sampled_from([Security.SECURE, Security.INSECURE, Security.BOGUS]),
)
def test_proposed_again_half_way_it_is_the_rest_of_the_same_steps_waits_included(
    held: RRset | None,
    tags: tuple[int, ...],
    provider: SignedByProvider | None,
    dnssec: Dnssec,
    ttl: int | None,
    by_registrar: bool,
    security: Security,
) -> None:
    def of(live: RRset | None, known: int | None = None) -> Wish:
        at_provider = RRset(live.key, ttl or live.ttl, live.values) if live else None
        parent = REGISTRAR if by_registrar else Parent(ABOVE, at_provider, ttl)
        found = facts(signed(*tags), held=at_provider, security=security)
        return replace(wish(found, dnssec, provider=provider, parent=parent), remembered=known)

    made, _ = propose(of(held), NOW)
    for number, step in enumerate(made.steps if made else (), start=1):
        assert made
        held = made_by(held, step)
        if number < len(made.steps):
            assert steps(of(held, remembered(made))) == made.steps[number:]


@given(ds_sets, st.sampled_from([(1,), (2,), (1, 2)]), st.sampled_from([None, SignedByProvider(signed=True, ds=(NEW,))]))
def test_no_ds_that_a_key_stands_behind_goes_before_another_such_is_known(
    held: RRset | None, tags: tuple[int, ...], provider: SignedByProvider | None
) -> None:
    served = {value for tag in tags for value in (ds(tag), ds(tag, 1))} | {NEW}
    for step in steps(wish(facts(signed(*tags), held=held, security=Security.SECURE), provider=provider)):
        if step.risk is Risk.REMOVE_DS:
            assert isinstance(step.action, Change)
            assert step.action.before
            assert step.action.after
            assert set(step.action.after.values) & served
            assert step.requires[0] == HeldFor(ParentServesDs(ZONE.name, before(step.action)), 3600)


def before(change: Change) -> tuple[Ds, ...]:
    return tuple(one for one in change.before.values if isinstance(one, Ds)) if change.before else ()


def test_a_rollout_that_waits_for_no_ds_tells_no_ttl_of_one() -> None:
    made, _ = propose(wish(facts(None), provider=UNSIGNED), NOW)
    assert isinstance(made, Rollout)
    assert remembered(made) is None
