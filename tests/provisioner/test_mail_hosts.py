"""The TLSA set of a mail host of ours: the first one, a change of certificate, and what keeps one from being published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from plans.desired import Subject, SubjectKind
from plans.facts import Session
from plans.plan import Change, Entry, Manual
from plans.policy import Risk
from plans.values import Name, RRset, Tlsa, name, rrset
from providers.contract import Unsupported
from provisioner.results import Standing
from provisioner.state import State
from tests.emulators.authority import issue
from tests.provisioner.walking import codes, entry, one, planned, reasons, walk, written
from tests.provisioner.witnesses import (
    CERTIFICATE,
    CURRENT_TLSA,
    GONE,
    MAIL_ADDRESS,
    NEXT,
    NEXT_TLSA,
    Delegating,
)
from tests.provisioner.worlds import CONTOSO, World

HOST = name("mx1.contoso.example")
MAIL_HOST = Subject(HOST, SubjectKind.MAIL_HOST)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.of_mail_host(tmp_path, HOST)


def tlsa(*records: Tlsa, ttl: int = 600) -> RRset:
    return rrset(f"_25._tcp.{HOST}", "TLSA", ttl, records)


def host(world: World, state: State, which: Name = HOST) -> Entry | None:
    with planned(world, state) as plan:
        subject = Subject(which, SubjectKind.MAIL_HOST)
        return next((told for told in plan.entries() if told.subject == subject), None)


def actions(of: Entry | None) -> list[tuple[Risk, type]]:
    assert of
    assert of.rollout
    return [(step.risk, type(step.action)) for step in of.rollout.steps]


def with_next(world: World) -> None:
    world.mail_hosts[HOST] = (world.folder / "mx1.pem", world.folder / "next.pem")


def test_the_first_set_is_written_once_the_host_presents_its_certificate(world: World, state: State) -> None:
    world.witness.presented[HOST] = NEXT.der
    with planned(world, state) as plan:
        assert actions(entry(plan, MAIL_HOST)) == [(Risk.FIRST_TLSA, Change)]
        result = one(walk(world, state, plan))
        assert reasons(result) == [f"{MAIL_ADDRESS} presents a certificate that no record matches"]
        assert written(world.provider) == []
        world.witness.presented[HOST] = CERTIFICATE.der
        assert one(walk(world, state, plan)).standing is Standing.DONE
    assert written(world.provider) == [tlsa(CURRENT_TLSA)]
    assert host(world, state) is None


def test_a_host_that_nobody_reaches_gets_no_first_set(world: World, state: State) -> None:
    closed = {MAIL_ADDRESS: Session(accepts=None, starttls=False, why="no way there")}
    world.witness.hosts[HOST] = lambda facts: replace(facts, sessions=closed)
    with planned(world, state) as plan:
        (why,) = reasons(one(walk(world, state, plan)))
        assert why.startswith(f"{MAIL_ADDRESS}: no way there; ")


def test_a_change_of_certificate_has_always_a_record_that_matches(world: World, state: State) -> None:
    world.provider.put(CONTOSO, tlsa(CURRENT_TLSA))
    with_next(world)
    with planned(world, state) as plan:
        assert actions(entry(plan, MAIL_HOST)) == [(Risk.EXTEND_TLSA, Change), (Risk.MANUAL, Manual)]
        result = one(walk(world, state, plan))
        assert (result.written, reasons(result)) == (1, ["until 24 02:49:10"])
        world.clock += timedelta(minutes=25)
        assert reasons(one(walk(world, state, plan))) == [f"{MAIL_ADDRESS} presents a certificate that no record matches"]
        world.witness.presented[HOST] = NEXT.der
        assert one(walk(world, state, plan)).standing is Standing.DONE
    told = host(world, state)
    assert told
    assert (codes(told), told.rollout) == (["next-installed"], None)
    world.mail_hosts[HOST] = (world.folder / "next.pem", None)
    with planned(world, state) as plan:
        assert actions(entry(plan, MAIL_HOST)) == [(Risk.REMOVE_TLSA, Change)]
        assert reasons(one(walk(world, state, plan))) == ["until 24 02:59:10"]
        world.clock += timedelta(minutes=10)
        assert one(walk(world, state, plan)).standing is Standing.DONE
    assert written(world.provider) == [
        tlsa(CURRENT_TLSA, NEXT_TLSA),
        tlsa(NEXT_TLSA),
    ]
    assert host(world, state) is None


def test_a_zone_of_the_customers_is_changed_by_hand(world: World, state: State) -> None:
    world.capabilities = replace(world.capabilities, writes=False)
    assert actions(host(world, state)) == [(Risk.FIRST_TLSA, Manual)]


def unsigned(world: World) -> None:
    world.witness.keys.clear()


def other_name(world: World) -> None:
    (world.folder / "mx1.pem").write_bytes(issue("elsewhere.example").pem)


def ended(world: World) -> None:
    world.clock += timedelta(days=3650)


def no_file(world: World) -> None:
    (world.folder / "mx1.pem").unlink()


def private(world: World) -> None:
    (world.folder / "mx1.pem").write_bytes(CERTIFICATE.private_pem)


def bad_next(world: World) -> None:
    with_next(world)
    (world.folder / "next.pem").write_text("nothing")


def same_next(world: World) -> None:
    world.mail_hosts[HOST] = (world.folder / "mx1.pem", world.folder / "mx1.pem")


def silent(world: World) -> None:
    world.witness.is_down = True


def unreadable(world: World) -> None:
    world.provider.read_error = GONE


def unsupported(world: World) -> None:
    world.provider.canonical_error = Unsupported("No TLSA here", "It holds none.", "Use another provider.")


def astray(world: World) -> None:
    world.lookup = Delegating((CONTOSO,), {name("ns1.theirs.example"): frozenset({"198.51.100.1"})})


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (unsigned, "tlsa-zone-unsigned"),
        (other_name, "mail-host-unreadable"),
        (ended, "mail-host-unreadable"),
        (no_file, "mail-host-unreadable"),
        (private, "mail-host-unreadable"),
        (bad_next, "mail-host-unreadable"),
        (same_next, "next-is-current"),
        (silent, "mail-host-unreadable"),
        (unreadable, "mail-host-unreadable"),
        (unsupported, "unsupported"),
        (astray, "not-authoritative"),
    ],
)
def test_what_is_wrong_with_a_host_is_a_finding_of_it(
    spoil: Callable[[World], None], code: str, world: World, state: State
) -> None:
    spoil(world)
    told = host(world, state)
    assert told
    assert (codes(told), told.rollout) == ([code], None)
    assert written(world.provider) == []


@pytest.mark.parametrize("which", ["contoso-example.o-v1.mx.microsoft", "mx1.elsewhere.example"])
def test_a_host_in_a_zone_that_nobody_of_ours_holds_is_a_block(which: str, world: World, state: State) -> None:
    world.mail_hosts[name(which)] = world.mail_hosts.pop(HOST)
    told = host(world, state, name(which))
    assert told
    assert codes(told) == ["zone-not-found"]


def test_microsoft_publishes_the_tlsa_of_its_own_hosts(world: World, state: State, tmp_path: Path) -> None:
    theirs = name("contoso.mail.protection.outlook.com")
    world.provider = type(world.provider)({CONTOSO: [], name("outlook.com"): []})
    world.provider.servers = frozenset({name("ns1.ours.example"), name("ns2.ours.example")})
    (tmp_path / "mx1.pem").write_bytes(issue("contoso.mail.protection.outlook.com").pem)
    world.mail_hosts = {theirs: (tmp_path / "mx1.pem", None)}
    told = host(world, state, theirs)
    assert told
    assert codes(told) == ["tlsa-microsoft"]


def test_hosts_come_by_name_before_the_domains(world: World, state: State) -> None:
    world.mail_hosts = {name("mx2.contoso.example"): (world.folder / "none", None), **world.mail_hosts}
    with planned(world, state) as plan:
        assert [str(told.subject) for told in plan.entries()] == ["mx1.contoso.example", "mx2.contoso.example"]
