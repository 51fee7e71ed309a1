from __future__ import annotations

from pathlib import Path

import pytest

from plans.desired import Subject, SubjectKind
from plans.plan import Entry, Filters
from plans.problem import Problem
from plans.values import Name, name
from providers.contract import Unavailable, Unsupported
from tests.provisioner.worlds import CONTOSO, FABRIKAM, KEY, NEW, World, mx


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def entries(world: World, filters: Filters | None = None) -> dict[str, Entry]:
    with world.plan(filters) as plan:
        return {str(entry.subject): entry for entry in plan.entries()}


def codes(entry: Entry) -> list[str]:
    return [finding.code for finding in entry.findings]


def test_a_domain_that_is_right_has_nothing_to_say(world: World) -> None:
    with world.plan() as plan:
        assert [str(entry.subject) for entry in plan.entries()] == ["contoso.example"]
        assert (plan.totals.subjects, plan.totals.in_sync, plan.totals.change) == (2, 1, 1)


def test_entries_come_by_name_whatever_the_order_in_the_manifest(world: World) -> None:
    world.provider.put(FABRIKAM, mx("fabrikam-example.mail.protection.outlook.com", FABRIKAM))
    world.listed = (FABRIKAM, CONTOSO)
    assert list(entries(world)) == ["contoso.example", "fabrikam.example"]


def test_a_provider_that_fails_while_it_is_read_stops_its_domains(world: World) -> None:
    world.provider.read_error = Unavailable("No answer", "From mem.", "Try again.")
    told = entries(world)
    assert {subject: codes(entry) for subject, entry in told.items()} == {
        "contoso.example": ["zone-unreadable"],
        "fabrikam.example": ["zone-unreadable"],
    }


def test_a_provider_that_cannot_find_zones_stops_its_domains_and_one_that_holds_none_blocks_them(world: World) -> None:
    world.listed = (CONTOSO, name("lost.example"))
    world.hosts[name("lost.example")] = "lost-example.o-v1.mx.microsoft"
    assert codes(entries(world)["lost.example"]) == ["zone-not-found"]
    world.provider.zones_error = Unavailable("No answer", "From mem.", "Try again.")
    assert {subject: codes(entry) for subject, entry in entries(world).items()} == {
        "contoso.example": ["zone-unreadable"],
        "lost.example": ["zone-unreadable"],
    }


def test_what_the_provider_cannot_hold_is_a_block(world: World) -> None:
    world.provider.canonical_error = Unsupported("No MX here", "mem holds none.", "Use another provider.")
    assert codes(entries(world)["contoso.example"]) == ["unsupported"]


def test_a_zone_is_read_once_for_all_its_domains(world: World) -> None:
    sub = name("eu.contoso.example")
    world.listed = (CONTOSO, sub)
    world.hosts[sub] = "eu-contoso-example.o-v1.mx.microsoft"
    assert list(entries(world)) == ["contoso.example", "eu.contoso.example"]
    assert world.provider.reads == 1


def test_a_domain_that_the_tenant_does_not_hold_is_an_error(world: World) -> None:
    world.listed = (CONTOSO, name("other.example"))
    assert codes(entries(world)["other.example"]) == ["graph-unreadable"]


def test_a_tenants_globs_add_what_it_holds(world: World) -> None:
    world.provider.put(FABRIKAM, mx("fabrikam-example.mail.protection.outlook.com", FABRIKAM))
    world.hosts[name("contoso.onmicrosoft.com")] = "contoso.mail.protection.outlook.com"
    world.listed = ()
    world.tenant_globs = ("*",)
    assert list(entries(world)) == ["contoso.example", "fabrikam.example"]
    world.tenant_globs = ("fab*",)
    assert list(entries(world)) == ["fabrikam.example"]
    with pytest.raises(Problem, match="No domain is left"):
        entries(world, Filters((), ("fabrikam.*",)))


def test_a_tenant_whose_domains_cannot_be_listed_is_told_and_its_listed_domains_too(world: World) -> None:
    world.tenant_globs = ("*",)
    world.answer_file.write_text("{")
    told = entries(world)
    assert list(told) == ["contoso", "contoso.example", "fabrikam.example"]
    assert told["contoso"].subject == Subject(Name("contoso"), SubjectKind.TENANT)
    assert codes(told["contoso"]) == ["tenant-unreadable"]


def test_a_filter_that_leaves_nothing_is_an_error(world: World) -> None:
    with pytest.raises(Problem, match="No domain is left"):
        world.plan(Filters(("nobody.example",)))


def test_planning_writes_nothing(world: World) -> None:
    entries(world)
    assert world.provider.writes == ()
    assert world.provider.read(world.provider.zones([CONTOSO])[CONTOSO], [KEY]).sets[KEY] != NEW
