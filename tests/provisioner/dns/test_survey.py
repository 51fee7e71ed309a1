from __future__ import annotations

from pathlib import Path

import pytest

from plans.facts import NoAnswer
from plans.values import Irregular, Key, Live, Name, RRset, name
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.dns.client import Patience
from provisioner.targets import Target
from tests.emulators.dns import Fault
from tests.provisioner.dns.asking import CONTOSO
from tests.provisioner.dns.conftest import (
    CONTOSO_ZONE,
    EXAMPLE_ZONE,
    FIRST,
    PATIENCE,
    RECURSIVE,
    ROOT,
    ROOT_ZONE,
    SECOND,
    TLD,
    World,
)

SHORT, LESS = Patience(udp=(0.3,), tcp=2.0), Patience(udp=(1.0, 1.0), tcp=5.0)
RIGHT = "0 contoso-example.mail.protection.outlook.com."


@pytest.fixture(params=[False, True], ids=["from the root", "through a forwarder"])
def forward(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def told(
    world: World, owner: str, kind: str = "MX", *, forward: bool = False, patience: Patience = PATIENCE
) -> Live | NoAnswer:
    with world.lookup(forward=forward).survey(patience) as survey:
        (observation,) = survey.observe([Key(name(owner), kind)])
    return observation.agreed


def mx(live: Live | NoAnswer) -> list[str]:
    assert isinstance(live, RRset), live
    return list(map(str, live.values))


def test_every_name_server_is_asked_at_one_address(world: World, forward: bool) -> None:
    assert mx(told(world, "contoso.example", forward=forward)) == [RIGHT]
    asked = [(one.address, one.name) for one in world.servers.asked if one.type == "MX"]
    assert sorted(asked) == [(FIRST, "contoso.example."), (SECOND, "contoso.example.")]
    assert len({one.spelt for one in world.servers.asked if one.type == "MX"}) == 2


@pytest.mark.parametrize(
    ("owner", "kind", "expected"),
    [
        ("nothing.contoso.example", "MX", None),
        ("contoso.example", "AAAA", None),
        ("undelegated.example", "MX", None),
    ],
)
def test_what_is_no_plain_set_is_told_as_whoever_looks_closer_tells_it(
    world: World, forward: bool, owner: str, kind: str, expected: Live
) -> None:
    assert told(world, owner, kind, forward=forward) == expected


def test_an_alias_is_no_set(world: World, forward: bool) -> None:
    live = told(world, "www.contoso.example", forward=forward)
    assert isinstance(live, NoAnswer if forward else Irregular)


def test_a_set_of_another_type_is_read_too(world: World, forward: bool) -> None:
    assert mx(told(world, "contoso.example", "TXT", forward=forward)) == ['"v=spf1 -all"']


WELL = [(), (Fault.TRUNCATED,), (Fault.TRUNCATED_IN_A_RECORD,), (Fault.LOWER_CASE,), (Fault.FORGED_FIRST,)]
ILL = [
    (Fault.REFUSED,),
    (Fault.SERVFAIL,),
    (Fault.NO_AUTHORITY,),
    (Fault.UPWARD,),
    (Fault.SILENT,),
    (Fault.GARBAGE,),
    (Fault.TRUNCATED_ALWAYS,),
    (Fault.TRUNCATED, Fault.CLOSES_TCP),
    (Fault.OTHER_ID,),
    (Fault.OTHER_QUESTION,),
    (Fault.OTHER_RECORDS,),
    (Fault.MIXED_TTLS,),
    (Fault.NO_EDNS,),
]


@pytest.mark.parametrize("faults", WELL, ids=str)
def test_a_server_that_can_be_understood_is(world: World, faults: tuple[Fault, ...]) -> None:
    world.servers.fail(SECOND, *faults)
    assert mx(told(world, "contoso.example")) == [RIGHT]


@pytest.mark.parametrize("faults", ILL, ids=str)
def test_a_server_that_does_not_answer_or_not_as_it_should_leaves_it_open(
    world: World, forward: bool, faults: tuple[Fault, ...]
) -> None:
    world.servers.fail(SECOND, *faults)
    assert isinstance(told(world, "contoso.example", forward=forward, patience=SHORT), NoAnswer | Irregular)


@pytest.mark.parametrize("other", ["0 other.test.", "10 contoso-example.mail.protection.outlook.com."])
def test_servers_that_differ_leave_it_open(world: World, other: str) -> None:
    world.servers.serve(
        "contoso.example.", f"{CONTOSO_ZONE}\n".replace("0 Contoso-Example.mail.protection.outlook.com.", other), SECOND
    )
    assert told(world, "contoso.example") == NoAnswer("its servers answer differently")


@pytest.mark.parametrize("silent", [ROOT, TLD])
def test_where_the_way_to_the_zone_is_not_found_nothing_is_told(world: World, silent: str) -> None:
    world.servers.fail(silent, Fault.SILENT)
    assert isinstance(told(world, "contoso.example", patience=SHORT), NoAnswer)


def test_a_root_that_nobody_knows_is_no_answer(world: World, tmp_path: Path) -> None:
    lookup = PublicLookup(ResolverOptions(hints=tmp_path / "missing", port=world.servers.port))
    with lookup.survey(PATIENCE) as survey:
        (observation,) = survey.observe([Key(CONTOSO, "MX")])
    assert "cannot be read" in str(observation.agreed)


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.SERVFAIL, Fault.GARBAGE, Fault.REFUSED])
def test_a_forwarder_that_does_not_help_is_no_answer_and_the_next_one_is_asked(world: World, fault: Fault) -> None:
    world.servers.fail(RECURSIVE, fault)
    assert isinstance(told(world, "contoso.example", forward=True, patience=SHORT), NoAnswer)
    both = (Target(RECURSIVE, world.servers.port), Target(ROOT, world.servers.port))
    world.servers.recursive(ROOT)
    with PublicLookup(ResolverOptions(both, port=world.servers.port)).survey(LESS) as survey:
        (observation,) = survey.observe([Key(CONTOSO, "MX")])
    assert mx(observation.agreed) == [RIGHT]


