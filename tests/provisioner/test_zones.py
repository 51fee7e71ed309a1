"""Zones that are to be signed, with a DS at the parent, or not to be any more: planned, walked and refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from plans.desired import Dnssec, Subject, SubjectKind
from plans.facts import NoAnswer, Security
from plans.plan import Change, Entry, Manual, SetSigning
from plans.policy import Risk
from plans.values import Ds, Irregular, Key, Name, RRset, Tlsa, name, rrset
from providers.contract import Outcome, Status, Unavailable, Unsupported
from provisioner.exits import Exit
from provisioner.report.exit_code import of_apply
from provisioner.results import Result, Standing
from provisioner.state import State
from tests.provisioner.walking import CONTOSO_SUBJECT, codes, entry, events, one, planned, reasons, walk, written
from tests.provisioner.witnesses import (
    CERTIFICATE,
    DS,
    FIRST,
    GONE,
    KSK,
    NEW_DS,
    NEW_KSK,
    SECOND,
    Delegating,
    ScriptedSigner,
)
from tests.provisioner.worlds import (
    CONTOSO,
    DELEGATION,
    EXAMPLE,
    FABRIKAM,
    OLD,
    REGISTRAR,
    REGISTRY_TTL,
    Registrar,
    Scripted,
    World,
    asking,
    mx,
)

ZONE = Subject(CONTOSO, SubjectKind.ZONE)
DS_KEY = Key(CONTOSO, "DS")
DAY, WEEK = timedelta(days=1), timedelta(days=7)


def holding(*records: RRset | Irregular) -> Scripted:
    """Make a provider that holds the zone above."""
    return Scripted({EXAMPLE: [DELEGATION, *records]}, "reg")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return made(tmp_path)


def made(folder: Path, **others: Scripted) -> World:
    """Make a world in which the one zone is to be signed and its provider can do so, with what else holds zones."""
    world = World.served(folder, **others)
    world.listed = (CONTOSO,)
    world.provider.put(CONTOSO, mx("contoso-example.o-v1.mx.microsoft"))
    world.provider.signs = ScriptedSigner(world.witness.keys)
    world.shape = asking(dnssec=Dnssec.MANAGE)
    return world


def with_parent(world: World, label: str) -> None:
    """Let the DS go to a configured provider."""
    config = world.fleet().manifest.providers[label]
    world.shape = asking(dnssec=Dnssec.MANAGE, parent=config)


def signer(world: World) -> ScriptedSigner:
    assert isinstance(world.provider.signs, ScriptedSigner)
    return world.provider.signs


def zone(world: World, state: State) -> Entry:
    with planned(world, state) as plan:
        return entry(plan, ZONE)


def actions(of: Entry) -> list[tuple[Risk, type]]:
    assert of.rollout
    return [(step.risk, type(step.action)) for step in of.rollout.steps]


def ds(*values: Ds, ttl: int = REGISTRY_TTL) -> RRset:
    return rrset(CONTOSO, "DS", ttl, values)


def test_a_zone_that_its_provider_signs_is_signed_and_seen(world: World, state: State) -> None:
    with planned(world, state) as plan:
        assert actions(entry(plan, ZONE)) == [(Risk.SIGN, SetSigning)]
        result = one(walk(world, state, plan))
        assert (result.subject, result.standing, result.written, result.signing) == (ZONE, Standing.DONE, 1, True)
        assert events(state, plan, ZONE) == ["begun 0", "settled 0 written", "seen 0"]
        assert signer(world).calls == [f"sign {CONTOSO}"]


def test_nobody_signs_a_zone_twice_whose_answer_was_lost(world: World, state: State) -> None:
    signer(world).script = ["lost"]
    world.witness.zones[CONTOSO] = lambda facts: replace(facts, signed={FIRST: None, SECOND: None})
    with planned(world, state) as plan:
        result = one(walk(world, state, plan))
        assert (result.standing, result.written, reasons(result)) == (Standing.WAITING, 1, [f"{FIRST} serves no DNSKEY"])
        assert events(state, plan, ZONE) == ["begun 0", "begun 0", "settled 0 written"]
        world.witness.zones.clear()
        assert one(walk(world, state, plan)).standing is Standing.DONE
    assert signer(world).calls == [f"sign {CONTOSO}"]


def test_a_zone_may_be_signed_where_neither_the_call_nor_the_look_after_it_was_answered(world: World, state: State) -> None:
    signer(world).script = ["lost"]
    world.witness.zones[CONTOSO] = lambda facts: replace(facts, signed={FIRST: None})
    with planned(world, state) as plan:
        unreadable_once_signed(world)
        results = walk(world, state, plan)
        assert (one(results).standing, one(results).unsure) == (Standing.FAILED, True)
        assert of_apply(results) == Exit.PARTIAL
        assert events(state, plan, ZONE) == ["begun 0", "begun 0"]
        assert one(walk(world, state, plan)).written == 1
    assert signer(world).calls == [f"sign {CONTOSO}"]


def unreadable_once_signed(world: World) -> None:
    """Let the signer not answer the first question after it signed."""
    before = signer(world)

    class Unreadable(ScriptedSigner):
        def sign(self, zone: object) -> Outcome:
            outcome = before.sign(zone)  # type: ignore[arg-type]  # handed on as it came
            self.state_errors.append(GONE)
            return outcome

    world.provider.signs = Unreadable(world.witness.keys)
    signer(world).calls = before.calls


@pytest.mark.parametrize("outcome", [Outcome(Status.REJECTED, "no such plan"), GONE])
def test_a_signing_that_is_refused_fails(outcome: Outcome | Unsupported, world: World, state: State) -> None:
    signer(world).script = [outcome]
    with planned(world, state) as plan:
        assert one(walk(world, state, plan)).standing is Standing.FAILED
        assert one(walk(world, state, plan)).standing is Standing.DONE


def test_where_nothing_of_ours_signs_a_person_does_and_the_ds_goes_to_the_registrar_by_hand(world: World, state: State) -> None:
    world.provider.signs = None
    with planned(world, state) as plan:
        assert actions(entry(plan, ZONE)) == [(Risk.MANUAL, Manual)]
        assert one(walk(world, state, plan)).standing is Standing.WAITING
        world.witness.keys[CONTOSO] = (KSK,)
        assert one(walk(world, state, plan)).standing is Standing.DONE
    with planned(world, state) as plan:
        told = entry(plan, ZONE)
        assert actions(told) == [(Risk.MANUAL, Manual)]
        assert told.rollout
        action = told.rollout.steps[0].action
        assert isinstance(action, Manual)
        assert any(str(DS) in line for line in action.copy)
        assert one(walk(world, state, plan)).standing is Standing.WAITING
        world.witness.ds[CONTOSO] = ds(DS)
        assert one(walk(world, state, plan)).standing is Standing.DONE
    assert not actions_left(world, state)


def actions_left(world: World, state: State) -> bool:
    with planned(world, state) as plan:
        return any(told.subject == ZONE for told in plan.entries())


@pytest.mark.parametrize("where", ["parent zone", "registrar"])
def test_the_ds_goes_to_the_parent_once_no_cache_can_hold_unsigned_answers(where: str, tmp_path: Path) -> None:
    holder = Registrar() if where == "registrar" else holding()
    world = made(tmp_path, reg=holder)
    if where == "registrar":
        world.others["reg"] = (holder, REGISTRAR)
    with_parent(world, "reg")
    world.witness.keys[CONTOSO] = (KSK,)
    ttl = REGISTRY_TTL if where == "registrar" else 3600
    with State.open(world.fleet().manifest.state, world.now) as state, planned(world, state) as plan:
        assert actions(entry(plan, ZONE)) == [(Risk.ADD_DS, Change)]
        result = one(walk(world, state, plan))
        assert reasons(result) == ["until 25 02:29:10", "until 24 04:24:10"]
        assert result.waits
        assert written(holder) == []
        world.clock += DAY
        assert one(walk(world, state, plan)).written == 0
        world.clock += timedelta(seconds=300)
        result = one(walk(world, state, plan))
        assert (result.standing, result.written) == (Standing.DONE, 1)
        assert written(holder) == [ds(DS, ttl=ttl)]
        assert not actions_left(world, state)


def test_what_the_manifest_says_was_so_before_shortens_the_waits(tmp_path: Path) -> None:
    world = made(tmp_path)
    world.witness.keys[CONTOSO] = (KSK,)
    since = world.now() - timedelta(days=30)
    world.shape = asking(dnssec=Dnssec.MANAGE, signed_since=since, delegated_since=since)
    with State.open(world.fleet().manifest.state, world.now) as state, planned(world, state) as plan:
        world.witness.ds[CONTOSO] = ds(DS)
        assert one(walk(world, state, plan)).standing is Standing.DONE


@pytest.mark.parametrize(
    ("skew", "why"),
    [
        (None, "the time of an HTTPS server could not be looked at"),
        (timedelta(hours=1), "this machine's clock is 3600 s off"),
        (timedelta(hours=-1), "this machine's clock is -3600 s off"),
    ],
)
def test_by_a_clock_that_is_wrong_or_not_vouched_for_no_ds_is_added(skew: timedelta | None, why: str, tmp_path: Path) -> None:
    holder = holding()
    world = made(tmp_path, reg=holder)
    with_parent(world, "reg")
    world.witness.keys[CONTOSO] = (KSK,)
    world.witness.skew = skew
    with State.open(world.fleet().manifest.state, world.now) as state, planned(world, state) as plan:
        for _ in range(3):
            assert why in reasons(one(walk(world, state, plan)))
            world.clock += WEEK
        assert written(holder) == []


def test_a_tlsa_in_the_zone_that_fits_nobody_keeps_the_ds_out(tmp_path: Path) -> None:
    holder = holding()
    world = made(tmp_path, reg=holder)
    with_parent(world, "reg")
    world.witness.keys[CONTOSO] = (KSK,)
    host = name("mx1.contoso.example")
    dead = rrset(f"_25._tcp.{host}", "TLSA", 600, [Tlsa(3, 1, 1, "ab" * 32)])
    world.provider.put(CONTOSO, mx("mx1.contoso.example"), dead)
    with State.open(world.fleet().manifest.state, world.now) as state, planned(world, state) as plan:
        walk(world, state, plan)
        world.clock += WEEK + WEEK
        assert "192.0.2.25 presents a certificate that no record matches" in reasons(one(walk(world, state, plan)))
        assert written(holder) == []


def test_a_new_key_gets_its_ds_before_the_old_one_loses_its_own(tmp_path: Path) -> None:
    holder = holding(ds(DS, ttl=3600))
    world = made(tmp_path, reg=holder)
    with_parent(world, "reg")
    world.witness.keys[CONTOSO] = (NEW_KSK, KSK)
    signer(world).tells_ds = False
    world.witness.zones[CONTOSO] = lambda facts: replace(facts, security=Security.SECURE)
    with State.open(world.fleet().manifest.state, world.now) as state, planned(world, state) as plan:
        assert actions(entry(plan, ZONE)) == [(Risk.ADD_DS, Change)]
        assert reasons(one(walk(world, state, plan))) == ["until 24 03:29:10"]
        world.clock += timedelta(seconds=3900)
        assert one(walk(world, state, plan)).standing is Standing.DONE
        world.witness.keys[CONTOSO] = (NEW_KSK,)
        with planned(world, state) as rest:
            assert actions(entry(rest, ZONE)) == [(Risk.REMOVE_DS, Change)]
            walk(world, state, rest)
            world.clock += timedelta(seconds=3600)
            assert one(walk(world, state, rest)).standing is Standing.DONE
    assert written(holder) == [ds(DS, NEW_DS, ttl=3600), ds(NEW_DS, ttl=3600)]


def of_zone(results: Iterable[Result]) -> Result:
    return next(result for result in results if result.subject == ZONE)


def with_ds(folder: Path) -> World:
    """Make a world in which the zone is secure, and is not to be any more."""
    world = made(folder, reg=holding(ds(DS, ttl=3600)))
    with_parent(world, "reg")
    world.witness.keys[CONTOSO] = (KSK,)
    (managed,) = world.fleet().manifest.domains
    world.shape = asking(parent=managed.parent, dnssec=Dnssec.OFF)
    return world


def test_off_takes_the_ds_out_first_and_the_signatures_when_no_cache_holds_it(tmp_path: Path) -> None:
    world = with_ds(tmp_path)
    with State.open(world.fleet().manifest.state, world.now) as state:
        assert codes(zone(world, state)) == ["dane-before-ds"]
    world.provider.put(CONTOSO, OLD)
    world.ask_for("contoso-example.mail.protection.outlook.com")
    with State.open(world.fleet().manifest.state, world.now) as state, planned(world, state) as plan:
        assert actions(entry(plan, ZONE)) == [(Risk.REMOVE_DS, Change), (Risk.UNSIGN, SetSigning)]
        until_no_cache_leads_to_dane(world, of_zone(walk(world, state, plan)))
        result = of_zone(walk(world, state, plan))
        assert (result.written, result.until) == (1, world.now() + timedelta(hours=1))
        assert signer(world).calls == []
        world.clock += timedelta(hours=1)
        assert of_zone(walk(world, state, plan)).standing is Standing.DONE
        assert signer(world).calls == [f"unsign {CONTOSO}"]
        assert not actions_left(world, state)


def until_no_cache_leads_to_dane(world: World, result: Result) -> None:
    """Wait as long as a result says."""
    assert (result.written, result.until is None) == (0, False)
    world.clock = result.until or world.clock


def test_the_ds_stays_while_the_same_plan_brings_an_mx_under_mx_microsoft(tmp_path: Path) -> None:
    world = with_ds(tmp_path)
    world.provider.put(CONTOSO, OLD)
    with State.open(world.fleet().manifest.state, world.now) as state:
        with planned(world, state) as plan:
            assert {one.subject for one in plan.entries() if one.rollout} == {ZONE, CONTOSO_SUBJECT}
            for _ in range(9):
                result = of_zone(walk(world, state, plan))
                assert (result.standing, result.written) == (Standing.WAITING, 0)
                world.clock += timedelta(days=1)
            (why,) = reasons(of_zone(walk(world, state, plan)))
            assert "serves 0 contoso-example.o-v1.mx.microsoft." in why
        assert codes(zone(world, state)) == ["dane-before-ds"]


def test_a_mail_host_whose_tlsa_is_asked_for_keeps_the_ds(tmp_path: Path) -> None:
    world = with_ds(tmp_path)
    world.provider.put(CONTOSO, mx("mx1.contoso.example"))
    (tmp_path / "mx1.pem").write_bytes(CERTIFICATE.pem)
    world.mail_hosts[name("mx1.contoso.example")] = (tmp_path / "mx1.pem", None)
    with State.open(world.fleet().manifest.state, world.now) as state:
        found = zone(world, state)
        assert codes(found) == ["tlsa-before-ds"]
        assert "mx1.contoso.example" in found.findings[0].mend
        world.mail_hosts.clear()
        assert codes(zone(world, state)) == []


def test_nothing_is_said_of_a_zone_that_is_kept_as_it_is(world: World, state: State) -> None:
    world.shape = asking(dnssec=Dnssec.KEEP)
    assert not actions_left(world, state)
    assert world.witness.asked == []


def test_domains_of_one_zone_must_agree(world: World, state: State) -> None:
    other = name("eu.contoso.example")
    world.listed = (CONTOSO, other)
    world.hosts[other] = "eu-contoso-example.o-v1.mx.microsoft"
    managed = asking(dnssec=Dnssec.MANAGE)
    world.shape = lambda domain: managed(domain) if domain.name == CONTOSO else domain
    told = zone(world, state)
    assert codes(told) == ["dnssec-disagrees"]
    assert "contoso.example manage" in told.findings[0].what
    assert "eu.contoso.example keep" in told.findings[0].what
    assert told.tenant == "contoso"


def test_domains_of_one_zone_must_agree_on_the_parent_too(tmp_path: Path) -> None:
    world = made(tmp_path, reg=holding())
    other = name("eu.contoso.example")
    world.listed = (CONTOSO, other)
    world.hosts[other] = "eu-contoso-example.o-v1.mx.microsoft"
    parent = world.fleet().manifest.providers["reg"]
    managed = asking(dnssec=Dnssec.MANAGE)
    world.shape = lambda domain: replace(managed(domain), parent=parent if domain.name == CONTOSO else None)
    with State.open(world.fleet().manifest.state, world.now) as state:
        assert "contoso.example manage, parent reg" in zone(world, state).findings[0].what


def staged(world: World) -> None:
    world.staged = True


def unpublished(world: World) -> None:
    world.capabilities = replace(world.capabilities, publishes="none")


def astray(world: World) -> None:
    world.lookup = Delegating((CONTOSO,), {name("ns1.theirs.example"): frozenset({"198.51.100.1"})})


def unreadable(world: World) -> None:
    world.witness.is_down = True


def unreadable_signer(world: World) -> None:
    signer(world).state_errors.append(GONE)


def unsupported(world: World) -> None:
    signer(world).state_errors.append(Unsupported("It signs nothing", "Not in this plan.", "Pay more."))


def insecure_parent(world: World) -> None:
    world.witness.zones[CONTOSO] = lambda facts: replace(facts, parent_security=Security.INSECURE)


def silent(world: World) -> None:
    world.witness.keys[CONTOSO] = (KSK,)
    world.witness.zones[CONTOSO] = lambda facts: replace(facts, ds=NoAnswer("they differ"))


def bogus(world: World) -> None:
    world.witness.keys[CONTOSO] = (KSK,)
    world.witness.ds[CONTOSO] = ds(NEW_DS)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (staged, ["dnssec-needs-dns"]),
        (unpublished, ["dnssec-needs-dns"]),
        (astray, ["not-authoritative"]),
        (unreadable, ["dnssec-unreadable"]),
        (unreadable_signer, ["dnssec-unreadable"]),
        (unsupported, ["unsupported"]),
        (insecure_parent, ["parent-insecure"]),
        (silent, ["dnssec-unreadable"]),
        (bogus, ["broken-now"]),
    ],
)
def test_what_is_wrong_with_a_zone_is_a_finding_of_it(
    spoil: Callable[[World], None], told: list[str], world: World, state: State
) -> None:
    spoil(world)
    assert codes(zone(world, state)) == told


@pytest.mark.parametrize(
    ("holder", "told"),
    [
        (Scripted({FABRIKAM: []}, "reg"), "parent-not-found"),
        (Scripted({CONTOSO: []}, "reg"), "parent-not-found"),
        (holding(Irregular(DS_KEY, "mixed TTLs")), "set-irregular"),
    ],
)
def test_a_parent_that_does_not_hold_the_zone_above_is_a_block(holder: Scripted, told: str, tmp_path: Path) -> None:
    world = made(tmp_path, reg=holder)
    with_parent(world, "reg")
    with State.open(world.fleet().manifest.state, world.now) as state:
        assert codes(zone(world, state)) == [told]


def test_a_parent_that_cannot_be_asked_is_an_error(tmp_path: Path) -> None:
    holder = holding()
    world = made(tmp_path, reg=holder)
    with_parent(world, "reg")
    holder.zones_error = GONE
    with State.open(world.fleet().manifest.state, world.now) as state:
        assert codes(zone(world, state)) == ["dnssec-unreadable"]


def test_a_parent_zone_that_nobody_asks_at_its_provider_is_not_written(tmp_path: Path) -> None:
    holder = holding()
    world = made(tmp_path, reg=holder)
    with_parent(world, "reg")
    world.witness.keys[CONTOSO] = (KSK,)
    holder.servers = frozenset({name("ns1.ours.example")})
    with State.open(world.fleet().manifest.state, world.now) as state:
        assert codes(zone(world, state)) == ["delegated-in-part"]


def test_a_zone_that_was_delegated_away_since_is_not_signed(world: World, state: State) -> None:
    with planned(world, state) as plan:
        astray(world)
        results = walk(world, state, plan)
        assert (one(results).standing, of_apply(results)) == (Standing.REFUSED, Exit.REFUSED)
    assert signer(world).calls == []


def test_where_public_dns_cannot_tell_a_walk_fails(world: World, state: State) -> None:
    with planned(world, state) as plan:
        world.lookup = Failing((CONTOSO,))
        assert one(walk(world, state, plan)).standing is Standing.FAILED


class Failing(Delegating):
    """Public DNS that answers nothing."""

    def delegation(self, zone: Name) -> Mapping[Name, frozenset[str]]:
        raise Unavailable("No answer", f"Of {zone}.", "Try again.")
