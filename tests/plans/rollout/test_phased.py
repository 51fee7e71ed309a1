"""An MX set on its way to another one: which writes, in which order, after which waits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import (
    Condition,
    GraphAsks,
    HeldFor,
    HostResolves,
    HostTakesMail,
    ProviderHolds,
    ServedEverywhere,
    StsAllows,
)
from plans.desired import Subject
from plans.plan import Change, Rollout, Step
from plans.policy import Finding, Risk
from plans.rollout.by_hand import by_hand
from plans.rollout.phased import LEAST_TTL, UNKNOWN_TTL, Remembered, Terms, phases, remembered
from plans.values import Mx, Name, RRset, ZoneRef, name, rrset

DOMAIN = name("contoso.example")
SUBJECT = Subject(DOMAIN)
ZONE = ZoneRef("aws", "route53", "1", "Z1", DOMAIN)
NEW = name("contoso-example.o-v1.mx.microsoft")
LEGACY = name("contoso-example.mail.protection.outlook.com")
SECOND = name("contoso-example.mail.eo.outlook.com")
MX1, MX2 = name("mx1.gateway.example"), name("mx2.gateway.example")
SOAK = 3600
TERMS = Terms(soak=SOAK)


def mx(*values: tuple[int, Name], ttl: int = 3600) -> RRset:
    return rrset(DOMAIN, "MX", ttl, [Mx(preference, host) for preference, host in values])


WANTED = mx((0, NEW))


def rollout(live: RRset, wanted: RRset = WANTED, terms: Terms = TERMS, known: Remembered | None = None) -> Rollout:
    made = phases(SUBJECT, live, wanted, ZONE, terms, known)
    assert isinstance(made, Rollout)
    return made


def sets(steps: Sequence[Step]) -> list[RRset]:
    return [step.action.after for step in steps if isinstance(step.action, Change) and step.action.after]


def waits(steps: Sequence[Step]) -> list[int]:
    """Give how long each step waits for the set before it to have been served; 0: not at all."""
    return [sum(one.seconds for one in step.requires if isinstance(one, HeldFor)) for step in steps]


def told(made: Rollout) -> list[tuple[str, int, str, int]]:
    """Give class, TTL, values and wait of each step."""
    return [
        (step.risk, held.ttl, ", ".join(map(str, held.values)), wait)
        for step, held, wait in zip(made.steps, sets(made.steps), waits(made.steps), strict=True)
    ]


def test_microsofts_usual_case() -> None:
    assert told(rollout(mx((10, LEGACY)))) == [
        ("lower-ttl", 30, f"10 {LEGACY}", 0),
        ("add-mx", 30, f"10 {LEGACY}, 20 {NEW}", 3600),
        ("swap-mx", 30, f"0 {NEW}, 30 {LEGACY}", 30),
        ("remove-mx", 30, f"0 {NEW}", 30 + SOAK),
        ("raise-ttl", 3600, f"0 {NEW}", 30),
    ]


def test_each_step_is_a_write_on_the_set_before_it_and_is_done_when_every_server_serves_it() -> None:
    live = mx((10, LEGACY))
    before = live
    for step in rollout(live).steps:
        assert isinstance(step.action, Change)
        assert (step.action.before, step.zone) == (before, ZONE)
        after = step.action.after
        assert (
            step.done_when == (ProviderHolds(ZONE, after.key, after), ServedEverywhere(DOMAIN, after.key, after))
            if after
            else ()
        )
        held = [one for one in step.requires if isinstance(one, HeldFor)]
        assert all(one.condition == ServedEverywhere(DOMAIN, before.key, before) for one in held)
        before = after or before


def gates(step: Step) -> tuple[Condition, ...]:
    return tuple(one for one in step.requires if not isinstance(one, HeldFor))


def test_mail_is_led_only_to_hosts_that_graph_asks_for_and_that_resolve_and_that_mta_sts_allows() -> None:
    lower, add, swap, remove, raise_again = rollout(mx((10, LEGACY))).steps
    both, alone = StsAllows(DOMAIN, (LEGACY, NEW)), StsAllows(DOMAIN, (NEW,))
    assert gates(lower) == gates(raise_again) == ()
    assert gates(add) == gates(swap) == (GraphAsks(DOMAIN, NEW), HostResolves(NEW), both)
    assert gates(remove) == (GraphAsks(DOMAIN, NEW), HostResolves(NEW), alone)


def test_the_gates_are_as_the_terms_say() -> None:
    made = rollout(mx((10, LEGACY)), mx((5, MX1), (5, MX2)), Terms(smtp=True, graph=False))
    allows = StsAllows(DOMAIN, tuple(sorted([LEGACY, MX1, MX2])))
    assert gates(made.steps[1]) == (HostResolves(MX1), HostResolves(MX2), HostTakesMail(MX1), HostTakesMail(MX2), allows)


@pytest.mark.parametrize(
    ("ttl", "floor", "lowered"),
    [(3600, LEAST_TTL, 30), (3600, 300, 300), (31, LEAST_TTL, 30), (30, LEAST_TTL, None), (20, LEAST_TTL, None), (0, 60, None)],
)
def test_the_ttl_is_lowered_to_the_floor_and_one_that_is_low_already_is_not_raised(
    ttl: int, floor: int, lowered: int | None
) -> None:
    made = rollout(mx((10, LEGACY), ttl=ttl), terms=Terms(lowest_ttl=floor))
    assert (made.steps[0].risk is Risk.LOWER_TTL) is (lowered is not None)
    on_the_way = ttl if lowered is None else lowered
    assert {held.ttl for held in sets(made.steps[:-1])} == {on_the_way}
    assert made.steps[-1].risk is Risk.RAISE_TTL
    assert sets(made.steps)[-1].ttl == (3600 if lowered is None else ttl)


def test_behind_a_ttl_that_is_low_already_there_may_have_been_a_high_one() -> None:
    assert waits(rollout(mx((10, LEGACY), ttl=30)).steps) == [UNKNOWN_TTL, 30, 30 + SOAK, 30]


def test_a_ttl_that_graph_does_not_ask_for_comes_back_too() -> None:
    assert sets(rollout(mx((10, LEGACY), ttl=900)).steps)[-1].ttl == 900


def test_where_the_ttl_is_right_already_the_last_step_is_the_removal() -> None:
    assert rollout(mx((10, LEGACY), ttl=60), mx((0, NEW), ttl=60), Terms(lowest_ttl=60)).steps[-1].risk is Risk.REMOVE_MX


@pytest.mark.parametrize(
    ("live", "wanted", "added", "swapped"),
    [
        (mx((0, LEGACY)), WANTED, f"0 {LEGACY}, 10 {NEW}", f"0 {NEW}, 20 {LEGACY}"),
        (
            mx((5, LEGACY), (15, SECOND)),
            WANTED,
            f"5 {LEGACY}, 15 {SECOND}, 25 {NEW}",
            f"0 {NEW}, 35 {LEGACY}, 45 {SECOND}",
        ),
        (
            mx((5, LEGACY), (5, SECOND)),
            WANTED,
            f"5 {SECOND}, 5 {LEGACY}, 15 {NEW}",
            f"0 {NEW}, 25 {SECOND}, 25 {LEGACY}",
        ),
        (
            mx((10, LEGACY)),
            mx((10, MX1), (20, MX2)),
            f"10 {LEGACY}, 20 {MX1}, 30 {MX2}",
            f"10 {MX1}, 20 {MX2}, 40 {LEGACY}",
        ),
        (mx((10, LEGACY)), mx((10, MX1), (10, MX2)), f"10 {LEGACY}, 20 {MX1}, 20 {MX2}", f"10 {MX1}, 10 {MX2}, 30 {LEGACY}"),
        (mx((10, LEGACY)), mx((50, NEW)), f"10 {LEGACY}, 20 {NEW}", f"50 {NEW}, 60 {LEGACY}"),
    ],
)
def test_new_hosts_come_in_last_and_old_ones_go_behind_each_in_its_own_order(
    live: RRset, wanted: RRset, added: str, swapped: str
) -> None:
    steps = {step.risk: held for step, held in zip(rollout(live, wanted).steps, sets(rollout(live, wanted).steps), strict=True)}
    assert ", ".join(map(str, steps[Risk.ADD_MX].values)) == added
    assert ", ".join(map(str, steps[Risk.SWAP_MX].values)) == swapped


@pytest.mark.parametrize(
    ("live", "wanted", "risks", "first_wait"),
    [
        (mx((10, LEGACY), (20, NEW), ttl=30), WANTED, ["swap-mx", "remove-mx", "raise-ttl"], UNKNOWN_TTL),
        (mx((0, NEW), (30, LEGACY), ttl=30), WANTED, ["remove-mx", "raise-ttl"], UNKNOWN_TTL + SOAK),
        (mx((0, NEW), (9, LEGACY), ttl=30), WANTED, ["swap-mx", "remove-mx", "raise-ttl"], UNKNOWN_TTL),
        (mx((0, NEW), (30, LEGACY), ttl=900), WANTED, ["lower-ttl", "remove-mx", "raise-ttl"], 0),
        (
            mx((10, LEGACY), (20, MX1), ttl=30),
            mx((0, MX1), (9, MX2)),
            ["add-mx", "swap-mx", "remove-mx", "raise-ttl"],
            UNKNOWN_TTL,
        ),
        (mx((50, NEW), ttl=900), WANTED, ["swap-mx"], 0),
        (mx((0, MX1), ttl=900), mx((0, MX1), (10, MX2)), ["add-mx"], 0),
    ],
)
def test_a_set_that_somebody_brought_half_way_is_gone_on_with(
    live: RRset, wanted: RRset, risks: list[str], first_wait: int
) -> None:
    made = rollout(live, wanted)
    assert [step.risk for step in made.steps] == risks
    assert waits(made.steps)[0] == first_wait
    assert sets(made.steps)[-1].values == wanted.values


def test_behind_a_half_way_set_with_a_ttl_of_its_own_the_longer_one_is_waited_for() -> None:
    assert waits(rollout(mx((0, NEW), (30, LEGACY), ttl=900)).steps) == [0, UNKNOWN_TTL + SOAK, 30]
    assert waits(rollout(mx((0, NEW), (30, LEGACY), ttl=604800)).steps) == [0, 604800 + SOAK, 30]


def test_hosts_that_all_are_wanted_change_in_one_write_that_keeps_the_ttl() -> None:
    assert told(rollout(mx((50, NEW), ttl=900))) == [("swap-mx", 900, f"0 {NEW}", 0)]
    assert told(rollout(mx((50, NEW), ttl=30), known=Remembered(30, 900))) == [("swap-mx", 900, f"0 {NEW}", 0)]


def test_what_is_left_of_a_set_that_is_right_is_its_ttl() -> None:
    assert phases(SUBJECT, WANTED, WANTED, ZONE, TERMS) is None
    assert phases(SUBJECT, WANTED, WANTED, ZONE, TERMS, Remembered(30, 3600)) is None
    assert told(rollout(mx((0, NEW), ttl=30), WANTED, TERMS, Remembered(60, 900))) == [("raise-ttl", 900, f"0 {NEW}", 60)]


def test_a_lower_floor_than_before_does_not_shorten_the_wait_for_the_first_ttl() -> None:
    made = rollout(mx((10, LEGACY), ttl=300), terms=TERMS, known=Remembered(86400, 86400))
    assert [step.risk for step in made.steps[:2]] == [Risk.LOWER_TTL, Risk.ADD_MX]
    assert waits(made.steps)[1] == 86400


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        (mx((65535, LEGACY)), WANTED),
        (mx((65526, LEGACY)), WANTED),
        (mx((65516, LEGACY)), WANTED),
        (mx((0, LEGACY)), mx((65535, NEW))),
        (mx((0, LEGACY), (65500, SECOND)), WANTED),
    ],
)
def test_where_a_preference_would_pass_its_range_it_is_a_block(live: RRset, wanted: RRset) -> None:
    found = phases(SUBJECT, live, wanted, ZONE, TERMS)
    assert isinstance(found, Finding)
    assert found.stops
    assert (found.code, found.subject) == ("preference-overflow", SUBJECT)


def test_the_highest_preferences_that_fit_are_no_block() -> None:
    assert f"0 {NEW}, 65535 {LEGACY}" in [", ".join(map(str, held.values)) for held in sets(rollout(mx((65515, LEGACY))).steps)]


def test_before_the_first_write_a_rollout_tells_nothing_of_the_live_set() -> None:
    made = rollout(mx((10, LEGACY)))
    assert remembered(made, 0, SOAK) is None
    assert remembered(made, 1, SOAK) == Remembered(3600, 3600)
    assert remembered(made, 4, SOAK) == Remembered(30, 3600)
    assert remembered(made, 5, SOAK) == Remembered(0, 3600)


def test_a_rollout_in_one_write_tells_nothing_of_ttls() -> None:
    held = mx((0, NEW))
    step = Step(Risk.REPLACE_MX, Change(mx((10, LEGACY)), held), ZONE, (), (ProviderHolds(ZONE, held.key, held),))
    assert remembered(Rollout(SUBJECT, (step,)), 1, SOAK) is None


hosts = st.sampled_from([NEW, LEGACY, SECOND, MX1, MX2])
ttls = st.sampled_from([0, 20, 30, 60, 300, 3600, 86400, 604800]) | st.integers(0, 604800)


def drawn(preferences: st.SearchStrategy[int]) -> st.SearchStrategy[RRset]:
    values = st.lists(st.builds(Mx, preferences, hosts), min_size=1, max_size=4)
    return st.builds(lambda of, ttl: rrset(DOMAIN, "MX", ttl, of), values, ttls)


live_sets = drawn(st.sampled_from([0, 10, 20, 30]) | st.integers(0, 65535))
wanted_sets = drawn(st.sampled_from([0, 10, 20]) | st.integers(0, 100))
any_terms = st.builds(Terms, st.sampled_from([30, 60, 300, 3600]), st.integers(0, 7200), st.booleans(), st.booleans())


@given(live_sets, wanted_sets, any_terms)
def test_proposed_again_half_way_it_is_the_rest_of_the_same_steps_waits_included(
    live: RRset, wanted: RRset, terms: Terms
) -> None:
    made = phases(SUBJECT, live, wanted, ZONE, terms)
    if isinstance(made, Rollout):
        for walked in (made, by_hand(made)):
            for done, held in enumerate(sets(made.steps), start=1):
                again = phases(SUBJECT, held, wanted, ZONE, terms, remembered(walked, done, terms.soak))
                assert (again.steps if isinstance(again, Rollout) else ()) == made.steps[done:]


@given(live_sets, wanted_sets, any_terms)
def test_every_set_on_the_way_keeps_the_old_hosts_until_the_new_ones_are_known(
    live: RRset, wanted: RRset, terms: Terms
) -> None:
    made = phases(SUBJECT, live, wanted, ZONE, terms)
    if isinstance(made, Rollout):
        befores = [live, *sets(made.steps)]
        new, old = named(wanted), named(live) - named(wanted)
        for before, after, step, wait in zip(befores, befores[1:], made.steps, waits(made.steps), strict=False):
            assert named(before) & named(after), "a cache that has either set finds a host of the other one"
            assert after.ttl >= min(live.ttl, wanted.ttl, terms.lowest_ttl)
            if old & named(before) - named(after):
                assert step.risk is Risk.REMOVE_MX
                assert new <= named(before)
                assert max(best(before, new)) < min(best(before, old)), "the new hosts were tried first already"
                assert wait >= terms.soak
        assert befores[-1].values == wanted.values


def named(held: RRset) -> set[Name]:
    return {one.exchange for one in held.values if isinstance(one, Mx)}


def best(held: RRset, of: set[Name]) -> list[int]:
    """Give the lowest preference value of each host."""
    values = [one for one in held.values if isinstance(one, Mx)]
    return [min(one.preference for one in values if one.exchange == host) for host in of]