def test_a_server_of_another_zone_is_looked_up_once(world: World, forward: bool) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}\nfabrikam NS ns1.contoso\nadatum NS ns1.contoso", TLD)
    for zone in ("fabrikam.example.", "adatum.example."):
        world.servers.serve(zone, "@ NS ns1.contoso.example.\n@ MX 0 mail.test.", FIRST)
    with world.lookup(forward=forward).survey(PATIENCE) as survey:
        found = list(survey.observe([Key(name("fabrikam.example"), "MX"), Key(name("adatum.example"), "MX")]))
    assert [mx(one.agreed) for one in found] == [["0 mail.test."]] * 2
    assert world.servers.count("ns1.contoso.example.", "A") <= 1


def test_a_server_that_holds_the_zone_above_as_well_tells_its_own_addresses(world: World) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}\nours NS ns1.ours\nours NS ns1.contoso", TLD)
    world.servers.serve("ours.example.", f"@ NS ns1\n@ NS ns1.contoso.example.\n@ MX 0 mail.test.\nns1 A {TLD}", TLD, FIRST)
    assert mx(told(world, "ours.example")) == ["0 mail.test."]


def test_servers_whose_addresses_depend_on_each_other_are_not_found(world: World) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}\nlost NS ns.lost\nround NS ns.about\nabout NS ns.round", TLD)
    assert "depend on each other" in str(told(world, "lost.example"))
    assert isinstance(told(world, "round.example"), NoAnswer)


def test_a_server_without_an_address_and_one_that_is_an_alias_are_no_answer(world: World, forward: bool) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}\nbare NS nothing.contoso\nalias NS www.contoso", TLD)
    world.servers.serve("bare.example.", "@ MX 0 mail.test.", FIRST)
    world.servers.serve("alias.example.", "@ MX 0 mail.test.", FIRST)
    for owner in ("bare.example", "alias.example"):
        assert isinstance(told(world, owner, forward=forward), NoAnswer)


def test_a_zone_with_more_servers_than_is_reasonable_is_left_to_others(world: World) -> None:
    crowd = "".join(f"crowd NS ns{number}.contoso\n" for number in range(14))
    world.servers.serve("example.", f"{EXAMPLE_ZONE}\n{crowd}", TLD)
    assert "14 servers" in str(told(world, "crowd.example"))


def test_an_address_that_cannot_be_reached_is_passed_over_for_another_family(world: World) -> None:
    world.servers.serve(".", ROOT_ZONE, ROOT)
    world.servers.serve("example.", f"{EXAMPLE_ZONE}\nsix NS ns.six\nns.six AAAA fe80::1\nns.six A {FIRST}", TLD)
    world.servers.serve("six.example.", "@ MX 0 mail.test.", FIRST)
    assert mx(told(world, "six.example")) == ["0 mail.test."]
    world.servers.serve("example.", f"{EXAMPLE_ZONE}\nsix NS ns.six\nns.six AAAA fe80::1", TLD)
    assert "no address to which there is a way" in str(told(world, "six.example"))


def test_a_server_at_which_nobody_listens_is_no_answer(world: World) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}\nshut NS ns.shut\nns.shut A 127.0.53.99", TLD)
    assert "refused" in str(told(world, "shut.example"))


def test_what_no_type_is_called_is_no_question(world: World) -> None:
    with world.lookup().survey() as survey, pytest.raises(ExceptionGroup):
        list(survey.observe([Key(CONTOSO, "NOTYPE")]))


def test_the_root_itself_and_a_top_level_domain_can_be_asked_for(world: World) -> None:
    assert told(world, "example") is None
    with world.lookup().survey(PATIENCE) as survey:
        (observation,) = survey.observe([Key(Name("."), "MX")])
    assert observation.told == (None,)
