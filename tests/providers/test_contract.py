"""What every adapter keeps, shown on those that hold a whole zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Name, RRset, ZoneRef, name, parse_value, rrset
from providers.contract import Context, Outcome, Provider, Status, Unsupported, ZoneNotFound
from providers.memory import Memory
from providers.zonefile import ADAPTER as ZONEFILE
from providers.zonefile import ZoneFileOptions

MakeSet = Callable[..., RRset]
ZONE = name("example.com")
MX, TLSA, DS = Key(ZONE, "MX"), Key(name("_25._tcp.mail.example.com"), "TLSA"), Key(name("sub.example.com"), "DS")
CERTIFICATE = "0f" * 32
RECORDS = [
    ("example.com", "SOA", 3600, ["ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 300"]),
    ("example.com", "NS", 3600, ["ns1.example.com."]),
    ("example.com", "MX", 3600, ["10 old.example.com.", "20 older.example.com."]),
    ("example.com", "TXT", 3600, ['"v=spf1 -all"']),
    ("mail.example.com", "A", 300, ["192.0.2.1"]),
    ("_25._tcp.mail.example.com", "TLSA", 3600, [f"3 1 1 {CERTIFICATE}"]),
    ("a.deep.example.com", "A", 300, ["192.0.2.2"]),
    ("alias.example.com", "CNAME", 300, ["mail.example.com."]),
    ("broken.example.com", "CNAME", 300, ["mail.example.com."]),
    ("broken.example.com", "MX", 300, ["0 mail.example.com."]),
    ("sub.example.com", "NS", 3600, ["ns.sub.example.com."]),
    ("sub.example.com", "DS", 3600, [f"1 13 2 {CERTIFICATE}"]),
    ("ns.sub.example.com", "A", 3600, ["192.0.2.3"]),
    ("x.sub.example.com", "MX", 3600, ["0 mail.example.com."]),
]


@pytest.fixture(params=["memory", "zonefile"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Provider:
    sets = [
        rrset(owner, rdata_type, ttl, [parse_value(rdata_type, value) for value in values])
        for owner, rdata_type, ttl, values in RECORDS
    ]
    mixed = Irregular(Key(name("mixed.example.com"), "MX"), "mixed TTLs 60, 300")
    if request.param == "memory":
        return Memory("files", {ZONE: [*sets, mixed], name("other.example"): []})
    lines = [f"{held.key.owner} {held.ttl} {held.key.type} {value}\n" for held in sets for value in held.values]
    lines += ["mixed.example.com. 60 MX 1 a.\n", "mixed.example.com. 300 MX 2 b.\n"]
    (tmp_path / "example.com.zone").write_text("".join(lines))
    (tmp_path / "other.example.zone").write_text("@ 60 SOA a b 1 1 1 1 1\n")
    context = Context(tmp_path, lambda: datetime(2024, 6, 15, tzinfo=UTC))
    opened: Provider = ZONEFILE.open("files", ZoneFileOptions(type="zonefile", directory="."), context)
    return opened


@pytest.fixture
def zone(provider: Provider) -> ZoneRef:
    return provider.zones([ZONE])[ZONE]


def everything(provider: Provider, zone: ZoneRef) -> Snapshot:
    owners = {owner for owner, *_ in RECORDS} | {"mixed.example.com", "new.example.com"}
    types = {rdata_type for _, rdata_type, *_ in RECORDS} - {"SOA"}
    return provider.read(zone, [Key(name(owner), rdata_type) for owner in owners for rdata_type in types])


def test_zones_gives_the_longest_match_and_leaves_out_what_is_not_held(provider: Provider, zone: ZoneRef) -> None:
    asked = [ZONE, name("a.b.example.com"), name("other.example"), name("com"), name("elsewhere.net"), name("xexample.com")]
    found = provider.zones(asked)
    assert {asked: reference.name for asked, reference in found.items()} == {
        ZONE: ZONE,
        name("a.b.example.com"): ZONE,
        name("other.example"): name("other.example"),
    }
    assert found[name("a.b.example.com")] == zone
    assert zone.provider == "files"


def test_a_set_is_read_whole(provider: Provider, zone: ZoneRef, mx: MakeSet, rrs: MakeSet) -> None:
    snapshot = provider.read(zone, [MX, TLSA, Key(ZONE, "TXT")])
    assert snapshot.zone == zone
    assert snapshot.sets == {
        MX: mx("example.com", "10 old.example.com.", "20 older.example.com."),
        TLSA: rrs("_25._tcp.mail.example.com", "TLSA", 3600, f"3 1 1 {CERTIFICATE}"),
        Key(ZONE, "TXT"): rrs("example.com", "TXT", 3600, '"v=spf1 -all"'),
    }


def test_an_absent_set_is_known_to_be_absent(provider: Provider, zone: ZoneRef) -> None:
    keys = [Key(name("new.example.com"), "MX"), Key(ZONE, "TLSA"), Key(name("alias.example.com"), "MX")]
    assert provider.read(zone, keys).sets == dict.fromkeys(keys)


def test_a_set_that_cannot_be_owned_is_irregular_and_says_why(provider: Provider, zone: ZoneRef) -> None:
    owners = ("mixed", "broken", "x.sub", "sub")
    keys = [Key(name(f"{owner}.example.com"), "MX") for owner in owners]
    reasons = {key.owner: found.reason for key, found in provider.read(zone, keys).sets.items() if isinstance(found, Irregular)}
    hidden = "hidden by the zone cut at sub.example.com.: the zone never answers with it"
    assert reasons == {
        "mixed.example.com.": "mixed TTLs 60, 300",
        "broken.example.com.": "CNAME at the name",
        "x.sub.example.com.": hidden,
        "sub.example.com.": hidden,
    }


def test_nodes_tell_types_empty_non_terminals_and_what_does_not_exist(provider: Provider, zone: ZoneRef) -> None:
    owners = [
        "example.com",
        "mail.example.com",
        "deep.example.com",
        "_tcp.mail.example.com",
        "new.example.com",
        "sub.example.com",
    ]
    nodes = provider.read(zone, [Key(name(owner), "MX") for owner in owners]).nodes
    assert nodes == {
        "example.com.": {"SOA", "NS", "MX", "TXT"},
        "mail.example.com.": {"A"},
        "deep.example.com.": frozenset(),
        "_tcp.mail.example.com.": frozenset(),
        "sub.example.com.": {"NS", "DS"},
    }


def test_an_unknown_zone_is_not_found(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    for other in (replace(zone, name=name("gone.example")), replace(zone, account="elsewhere"), replace(zone, id="../x")):
        with pytest.raises(ZoneNotFound):
            provider.read(other, [MX])
        with pytest.raises(ZoneNotFound):
            provider.apply(Snapshot(other, {MX: None}, {}), [Change(None, mx("example.com", "0 m."))])


def test_a_writable_set_is_its_own_canonical_form(provider: Provider, zone: ZoneRef, mx: MakeSet, rrs: MakeSet) -> None:
    for wanted in (mx("new.example.com", "0 ."), rrs("sub.example.com", "DS", 60, f"1 13 2 {CERTIFICATE}")):
        assert provider.canonical(zone, wanted) == wanted


@pytest.mark.parametrize(
    ("owner", "rdata_type", "value", "reason"),
    [
        ("example.com", "TXT", '"x"', "never written"),
        ("example.net", "MX", "0 m.", "does not lie in the zone"),
        ("xexample.com", "MX", "0 m.", "does not lie in the zone"),
        ("x\\.example.com", "MX", "0 m.", "does not lie in the zone"),
        ("example.com", "DS", f"1 13 2 {CERTIFICATE}", "belongs into its parent"),
    ],
)
def test_what_could_never_be_written_is_refused_while_planning(
    provider: Provider, zone: ZoneRef, rrs: MakeSet, owner: str, rdata_type: str, value: str, reason: str
) -> None:
    with pytest.raises(Unsupported) as caught:
        provider.canonical(zone, rrs(owner, rdata_type, 60, value))
    assert reason in caught.value.detail


def applied(provider: Provider, zone: ZoneRef, key: Key, after: RRset | None) -> None:
    """Change one key and show that it stands, that nothing else moved, and that nothing is left to do."""
    before = everything(provider, zone)
    base = provider.read(zone, [key])
    live = base.sets[key]
    assert live is None or isinstance(live, RRset)
    assert provider.apply(base, [Change(live, after)]) == {key: Outcome(Status.WRITTEN)}
    again = everything(provider, zone)
    assert provider.read(zone, [key]).sets[key] == after
    assert {other: found for other, found in again.sets.items() if other != key} == {
        other: found for other, found in before.sets.items() if other != key
    }
    assert again.token != before.token


def test_a_set_is_created(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    applied(provider, zone, Key(name("new.example.com"), "MX"), mx("new.example.com", "0 m.", "1 n.", ttl=60))
    assert everything(provider, zone).nodes[name("new.example.com")] == {"MX"}


def test_a_set_is_replaced(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    applied(provider, zone, MX, mx("example.com", "0 example-com.o-v1.mx.microsoft.", ttl=300))


def test_a_set_is_deleted(provider: Provider, zone: ZoneRef) -> None:
    applied(provider, zone, TLSA, None)
    assert name("mail.example.com") in everything(provider, zone).nodes
    assert TLSA.owner not in everything(provider, zone).nodes


def test_several_changes_of_one_call_are_all_made(provider: Provider, zone: ZoneRef, mx: MakeSet, rrs: MakeSet) -> None:
    base = provider.read(zone, [MX, TLSA, DS])
    new = mx("example.com", "0 m.")
    changes = [
        Change(mx("example.com", "10 old.example.com.", "20 older.example.com."), new),
        Change(rrs("_25._tcp.mail.example.com", "TLSA", 3600, f"3 1 1 {CERTIFICATE}"), None),
        Change(rrs("sub.example.com", "DS", 3600, f"1 13 2 {CERTIFICATE}"), None),
    ]
    assert set(provider.apply(base, changes).values()) == {Outcome(Status.WRITTEN)}
    assert provider.read(zone, [MX, TLSA, DS]).sets == {MX: new, TLSA: None, DS: None}


def test_no_change_is_no_write(provider: Provider, zone: ZoneRef) -> None:
    base = provider.read(zone, [MX])
    assert provider.apply(base, []) == {}
    assert provider.read(zone, [MX]) == base


def statuses(outcomes: object) -> dict[Key, Status]:
    assert isinstance(outcomes, dict)
    return {key: outcome.status for key, outcome in outcomes.items()}


def test_a_key_that_changed_since_it_was_read_is_a_conflict(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    base = provider.read(zone, [MX])
    old = base.sets[MX]
    assert isinstance(old, RRset)
    theirs, ours = mx("example.com", "0 theirs."), mx("example.com", "0 ours.")
    provider.apply(base, [Change(old, theirs)])
    assert statuses(provider.apply(base, [Change(old, ours)])) == {MX: Status.CONFLICT}
    assert provider.read(zone, [MX]).sets[MX] == theirs


def test_a_change_of_something_else_than_what_stands_there_is_a_conflict(
    provider: Provider, zone: ZoneRef, mx: MakeSet, rrs: MakeSet
) -> None:
    base = provider.read(zone, [MX, TLSA])
    wrong = Change(mx("example.com", "0 imagined."), mx("example.com", "0 ours."))
    right = Change(rrs("_25._tcp.mail.example.com", "TLSA", 3600, f"3 1 1 {CERTIFICATE}"), None)
    outcomes = provider.apply(base, [right, wrong])
    assert statuses(outcomes) == {MX: Status.CONFLICT, TLSA: Status.NOT_TRIED}
    assert all(outcome.detail for outcome in outcomes.values())
    assert provider.read(zone, [MX, TLSA]) == base


def test_a_base_that_was_made_up_or_lacks_the_key_is_a_conflict(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    base = provider.read(zone, [MX])
    imagined, ours = mx("example.com", "0 imagined."), mx("example.com", "0 ours.")
    forged = replace(base, sets={MX: imagined})
    assert statuses(provider.apply(forged, [Change(imagined, ours)])) == {MX: Status.CONFLICT}
    create = Change(None, mx("new.example.com", "0 ours."))
    assert statuses(provider.apply(base, [create])) == {create.key: Status.CONFLICT}
    assert provider.read(zone, [MX]) == base


def test_an_irregular_set_is_never_replaced(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    for owner in ("mixed.example.com", "broken.example.com", "x.sub.example.com"):
        base = provider.read(zone, [Key(name(owner), "MX")])
        outcomes = provider.apply(base, [Change(None, mx(owner, "0 ours."))])
        assert set(statuses(outcomes).values()) == {Status.CONFLICT}
        assert provider.read(zone, list(base.sets)) == base


def test_a_set_is_not_put_beside_a_cname(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    base = provider.read(zone, [Key(name("alias.example.com"), "MX")])
    with pytest.raises(Unsupported, match="CNAME"):
        provider.apply(base, [Change(None, mx("alias.example.com", "0 ours."))])
    assert provider.read(zone, list(base.sets)) == base


def test_a_set_outside_the_zone_is_refused_before_anything_is_written(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    outside = Key(Name("example.net."), "MX")
    base = provider.read(zone, [outside, MX])
    assert base.sets[outside] is None
    assert outside.owner not in base.nodes
    old = base.sets[MX]
    assert isinstance(old, RRset)
    with pytest.raises(Unsupported):
        provider.apply(base, [Change(old, None), Change(None, mx("example.net", "0 ours."))])
    assert provider.read(zone, [outside, MX]) == base


def test_two_changes_of_one_key_are_a_mistake_of_the_caller(provider: Provider, zone: ZoneRef, mx: MakeSet) -> None:
    base = provider.read(zone, [MX])
    old = base.sets[MX]
    assert isinstance(old, RRset)
    with pytest.raises(ValueError, match="same key"):
        provider.apply(base, [Change(old, None), Change(old, mx("example.com", "0 m."))])
    assert provider.read(zone, [MX]) == base
