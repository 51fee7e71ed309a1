"""`provider: auto`: each domain goes to the provider that holds its zone and is delegated to, else to a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from plans.conditions import ProviderHolds
from plans.plan import Entry, Manual
from plans.policy import Severity
from plans.values import Key, Name, RRset, ZoneRef, name
from providers import manual, memory
from providers.contract import Capabilities, Served, Unavailable
from tests.provisioner.worlds import CONTOSO, FABRIKAM, KEY, Scripted, World, mx

PUBLISHES = replace(memory.ADAPTER.capabilities, publishes="dns")
REGISTRAR = replace(PUBLISHES, types=frozenset({"DS"}))
FILES = memory.ADAPTER.capabilities
SUB = name("eu.contoso.example")
FIRST = {name("ns.first.example"): frozenset({"192.0.2.1"})}
SECOND = {name("ns.second.example"): frozenset({"192.0.2.2", "2001:db8::2"})}
THEIRS = {name("ns.theirs.example"): frozenset({"198.51.100.1"})}
GONE = Unavailable("No answer", "From there.", "Try again.")


@dataclass
class Dns:
    """Public DNS: zones, each with the servers that its parent names, and what these serve."""

    zones: dict[Name, Mapping[Name, frozenset[str]]]
    held: tuple[RRset, ...] = (mx("old.mail.protection.outlook.com"),)
    silent: bool = False
    parent_silent: bool = False
    asked: list[Name] = field(default_factory=list)

    def zone_of(self, host: Name) -> Name:
        self.asked.append(host)
        if self.silent:
            raise GONE
        above = [zone for zone in self.zones if host == zone or host.endswith(f".{zone}")]
        return max(above, key=len, default=name("example"))

    def delegation(self, zone: Name) -> Mapping[Name, frozenset[str]]:
        if self.parent_silent:
            raise GONE
        return self.zones[zone]

    def addresses(self, host: Name) -> frozenset[str]:
        return (FIRST | SECOND | THEIRS)[host]

    def served(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Served]:
        assert zone in self.zones
        held = {one.key: one for one in self.held}
        return {key: Served(held.get(key), key.owner in {one.owner for one in held}) for key in keys}


def zones_at(label: str, servers: Collection[Name], *apexes: Name) -> Scripted:
    made = Scripted({apex: [mx("old.mail.protection.outlook.com", apex)] for apex in apexes}, label)
    made.servers = frozenset(servers)
    return made


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One domain without a provider, whose zone two providers hold."""
    made = World(tmp_path, zones_at("mem", FIRST, CONTOSO), capabilities=PUBLISHES, auto=True, listed=(CONTOSO,))
    made.others["second"] = (zones_at("second", SECOND, CONTOSO), PUBLISHES)
    return made


def planned(world: World, dns: Dns, domain: Name = CONTOSO) -> Entry:
    world.lookup = dns
    with world.plan() as plan:
        return {entry.subject.name: entry for entry in plan.entries()}[domain]


def zone(entry: Entry) -> tuple[str, Name]:
    """Give whose zone the only step of an entry is about, and which."""
    assert entry.rollout
    (step,) = entry.rollout.steps
    (held,) = [condition for condition in step.done_when if isinstance(condition, ProviderHolds)]
    return held.zone.provider, held.zone.name


def finding(entry: Entry) -> tuple[str, Severity]:
    assert entry.rollout is None
    (found,) = entry.findings
    return found.code, found.severity


@pytest.mark.parametrize(("servers", "provider"), [(FIRST, "mem"), (SECOND, "second")])
def test_the_provider_that_is_delegated_to_is_chosen(world: World, servers: dict[Name, frozenset[str]], provider: str) -> None:
    entry = planned(world, Dns({CONTOSO: servers}))
    assert zone(entry) == (provider, CONTOSO)
    assert entry.rollout
    assert entry.rollout.steps[0].zone


def test_each_provider_is_asked_once_for_all_domains(world: World) -> None:
    world.listed = (CONTOSO, FABRIKAM)
    second = zones_at("second", SECOND, FABRIKAM)
    world.others["second"] = (second, PUBLISHES)
    dns = Dns({CONTOSO: FIRST, FABRIKAM: SECOND})
    assert zone(planned(world, dns)) == ("mem", CONTOSO)
    assert zone(planned(world, dns, FABRIKAM)) == ("second", FABRIKAM)
    assert second.zones_asked == [{CONTOSO, FABRIKAM}] * 2


