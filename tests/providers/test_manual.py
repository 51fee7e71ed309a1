"""Zones that a person changes, read in public DNS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.plan import Change
from plans.rollout import domain as domain_rollout
from plans.rollout import surroundings
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Name, RRset, ZoneRef, name
from providers.contract import Access, Context, Provider, Unavailable, Unsupported
from providers.manual import ADAPTER, UNTOLD
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.dns.client import Client, Patience
from tests.emulators.dns import DnsWorld, Fault, dns_world

UPPER, FIRST, SECOND = "127.0.54.1", "127.0.54.2", "127.0.54.3"
CONTOSO = name("contoso.example")
ZONE = ZoneRef("theirs", "manual", "", "contoso.example.", CONTOSO)
ZONE_TEXT = """
@ NS ns1.elsewhere.
@ 600 MX 10 mail
@ TXT "v=spf1 -all"
@ A 192.0.2.1
mail A 192.0.2.2
*.wild 300 MX 10 mail
real.wild 300 MX 10 mail
real.wild TXT "real"
twin.wild 300 MX 10 mail
*.twin.wild 300 MX 20 mail
plain.wild 300 MX 10 mail
*.text TXT "text"
*.alias CNAME mail
www CNAME mail
deep.empty A 192.0.2.3
sub NS ns1.elsewhere.
"""

Read = Callable[..., Snapshot]
MakeSet = Callable[..., RRset]


@pytest.fixture
def servers() -> Iterator[DnsWorld]:
    with dns_world(UPPER, FIRST, SECOND) as world:
        hosts = f"ns.root. A {UPPER}\nns1.elsewhere. A {FIRST}\nns2.elsewhere. A {SECOND}\n"
        world.serve(".", f"example. NS ns.root.\n{hosts}", UPPER)
        world.serve("example.", "@ NS ns.root.\ncontoso NS ns1.elsewhere.\ncontoso NS ns2.elsewhere.", UPPER)
        world.serve("contoso.example.", ZONE_TEXT, FIRST, SECOND)
        yield world


@pytest.fixture
def manual(servers: DnsWorld, tmp_path: Path) -> Provider:
    hints = tmp_path / "hints"
    hints.write_text(f". NS ns.root.\nns.root. A {UPPER}\n")
    lookup = PublicLookup(ResolverOptions(hints=hints, port=servers.port), Client(Patience((2.0, 4.0), 5.0)))
    context = Context(tmp_path, lambda: datetime(2026, 7, 1, tzinfo=UTC), lookup=lookup)
    return ADAPTER.open("theirs", ADAPTER.options.model_validate({"type": "manual"}), context)


@pytest.fixture
def read(manual: Provider) -> Read:
    def reading(*keys: tuple[str, str]) -> Snapshot:
        return manual.read(ZONE, [Key(name(owner), kind) for owner, kind in keys])

    return reading


def around(manual: Provider, owner: str) -> Snapshot:
    return manual.read(ZONE, domain_rollout.keys(name(owner), CONTOSO))


def test_it_writes_nothing_and_says_so() -> None:
    assert not ADAPTER.capabilities.writes
    assert ADAPTER.capabilities.publishes == "dns"
    assert ADAPTER.options.model_fields.keys() == {"type", "propagation", "max_zone_ttl"}


def test_zones_are_found_where_they_are_delegated(manual: Provider) -> None:
    found = manual.zones([CONTOSO, name("a.b.contoso.example"), name("sub.contoso.example"), name("nobody.example")])
    below = ZoneRef("theirs", "manual", "", "sub.contoso.example.", name("sub.contoso.example"))
    assert found == {CONTOSO: ZONE, name("a.b.contoso.example"): ZONE, name("sub.contoso.example"): below}


def test_zones_that_cannot_be_told_are_unavailable(servers: DnsWorld, manual: Provider) -> None:
    servers.fail(UPPER, Fault.SERVFAIL)
    with pytest.raises(Unavailable):
        manual.zones([CONTOSO])


def test_nothing_can_be_listed_or_signed_and_no_server_is_its_own(manual: Provider) -> None:
    with pytest.raises(Unsupported, match="cannot list its zones"):
        manual.catalogue()
    assert manual.signer() is None
    assert manual.name_servers(ZONE) == frozenset()


def test_a_zone_that_is_served_is_readable_and_changed_by_hand(servers: DnsWorld, manual: Provider) -> None:
    assert manual.access(ZONE) == Access(readable=True, writable=False, detail="the zone is changed by hand")
    servers.fail(SECOND, Fault.REFUSED)
    with pytest.raises(Unavailable, match="REFUSED"):
        manual.access(ZONE)


def test_a_zone_without_soa_is_not_readable(servers: DnsWorld, manual: Provider) -> None:
    manual.access(ZONE)
    for address in (FIRST, SECOND):
        servers.fail(address, Fault.DENIES_SOA)
    assert manual.access(ZONE).readable is False


def test_sets_are_read_as_they_are_served(read: Read, rrs: MakeSet) -> None:
    snapshot = read(("contoso.example", "MX"), ("contoso.example", "TLSA"), ("none.contoso.example", "TXT"))
    assert snapshot.sets == {
        Key(CONTOSO, "MX"): rrs("contoso.example", "MX", 600, "10 mail.contoso.example."),
        Key(CONTOSO, "TLSA"): None,
        Key(name("none.contoso.example"), "TXT"): None,
    }
    assert snapshot.zone == ZONE


def test_names_hold_what_was_found_of_them(read: Read) -> None:
    owners = ["contoso.example", "mail.contoso.example", "empty.contoso.example", "none.contoso.example", "www.contoso.example"]
    snapshot = read(*[(owner, "MX") for owner in owners], ("contoso.example", "A"))
    assert snapshot.nodes == {
        CONTOSO: {"MX", "A", "NS"},
        name("mail.contoso.example"): {UNTOLD},
        name("empty.contoso.example"): {UNTOLD},
        name("www.contoso.example"): {"CNAME"},
    }


def test_a_name_outside_the_zone_is_not_there(read: Read, servers: DnsWorld) -> None:
    snapshot = read(("fabrikam.example", "MX"), ("notcontoso.example", "MX"))
    assert set(snapshot.sets.values()) == {None}
    assert snapshot.nodes == {}
    assert servers.asked == []


def test_an_alias_is_irregular_and_seen(read: Read, manual: Provider) -> None:
    key = Key(name("www.contoso.example"), "MX")
    assert read((key.owner, "MX")).sets == {key: Irregular(key, "CNAME at the name")}
    assert around(manual, "www.contoso.example").sets[Key(key.owner, "CNAME")] is not None


@pytest.mark.parametrize("both", [False, True], ids=["below elsewhere", "below at the same server"])
def test_what_lies_at_or_below_a_cut_is_hidden(servers: DnsWorld, read: Read, both: bool) -> None:
    if both:
        servers.serve("sub.contoso.example.", "@ NS ns1.elsewhere.\n@ MX 0 x\na MX 0 x", FIRST, SECOND)
    cut, below = name("sub.contoso.example"), name("a.sub.contoso.example")
    snapshot = read((cut, "MX"), (cut, "DS"), (below, "MX"), (cut, "NS"))
    reason = f"hidden by the zone cut at {cut}: the zone never answers with it"
    assert snapshot.sets[Key(cut, "MX")] == Irregular(Key(cut, "MX"), reason)
    assert snapshot.sets[Key(below, "MX")] == Irregular(Key(below, "MX"), reason)
    assert snapshot.sets[Key(cut, "DS")] is None
    assert isinstance(snapshot.sets[Key(cut, "NS")], RRset)
    assert "NS" in snapshot.nodes[cut]
    assert below not in snapshot.nodes


@pytest.mark.parametrize(
    ("owner", "is_there"),
    [
        ("made.wild", False),
        ("far.made.wild", False),
        ("real.wild", True),
        ("plain.wild", True),
        ("twin.wild", True),
        ("*.wild", True),
        ("made.text", False),
        ("made.alias", False),
        ("mail", True),
    ],
)
def test_what_a_wildcard_made_is_told_from_what_is_there(read: Read, owner: str, is_there: bool) -> None:
    asked = name(f"{owner}.contoso.example")
    snapshot = read((asked, "MX"), (asked, "A"))
    assert (asked in snapshot.nodes) is is_there
    assert (snapshot.sets[Key(asked, "MX")] is not None) is (is_there and owner != "mail")


@pytest.mark.parametrize(
    ("owner", "wildcard"),
    [("made.wild", "*.wild"), ("made.text", "*.text"), ("made.alias", "*.alias"), ("none", ""), ("real.wild", "")],
)
def test_a_wildcard_that_a_new_record_would_shadow_is_seen(manual: Provider, owner: str, wildcard: str) -> None:
    asked = name(f"{owner}.contoso.example")
    found = surroundings.shadowed_wildcard(asked, around(manual, asked))
    assert found == (Name(f"{wildcard}.contoso.example.") if wildcard else None)


def test_a_name_as_long_as_names_can_be_is_read(servers: DnsWorld, read: Read) -> None:
    labels = ".".join(["x" * 63, "x" * 63, "x" * 63, "x" * (253 - 3 * 64 - len(CONTOSO))])
    longest = name(f"{labels}.{CONTOSO}")
    assert len(longest) == 254
    assert read((longest, "MX")).nodes == {}
    servers.serve("contoso.example.", f"@ NS ns1.elsewhere.\n{longest} MX 0 x", FIRST, SECOND)
    assert read((longest, "MX")).nodes == {longest: {"MX"}}
    servers.serve("contoso.example.", "@ NS ns1.elsewhere.\n* MX 0 x", FIRST, SECOND)
    assert read((longest, "MX")).nodes == {}


def test_servers_that_differ_cannot_be_read(servers: DnsWorld, read: Read) -> None:
    servers.serve("contoso.example.", ZONE_TEXT.replace("@ 600 MX", "@ 900 MX"), SECOND)
    with pytest.raises(Unavailable, match="TTL 600"):
        read(("contoso.example", "MX"))


def test_sets_stay_as_they_are_wanted(manual: Provider, rrs: MakeSet) -> None:
    for wanted in (
        rrs("contoso.example", "MX", 300, "0 contoso-example.mail.protection.outlook.com."),
        rrs("contoso.example", "TXT", 300, '"MS=ms1"'),
        rrs("sub.contoso.example", "DS", 300, "1 13 2 " + "ab" * 32),
        rrs("_25._tcp.mail.contoso.example", "TLSA", 300, "3 1 1 " + "ab" * 32),
    ):
        assert manual.canonical(ZONE, wanted) == wanted


def test_sets_that_no_zone_takes_are_refused(manual: Provider, rrs: MakeSet) -> None:
    for wrong in (rrs("fabrikam.example", "MX", 300, "0 x."), rrs("contoso.example", "DS", 300, "1 13 2 " + "ab" * 32)):
        with pytest.raises(Unsupported):
            manual.canonical(ZONE, wrong)


def test_a_write_is_refused(manual: Provider, read: Read, rrs: MakeSet) -> None:
    change = Change(None, rrs("contoso.example", "TLSA", 300, "3 1 1 " + "ab" * 32))
    with pytest.raises(Unsupported, match="changed by hand"):
        manual.apply(read(("contoso.example", "TLSA")), [change])
