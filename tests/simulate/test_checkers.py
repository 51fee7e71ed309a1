from __future__ import annotations

from typing import TypeVar

import pytest

from plans.facts import StsMode, StsPolicy
from plans.plan import Change
from plans.values import Key, Mx, Name, RRset, rrset
from tests.simulate.dice import Seeded
from tests.simulate.domains import DOMAIN, KEY, ZONE
from tests.simulate.mail import Host, Policies, lost
from tests.simulate.order import disorder
from tests.simulate.published import Published
from tests.simulate.secure import Keys, Ttls, bogus, ds_of, mismatched, relied, tlsa_of
from tests.simulate.spans import ALWAYS, FOREVER, History, Span, cached, uncovered

T = TypeVar("T")

OLD, NEW = Name("old.example."), Name("new.example.")
NO_POLICY = Policies([(0, StsPolicy("", 300, StsMode.NONE))], looks=[0])
TTLS = Ttls(longest=1000, negative=300, key=100, ds=600, parent_negative=300)
SIGNED, UNSIGNED, BOTH, ROLLED = frozenset([1]), Keys(), frozenset([1, 2]), frozenset([2])


def mx(ttl: int, *hosts: tuple[int, Name]) -> RRset:
    return rrset(DOMAIN, "MX", ttl, [Mx(*one) for one in hosts])


def history(*told: tuple[int, T]) -> History[T]:
    (since, first), *later = told
    made = History(first, since)
    for at, value in later:
        made.tell(at, value)
    return made


def test_what_is_told_for_later_comes_later_and_in_order() -> None:
    told = history((0, "a"), (10, "b"), (5, "c"), (20, "d"))
    assert [told.at(time) for time in (0, 9, 10, 19, 20)] == ["a", "a", "c", "c", "d"]
    assert (told.changes_after(10), told.last) == ([20], "d")
    assert [(span.start, span.end) for span in told.spans()] == [(0, 10), (10, 20), (20, FOREVER)]


def test_an_answer_is_cached_for_its_ttl_after_the_last_moment_in_which_it_was_served() -> None:
    served = history((0, 300), (10, 0), (20, 60))
    assert [(one.start, one.end) for one in cached([served], int)] == [(0, 310), (10, 20), (20, FOREVER)]


@pytest.mark.parametrize(
    ("intervals", "first"),
    [([], 10), ([(0, 20)], None), ([(0, 15), (15, 20)], None), ([(0, 15), (16, 30)], 15), ([(11, 20)], 10), ([(0, 19)], 19)],
)
def test_the_first_second_that_no_interval_covers(intervals: list[tuple[int, int]], first: int | None) -> None:
    assert uncovered(10, 20, intervals) == first


@pytest.mark.parametrize(("stops", "found"), [(310, False), (309, True)])
def test_mail_is_lost_when_a_host_stops_a_second_before_its_name_is_forgotten(stops: int, *, found: bool) -> None:
    answers: list[Span[RRset | None]] = [Span(0, 310, mx(300, (10, OLD))), Span(10, FOREVER, mx(300, (10, NEW)))]
    hosts = {OLD: Host(), NEW: Host.new(10, 10)}
    hosts[OLD].stop(stops)
    assert bool(list(lost(answers, hosts, NO_POLICY))) == found


def test_a_sender_that_is_refused_tries_the_next_host() -> None:
    answers = [Span(0, FOREVER, mx(300, (10, NEW), (20, OLD)))]
    assert list(lost(answers, {OLD: Host(), NEW: Host.new(1000, 1000)}, NO_POLICY)) == []


@pytest.mark.parametrize(("comes", "found"), [(100 + 86400, False), (100 + 86399, True)])
def test_a_sender_acts_on_a_policy_until_it_looks_again_a_day_later(comes: int, *, found: bool) -> None:
    closed = StsPolicy("a", 300, StsMode.ENFORCE, ("old.example",), 604800)
    opened = StsPolicy("b", 300, StsMode.ENFORCE, ("old.example", "new.example"), 604800)
    policies = Policies([(0, closed), (100, opened)], looks=[0])
    answers = [Span(comes, FOREVER, mx(300, (10, NEW)))]
    assert bool(list(lost(answers, {NEW: Host()}, policies))) == found


def test_a_policy_that_changed_under_its_id_is_kept_for_its_age() -> None:
    closed = StsPolicy("a", 300, StsMode.ENFORCE, ("old.example",), 604800)
    opened = StsPolicy("a", 300, StsMode.ENFORCE, ("old.example", "new.example"), 604800)
    assert [one.end for one in Policies([(0, closed), (100, opened)], looks=[0]).held()] == [100 + 604800]


