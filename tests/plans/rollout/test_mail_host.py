"""The TLSA set of a mail host of ours: which steps lead to it, and what must be so before each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import HeldFor, Presents, ProviderHolds, ServedEverywhere
from plans.desired import Subject, SubjectKind
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Risk, Severity
from plans.rollout.by_hand import by_hand
from plans.rollout.mail_host import Wish, key, keys, propose
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Live, Name, Opaque, RRset, Tlsa, Value, ZoneRef, name, rrset

HOST = name("mx1.gateway.example")
KEY = key(HOST)
ZONE = ZoneRef("az", "azure", "subscription", "zone", name("gateway.example"))
TTL, NEGATIVE_TTL, PROPAGATION = 600, 900, 300


def record(number: int, usage: int = 3, matching_type: int = 1) -> Tlsa:
    return Tlsa(usage, 1, matching_type, f"{number:0{64 * matching_type}x}")


OLD, NEW, DEAD = record(1), record(2), record(9)
OLD_STRONGER, AUTHORITY = record(1, matching_type=2), record(5, usage=2)


def tlsa(*records: Tlsa, ttl: int = TTL) -> RRset:
    return rrset(KEY.owner, "TLSA", ttl, records)


def wish(upcoming: Tlsa | None = None, *, installed: bool = False) -> Wish:
    return Wish(HOST, OLD, upcoming, TTL, True, NEGATIVE_TTL, PROPAGATION, installed)  # noqa: FBT003 - the zone is signed


def snapshot(live: Live = None, *others: RRset) -> Snapshot:
    sets: dict[Key, Live] = dict.fromkeys(keys(HOST, ZONE.name)) | {KEY: live} | {one.key: one for one in others}
    return Snapshot(ZONE, sets, {one.key.owner: frozenset([one.key.type]) for one in others})


def steps(of: Wish, live: RRset | None) -> tuple[Step, ...]:
    rollout, findings = propose(of, snapshot(live))
    assert not any(one.stops for one in findings)
    assert (rollout is not None) or not of.upcoming or of.installed
    return rollout.steps if rollout else ()


def sets(of: Sequence[Step]) -> list[tuple[str, RRset | None]]:
    return [(step.risk, step.action.after if isinstance(step.action, Change) else None) for step in of]


def test_a_first_set_is_published_once_every_address_presents_its_key() -> None:
    (step,) = steps(wish(), None)
    held = tlsa(OLD)
    assert (step.risk, step.action, step.zone) == (Risk.FIRST_TLSA, Change(None, held), ZONE)
    assert step.requires == (Presents(HOST, (OLD,)),)
    assert step.done_when == (ProviderHolds(ZONE, KEY, held), ServedEverywhere(ZONE.name, KEY, held))


def test_a_set_that_is_right_is_left_as_it_is() -> None:
    assert propose(wish(), snapshot(tlsa(OLD, ttl=86400))) == (None, ())


def served(held: RRset, wait: int) -> HeldFor:
    return HeldFor(ServedEverywhere(ZONE.name, KEY, held), wait)


@pytest.mark.parametrize(("ttl", "wait"), [(TTL, 2 * NEGATIVE_TTL + PROPAGATION), (7200, 2 * 7200 + PROPAGATION)])
def test_the_next_certificate_is_installed_once_every_cache_has_its_record(ttl: int, wait: int) -> None:
    rollout, findings = propose(wish(NEW), snapshot(tlsa(OLD, ttl=ttl)))
    assert findings == ()
    assert rollout
    extend, install = rollout.steps
    held = tlsa(OLD, NEW, ttl=ttl)
    assert (extend.risk, extend.action) == (Risk.EXTEND_TLSA, Change(tlsa(OLD, ttl=ttl), held))
    assert extend.requires == (Presents(HOST, (OLD, NEW)),)
    assert isinstance(install.action, Manual)
    assert install.action.copy == (f"_25._tcp.mx1.gateway.example. IN TLSA {NEW}",)
    assert install.requires == (served(held, wait),)
    assert install.done_when == (Presents(HOST, (NEW,)),)
    assert "`next:`" in rollout.outline[0]


def test_a_first_set_may_name_the_next_key_as_well() -> None:
    first, install = steps(wish(NEW), None)
    assert sets([first]) == [(Risk.FIRST_TLSA, tlsa(OLD, NEW))]
    assert first.requires == (Presents(HOST, (OLD,)),)
    assert install.requires == (served(tlsa(OLD, NEW), 2 * NEGATIVE_TTL + PROPAGATION),)


def test_an_old_record_goes_once_every_address_has_presented_the_key_that_stays_for_one_ttl() -> None:
    (step,) = steps(wish(), tlsa(OLD, DEAD))
    assert (step.risk, step.action) == (Risk.REMOVE_TLSA, Change(tlsa(OLD, DEAD), tlsa(OLD)))
    assert step.requires == (HeldFor(Presents(HOST, (OLD,)), TTL),)


def test_a_set_that_matches_nothing_gets_the_right_record_first() -> None:
    extend, remove = steps(wish(), tlsa(DEAD))
    assert sets([extend, remove]) == [(Risk.EXTEND_TLSA, tlsa(DEAD, OLD)), (Risk.REMOVE_TLSA, tlsa(OLD))]
    assert extend.requires == (Presents(HOST, (OLD, DEAD)),)
    assert remove.requires == (HeldFor(Presents(HOST, (OLD,)), TTL),)


@pytest.mark.parametrize("other", [OLD_STRONGER, AUTHORITY, DEAD])
def test_records_that_the_next_certificate_would_not_match_go_before_it_is_installed(other: Tlsa) -> None:
    extend, remove, install = steps(wish(NEW), tlsa(OLD, other))
    assert sets([extend, remove]) == [(Risk.EXTEND_TLSA, tlsa(OLD, NEW, other)), (Risk.REMOVE_TLSA, tlsa(OLD, NEW))]
    assert remove.requires == (HeldFor(Presents(HOST, (OLD, NEW)), TTL),)
    assert install.requires == (served(tlsa(OLD, NEW), 2 * NEGATIVE_TTL + PROPAGATION),)


def test_a_certificate_that_was_installed_too_early_gets_its_record_at_once() -> None:
    (extend,) = steps(wish(NEW, installed=True), tlsa(OLD))
    assert sets([extend]) == [(Risk.EXTEND_TLSA, tlsa(OLD, NEW))]
    assert extend.requires == (Presents(HOST, (OLD, NEW)),)


def test_what_is_installed_is_to_be_renamed_in_the_manifest() -> None:
    rollout, (found,) = propose(wish(NEW, installed=True), snapshot(tlsa(OLD, NEW)))
    assert rollout is None
    assert (found.code, found.severity) == ("next-installed", Severity.NOTICE)
    assert "`certificate:`" in found.mend


CNAME = RRset(Key(KEY.owner, "CNAME"), 300, (Opaque("elsewhere.example."),))
HOSTED = RRset(Key(HOST, "A"), 300, (Opaque("192.0.2.1"),))
ALIAS = Opaque("elsewhere.example.")
CUT = RRset(Key(HOST, "NS"), 300, (Opaque("ns.elsewhere.example."),))


def at(owner: str, value: Tlsa | Opaque) -> RRset:
    """Make a wildcard's set: a TLSA record, or an alias."""
    return RRset(Key(Name(owner), "TLSA" if isinstance(value, Tlsa) else "CNAME"), 300, (value,))