def test_the_zone_is_the_one_that_is_delegated_however_much_closer_another_one_is(world: World) -> None:
    world.listed, world.hosts = (SUB,), {SUB: "eu-contoso-example.o-v1.mx.microsoft"}
    world.others["second"] = (zones_at("second", SECOND, SUB), PUBLISHES)
    assert zone(planned(world, Dns({CONTOSO: FIRST}), SUB)) == ("mem", CONTOSO)
    assert zone(planned(world, Dns({CONTOSO: FIRST, SUB: SECOND}), SUB)) == ("second", SUB)


def test_a_zone_below_that_is_delegated_elsewhere_is_not_ours(world: World) -> None:
    world.listed, world.hosts = (SUB,), {SUB: "eu-contoso-example.o-v1.mx.microsoft"}
    dns = Dns({CONTOSO: FIRST, SUB: THEIRS}, held=(mx("old.mail.protection.outlook.com", SUB),))
    assert zone(planned(world, dns, SUB)) == ("manual", SUB)


def test_two_that_are_delegated_to_are_named_and_neither_is_taken(world: World) -> None:
    world.others["second"] = (zones_at("second", FIRST, CONTOSO), PUBLISHES)
    entry = planned(world, Dns({CONTOSO: FIRST}))
    assert finding(entry) == ("provider-ambiguous", Severity.BLOCK)
    assert entry.findings[0].what == "mem and second each serve contoso.example."
    assert "provisioner.yaml:1" in entry.findings[0].mend


def test_two_that_share_a_delegation_are_named_and_neither_is_taken(world: World) -> None:
    assert finding(planned(world, Dns({CONTOSO: FIRST | SECOND}))) == ("provider-ambiguous", Severity.BLOCK)


def test_one_that_shares_a_delegation_with_another_operator_is_blocked(world: World) -> None:
    assert finding(planned(world, Dns({CONTOSO: FIRST | THEIRS}))) == ("delegated-in-part", Severity.BLOCK)


def test_a_provider_that_cannot_be_asked_is_an_error_and_no_reason_to_ask_a_person(world: World) -> None:
    world.provider.zones_error = GONE
    assert finding(planned(world, Dns({CONTOSO: THEIRS}))) == ("zone-unreadable", Severity.ERROR)


def test_a_provider_that_cannot_be_asked_does_not_count_where_another_one_is_delegated_to(world: World) -> None:
    world.provider.zones_error = GONE
    assert zone(planned(world, Dns({CONTOSO: SECOND}))) == ("second", CONTOSO)


def test_a_provider_that_cannot_tell_its_servers_may_be_the_one(world: World) -> None:
    world.provider.servers = frozenset()
    assert finding(planned(world, Dns({CONTOSO: THEIRS}))) == ("servers-unknown", Severity.BLOCK)
    assert zone(planned(world, Dns({CONTOSO: SECOND}))) == ("second", CONTOSO)


@pytest.mark.parametrize("dns", [Dns({CONTOSO: FIRST}, silent=True), Dns({CONTOSO: FIRST}, parent_silent=True)])
def test_public_dns_that_does_not_answer_is_an_error(world: World, dns: Dns) -> None:
    assert finding(planned(world, dns)) == ("delegation-unreadable", Severity.ERROR)


def test_where_no_provider_is_delegated_to_a_person_makes_the_change(world: World) -> None:
    entry = planned(world, Dns({CONTOSO: THEIRS}))
    assert zone(entry) == ("manual", CONTOSO)
    assert entry.rollout
    assert isinstance(entry.rollout.steps[0].action, Manual)
    assert entry.rollout.steps[0].zone is None


def test_where_the_manifest_names_manual_providers_the_first_of_them_is_meant(world: World) -> None:
    dns = Dns({CONTOSO: THEIRS})
    for label in ("theirs", "customers"):
        world.others[label] = (manual.Manual(label, dns), manual.ADAPTER.capabilities)
    assert zone(planned(world, dns)) == ("customers", CONTOSO)


