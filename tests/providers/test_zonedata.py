"""What adapters that hold a whole zone have in common: the reasons they give."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Live, RRset, ZoneRef, name
from providers.contract import Outcome, Status, Unsupported
from providers.zonedata import ZoneData, guard, highest_by_type, require_writable

MakeSet = Callable[..., RRset]
APEX = name("example.com")
ZONE = ZoneRef("files", "zonefile", "zones", "example.com.zone", APEX)
DIGEST = "0f" * 32
HOLDS = {
    "example.com": ("SOA", "NS", "MX"),
    "alias.example.com": ("CNAME",),
    "broken.example.com": ("CNAME", "MX", "TXT"),
    "sub.example.com": ("NS", "DS", "MX", "TXT"),
    "x.sub.example.com": ("MX",),
    "moved.example.com": ("DNAME", "MX"),
    "a.moved.example.com": ("MX",),
    "a.b.example.com": ("A",),
}


@pytest.fixture
def data(rrs: MakeSet) -> ZoneData:
    values = {"MX": "0 m.", "TXT": '"x"', "DS": f"1 13 2 {DIGEST}"}

    def stored(key: Key) -> RRset | None:
        held = key.type in HOLDS.get(key.owner.removesuffix("."), ())
        return rrs(key.owner, key.type, 60, values[key.type]) if held else None

    return ZoneData(APEX, {name(owner): types for owner, types in HOLDS.items()}, stored)


@pytest.mark.parametrize(
    ("owner", "rdata_type", "reason"),
    [
        ("broken.example.com", "MX", "CNAME at the name"),
        ("broken.example.com", "TXT", "CNAME at the name"),
        ("sub.example.com", "MX", "hidden by the zone cut at sub.example.com.: the zone never answers with it"),
        ("sub.example.com", "TXT", "hidden by the zone cut at sub.example.com.: the zone never answers with it"),
        ("_25._tcp.sub.example.com", "TLSA", "hidden by the zone cut at sub.example.com.: the zone never answers with it"),
        ("x.sub.example.com", "MX", "hidden by the zone cut at sub.example.com.: the zone never answers with it"),
        ("x.sub.example.com", "DS", "hidden by the zone cut at sub.example.com.: the zone never answers with it"),
        ("a.moved.example.com", "MX", "hidden by the DNAME at moved.example.com.: the zone never answers with it"),
    ],
)
def test_a_set_that_the_zone_never_answers_with_is_irregular_and_says_why(
    data: ZoneData, owner: str, rdata_type: str, reason: str
) -> None:
    key = Key(name(owner), rdata_type)
    assert data.live(key) == Irregular(key, reason)


def test_a_cut_holds_its_own_ds_and_a_dname_its_own_name(data: ZoneData, mx: MakeSet, rrs: MakeSet) -> None:
    assert data.live(Key(name("sub.example.com"), "DS")) == rrs("sub.example.com", "DS", 60, f"1 13 2 {DIGEST}")
    assert data.live(Key(name("moved.example.com"), "MX")) == mx("moved.example.com", "0 m.", ttl=60)
    assert data.live(Key(name("alias.example.com"), "MX")) is None


def test_a_snapshot_has_the_names_that_exist_with_all_their_types(data: ZoneData) -> None:
    owners = ["example.com", "sub.example.com", "b.example.com", "c.example.com"]
    snapshot = data.snapshot(ZONE, [Key(name(owner), "MX") for owner in owners], "7")
    assert snapshot.nodes == {
        "example.com.": {"SOA", "NS", "MX"},
        "sub.example.com.": {"NS", "DS", "MX", "TXT"},
        "b.example.com.": frozenset(),
    }
    assert (snapshot.zone, snapshot.token) == (ZONE, "7")


@pytest.mark.parametrize(
    ("owner", "rdata_type", "reason"),
    [
        ("alias.example.com", "MX", "holds a CNAME, which stands alone"),
        ("alias.example.com", "TXT", "holds a CNAME, which stands alone"),
        ("sub.example.com", "TXT", "is hidden by the zone cut at sub.example.com."),
        ("a.b.example.com", "DS", "is no delegation"),
        ("sub.example.com", "DS", None),
        ("new.example.com", "MX", None),
    ],
)
def test_what_is_against_a_set_is_told(data: ZoneData, owner: str, rdata_type: str, reason: str | None) -> None:
    found = data.obstacle(Key(name(owner), rdata_type))
    assert found is None if reason is None else found is not None and reason in found


@pytest.mark.parametrize(
    ("owner", "rdata_type", "value", "reason"),
    [
        ("example.com", "A", "192.0.2.1", "records of type A are read and never written"),
        ("example.net", "MX", "0 m.", "example.net. does not lie in the zone"),
        ("xexample.com", "TXT", '"x"', "xexample.com. does not lie in the zone"),
        ("x\\.example.com", "MX", "0 m.", "does not lie in the zone"),
        ("example.com", "DS", f"1 13 2 {DIGEST}", "the DS of example.com. belongs into its parent zone"),
    ],
)
def test_what_could_never_be_written_is_refused_with_the_reason(
    rrs: MakeSet, owner: str, rdata_type: str, value: str, reason: str
) -> None:
    with pytest.raises(Unsupported) as caught:
        require_writable(ZONE, rrs(owner, rdata_type, 60, value))
    assert reason in caught.value.detail
    assert caught.value.detail.startswith("provider files: ")


def test_the_guard_names_the_conflicts_and_leaves_the_others_untried(mx: MakeSet) -> None:
    old, new, theirs = (mx("example.com", f"{number} m.") for number in range(3))
    there, not_there = mx("a.example.com", "0 m."), Key(name("b.example.com"), "MX")
    live: dict[Key, Live] = {old.key: old, there.key: there, not_there: None}
    base = Snapshot(ZONE, dict(live), {})
    delete = Change(there, None)
    assert guard(base, live.get, [Change(old, new), delete]) is None
    conflict = Outcome(Status.CONFLICT, "the set is not the one that the change replaces")
    untried = Outcome(Status.NOT_TRIED, "another change of the same call met a conflict")
    assert guard(base, live.get, [Change(theirs, new), delete]) == {old.key: conflict, there.key: untried}
    changed = Outcome(Status.CONFLICT, "the set changed since it was read")
    assert guard(base, {**live, old.key: theirs}.get, [Change(old, new)]) == {old.key: changed}
    unread = Outcome(Status.CONFLICT, "the key was not read before the change")
    assert guard(Snapshot(ZONE, {}, {}), live.get, [Change(old, new)]) == {old.key: unread}


def test_two_changes_of_one_key_are_a_mistake_of_the_caller(mx: MakeSet) -> None:
    old, new = (mx("example.com", f"{number} m.") for number in range(2))
    with pytest.raises(ValueError, match="two changes of one call name the same key"):
        guard(Snapshot(ZONE, {old.key: old}, {}), {old.key: old}.get, [Change(old, new), Change(old, None)])


def test_the_highest_ttl_of_each_type_is_kept_of_what_goes_by() -> None:
    assert highest_by_type(iter([("A", 60), ("MX", 5), ("A", 7200), ("A", 300)])) == {"A": 7200, "MX": 5}
    assert highest_by_type(iter(())) == {}


def test_a_ttl_that_cannot_be_told_ends_the_looking() -> None:
    rest = iter([("A", 60), ("A", None), ("MX", 5)])
    assert highest_by_type(rest) is None
    assert list(rest) == [("MX", 5)]