@pytest.mark.parametrize(
    ("of", "held", "code"),
    [
        (replace(wish(), signed=False), snapshot(), "tlsa-zone-unsigned"),
        (wish(OLD), snapshot(), "next-is-current"),
        (wish(), snapshot(Irregular(KEY, "mixed TTLs")), "set-irregular"),
        (wish(), snapshot(None, CNAME), "cname-at-name"),
        (wish(), snapshot(None, CUT), "delegated-away"),
        (wish(), snapshot(None, HOSTED, at(f"*.{HOST}", record(7))), "wildcard-shadowed"),
        (wish(), snapshot(None, HOSTED, at(f"*._tcp.{HOST}", ALIAS)), "wildcard-shadowed"),
        (wish(), snapshot(None, at("*.gateway.example.", ALIAS)), "wildcard-shadowed"),
    ],
)
def test_what_would_be_worth_nothing_is_refused(of: Wish, held: Snapshot, code: str) -> None:
    rollout, findings = propose(of, held)
    assert rollout is None
    assert [one.code for one in findings] == [code]
    assert all(one.stops and one.mend and one.subject == Subject(HOST, SubjectKind.MAIL_HOST) for one in findings)


def test_a_wildcard_that_answers_for_the_owner_is_named_with_what_it_holds() -> None:
    _, (found,) = propose(wish(), snapshot(None, HOSTED, at(f"*.{HOST}", ALIAS)))
    assert found.what == (
        "Names like _25._tcp.mx1.gateway.example. are answered by the wildcard *.mx1.gateway.example. (CNAME), "
        "which a record of its own would shadow (RFC 4592)."
    )
    assert "Give _25._tcp.mx1.gateway.example. what it needs" in found.mend