def test_where_no_provider_holds_the_zone_only_public_dns_is_asked(world: World) -> None:
    world.listed = (FABRIKAM,)
    dns = Dns({FABRIKAM: THEIRS}, held=(mx("old.mail.protection.outlook.com", FABRIKAM),))
    assert zone(planned(world, dns, FABRIKAM)) == ("manual", FABRIKAM)
    assert finding(planned(world, Dns({FABRIKAM: THEIRS}, silent=True), FABRIKAM)) == ("zone-unreadable", Severity.ERROR)


def test_a_zone_that_nothing_delegates_is_told_with_who_holds_it(world: World) -> None:
    entry = planned(world, Dns({}))
    assert finding(entry) == ("zone-not-found", Severity.BLOCK)
    assert "mem holds contoso.example, which is not delegated to it." in entry.findings[0].what
    assert "staged: true" in entry.findings[0].mend


@pytest.mark.parametrize("can", [FILES, REGISTRAR, replace(PUBLISHES, writes=False)])
def test_what_publishes_nothing_or_holds_no_records_is_not_chosen_among_others(world: World, can: Capabilities) -> None:
    other = zones_at("second", FIRST, CONTOSO)
    world.others["second"] = (other, can)
    assert zone(planned(world, Dns({CONTOSO: FIRST}))) == ("mem", CONTOSO)
    assert other.zones_asked == []


def test_files_are_chosen_where_they_are_the_only_provider_and_hold_the_zone(world: World) -> None:
    world.others, world.capabilities, world.listed = {}, FILES, (CONTOSO, FABRIKAM)
    dns = Dns({FABRIKAM: THEIRS}, held=(mx("old.mail.protection.outlook.com", FABRIKAM),))
    assert zone(planned(world, dns)) == ("mem", CONTOSO)
    assert CONTOSO not in dns.asked
    assert zone(planned(world, dns, FABRIKAM)) == ("manual", FABRIKAM)
    world.provider.zones_error = GONE
    assert finding(planned(world, dns)) == ("zone-unreadable", Severity.ERROR)


def test_a_staged_zone_is_found_without_a_question_to_dns(world: World) -> None:
    world.staged = True
    dns = Dns({CONTOSO: THEIRS})
    assert finding(planned(world, dns)) == ("provider-ambiguous", Severity.BLOCK)
    world.others["second"] = (zones_at("second", SECOND, FABRIKAM), PUBLISHES)
    assert zone(planned(world, dns)) == ("mem", CONTOSO)
    world.provider.zones_error = GONE
    assert finding(planned(world, dns)) == ("zone-unreadable", Severity.ERROR)
    assert dns.asked == []


def test_a_staged_zone_is_the_closest_that_any_provider_holds(world: World) -> None:
    world.staged, world.listed, world.hosts = True, (SUB,), {SUB: "eu-contoso-example.o-v1.mx.microsoft"}
    world.others["second"] = (zones_at("second", SECOND, SUB), PUBLISHES)
    assert zone(planned(world, Dns({}), SUB)) == ("second", SUB)


@pytest.mark.parametrize(("writes", "told"), [(True, "mem, second"), (False, "any provider that can be written to")])
def test_a_staged_zone_that_nobody_holds_is_told(world: World, *, writes: bool, told: str) -> None:
    world.staged, world.listed = True, (FABRIKAM,)
    world.capabilities = replace(PUBLISHES, writes=writes)
    world.others["second"] = (zones_at("second", SECOND, CONTOSO), world.capabilities)
    entry = planned(world, Dns({}), FABRIKAM)
    assert finding(entry) == ("zone-not-found", Severity.BLOCK)
    assert entry.findings[0].what == f"No zone of {told} holds fabrikam.example."


def test_domains_that_globs_chose_find_their_provider_too(world: World) -> None:
    world.listed, world.tenant_globs = (), ("contoso.*",)
    assert zone(planned(world, Dns({CONTOSO: SECOND}))) == ("second", CONTOSO)


def test_the_implicit_provider_is_still_known_when_the_plan_is_applied(world: World) -> None:
    world.lookup = Dns({CONTOSO: THEIRS})
    fleet = world.fleet()
    held = fleet.zones("manual", [CONTOSO])[CONTOSO]
    assert isinstance(held, ZoneRef)
    assert fleet.zones("manual", [CONTOSO]) == world.fleet().zones(fleet.manual.label, [CONTOSO])
    assert fleet.reader("manual").read(held, [KEY]).sets == {KEY: mx("old.mail.protection.outlook.com")}