@pytest.mark.parametrize(
    ("wrong", "writes", "soak"),
    [
        ("comes in at 5", [(mx(30, (10, OLD)), mx(30, (10, OLD), (5, NEW)))], 0),
        ("an old host goes", [(mx(30, (10, OLD), (20, NEW)), mx(30, (20, NEW)))], 0),
        ("the set is emptied", [(mx(30, (10, OLD)), None)], 0),
    ],
)
def test_a_set_in_the_wrong_order(wrong: str, writes: list[tuple[RRset, RRset | None]], soak: int) -> None:
    changes = [(100, Change(before, after)) for before, after in writes]
    answers = [Span(ALWAYS, FOREVER, before) for before, _ in writes]
    (found,) = disorder(changes, answers, mx(30, (10, NEW)), soak)
    assert wrong in found


@pytest.mark.parametrize(
    ("ds", "keys", "wrong"),
    [
        # the DS comes when the last unsigned answer has run out, or a second before
        ([(0, UNSIGNED), (1100, SIGNED)], [(0, UNSIGNED), (100, SIGNED)], ""),
        ([(0, UNSIGNED), (1099, SIGNED)], [(0, UNSIGNED), (100, SIGNED)], "unsigned answers"),
        # the signatures go when the last DS has run out, or a second before
        ([(0, SIGNED), (100, UNSIGNED)], [(0, SIGNED), (700, UNSIGNED)], ""),
        ([(0, SIGNED), (100, UNSIGNED)], [(0, SIGNED), (699, UNSIGNED)], "unsigned answers"),
        # the new DS alone comes when the last old DNSKEY set has run out, or a second before
        ([(0, SIGNED), (600, BOTH), (1300, ROLLED)], [(0, SIGNED), (1200, BOTH)], ""),
        ([(0, SIGNED), (600, BOTH), (1299, ROLLED)], [(0, SIGNED), (1200, BOTH)], "keys [1]"),
        # the old key goes when the last old DS has run out, or a second before
        ([(0, SIGNED), (600, BOTH), (1300, ROLLED)], [(0, BOTH), (1900, ROLLED)], ""),
        ([(0, SIGNED), (1300, ROLLED)], [(0, BOTH), (1899, ROLLED)], "keys [2]"),
    ],
)
def test_a_ds_and_the_keys_behind_it(ds: list[tuple[int, Keys]], keys: list[tuple[int, Keys]], wrong: str) -> None:
    sets = [(at, rrset(DOMAIN, "DS", TTLS.ds, map(ds_of, tags)) if tags else None) for at, tags in ds]
    trusted = cached([history(*sets)], lambda held: held.ttl if held else TTLS.parent_negative)
    found = list(bogus(trusted, [history(*keys)], TTLS))
    assert len(found) == bool(wrong)
    assert all(wrong in one for one in found)


@pytest.mark.parametrize(
    ("records", "installed", "found"),
    [
        ([(0, b"a"), (100, b"ab"), (5000, b"b")], 400, False),
        ([(0, b"a"), (100, b"ab"), (5000, b"b")], 399, True),
        ([(0, b""), (100, b"b")], 100, False),
        ([(0, b"ab"), (100, b"b")], 101, True),
    ],
)
def test_a_tlsa_set_and_the_certificate(records: list[tuple[int, bytes]], installed: int, *, found: bool) -> None:
    sets = [
        (at, rrset("_25._tcp.mx.example", "TLSA", 300, [tlsa_of(bytes([one])) for one in held]) if held else None)
        for at, held in records
    ]
    answers = cached([history(*sets)], lambda held: held.ttl if held else 900)
    presented = history((ALWAYS, b"a"), (installed, b"b"))
    assert bool(list(mismatched([Span(ALWAYS, FOREVER, None)], answers, [presented]))) == found


@pytest.mark.parametrize(("ttl", "found"), [(300, False), (301, True)])
def test_the_last_ds_goes_when_nobody_relies_on_dane_any_more(ttl: int, *, found: bool) -> None:
    held = rrset(DOMAIN, "DS", TTLS.ds, [ds_of(1), ds_of(2)])
    rest = rrset(DOMAIN, "DS", TTLS.ds, [ds_of(2)])
    writes = [(50, Change(held, rest)), (400, Change(rest, None))]
    assert bool(list(relied(writes, [Span(0, 100 + ttl, mx(ttl, (10, NEW)))]))) == found


def test_a_write_over_another_set_or_another_key_is_wrong() -> None:
    held = mx(300, (10, OLD))
    zone = Published(ZONE, {KEY: held}, 300, Seeded(1))
    assert not zone.write(5, Change(mx(300, (10, NEW)), mx(30, (10, NEW))))
    other = rrset("other.example", "MX", 300, [Mx(10, OLD)])
    assert not zone.write(6, Change(None, other))
    assert zone.live() == {KEY: held}
    assert [one.split(" ")[0] for one in zone.wrong] == ["wrote:", "wrote:"]
    assert Key(DOMAIN, "MX") == KEY