@pytest.mark.parametrize(
    "others",
    [
        (HOSTED, at("*.gateway.example.", ALIAS)),
        (RRset(Key(Name(f"_443._tcp.{HOST}"), "TLSA"), 300, (record(7),)), at("*.gateway.example.", record(7))),
    ],
)
def test_a_wildcard_that_does_not_reach_the_owner_keeps_nothing_back(others: tuple[RRset, ...]) -> None:
    held = snapshot(None, *others)
    nodes = {HOST: frozenset[str](), **held.nodes}
    assert propose(wish(), replace(held, nodes=nodes))[0]


def test_a_set_that_is_there_shadows_its_wildcard_already() -> None:
    live = tlsa(DEAD)
    held = snapshot(live, live, at(f"*._tcp.{HOST}", ALIAS))
    assert propose(wish(), held)[0]


@pytest.mark.parametrize(
    "host",
    ["contoso-example.o-v1.mx.microsoft", "contoso-example.mail.protection.outlook.com", "x.mail.protection.office365.us"],
)
def test_the_tlsa_of_microsofts_hosts_is_not_ours_to_write(host: str) -> None:
    of = replace(wish(), host=name(host))
    zone = replace(ZONE, name=name("microsoft"))
    rollout, findings = propose(of, Snapshot(zone, dict.fromkeys(keys(of.host, zone.name)), {}))
    assert rollout is None
    assert [(one.code, one.stops) for one in findings] == [("tlsa-microsoft", True)]


def test_the_tlsa_stands_at_the_port_of_smtp() -> None:
    assert Key(Name("_25._tcp.mx1.gateway.example."), "TLSA") == KEY
    assert Key(Name("_tcp.mx1.gateway.example."), "NS") in keys(HOST, ZONE.name)


live_sets = st.builds(
    lambda records, ttl: tlsa(*records, ttl=ttl) if records else None,
    st.lists(st.sampled_from([OLD, NEW, DEAD, OLD_STRONGER, AUTHORITY]), max_size=4),
    st.sampled_from([0, 300, 900, 86400]),
)


@given(live_sets, st.sampled_from([None, NEW]))
def test_proposed_again_half_way_it_is_the_rest_of_the_same_steps_waits_included(
    live: RRset | None, upcoming: Tlsa | None
) -> None:
    made, _ = propose(wish(upcoming), snapshot(live))
    for number, step in enumerate(made.steps if made else (), start=1):
        assert made
        live = step.action.after if isinstance(step.action, Change) else live
        installed = isinstance(step.action, Manual)
        assert steps(wish(upcoming, installed=installed), live) == made.steps[number:]


@given(live_sets, st.sampled_from([None, NEW]))
def test_the_current_key_always_has_a_record_and_the_next_one_before_it_is_installed(
    live: RRset | None, upcoming: Tlsa | None
) -> None:
    rollout, _ = propose(wish(upcoming), snapshot(live))
    held: set[Value] = set(live.values) if live else set()
    for step in rollout.steps if rollout else ():
        match step.action:
            case Change(before, after):
                assert before == (tlsa_of(held, before) if held else None)
                assert after
                held = set(after.values)
                assert OLD in held
            case _:
                assert held == {OLD, NEW}
    assert held == ({OLD, upcoming} if upcoming else {OLD})
    assert not isinstance(rollout, Rollout) or by_hand(rollout).steps[-1].done_when == rollout.steps[-1].done_when


def tlsa_of(held: set[Value], like: RRset | None) -> RRset:
    return tlsa(*(one for one in held if isinstance(one, Tlsa)), ttl=like.ttl if like else TTL)
