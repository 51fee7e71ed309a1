"""The TLSA set of a mail host that cannot be seen from here: what a person's word opens, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from plans.codec import decode_entry
from plans.desired import Subject, SubjectKind
from plans.facts import Session
from plans.plan import Rollout
from plans.position import EventKind
from plans.progress import progress
from plans.values import Tlsa, name, rrset
from provisioner import revert
from provisioner.planfile import PlanFile
from provisioner.report.lines import plain
from provisioner.report.status_text import Status, status_lines
from provisioner.results import Standing
from provisioner.state import Run, State, who
from tests.provisioner.walking import codes, entry, one, planned, reasons, walk, written
from tests.provisioner.witnesses import CURRENT_TLSA, MAIL_ADDRESS, NEXT, NEXT_TLSA
from tests.provisioner.worlds import CONTOSO, World

HOST = name("mx1.contoso.example")
MAIL_HOST = Subject(HOST, SubjectKind.MAIL_HOST)
CLOSED = Session(accepts=False, starttls=False, why="Connection refused", refused=True)
HINT = "whoever sees it from elsewhere may say so:  provisioner confirm mx1.contoso.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One whose mail host is kept from us by a network."""
    world = World.of_mail_host(tmp_path, HOST)
    answer(world, {MAIL_ADDRESS: CLOSED})
    return world


@pytest.fixture
def desk(state: State) -> Run:
    return state.begin_run("confirm", "0")


def answer(world: World, sessions: Mapping[str, Session]) -> None:
    """Let the host answer so at its addresses."""
    world.witness.hosts[HOST] = lambda facts: replace(facts, addresses=frozenset(sessions), sessions=sessions)


def confirm(state: State, desk: Run, record: Tlsa = CURRENT_TLSA) -> str:
    """Say that the host presents this key, and give the words for that."""
    return f"by {state.confirm(desk, HOST, record.association, {MAIL_ADDRESS})}"


def status(world: World, state: State) -> str:
    """Say where the open rollouts stand."""
    statuses = []
    for found in state.rollouts(only_open=True):
        rollout = cast("Rollout", decode_entry(found.rollout.line).rollout)
        where = progress(rollout, found.rollout.opened, state.events(found.rollout.id))
        statuses.append(Status(found.rollout, rollout, where, found.last.at))
    return "\n".join(map(plain, status_lines(statuses, {}, world.clock)))


def notes(state: State, plan_id: str) -> list[tuple[str, object]]:
    """Give on whose word each step of a plan was begun or is done."""
    kinds = {EventKind.BEGUN, EventKind.SEEN}
    return [
        (told.kind, told.body.get("note")) for told in state.history(HOST) if told.kind in kinds and told.plan_id == plan_id
    ]


def test_the_first_set_is_written_on_somebodys_word(world: World, state: State, desk: Run) -> None:
    with planned(world, state) as plan:
        assert reasons(one(walk(world, state, plan))) == [f"{MAIL_ADDRESS}: Connection refused; {HINT}"]
        told = confirm(state, desk, NEXT_TLSA)
        (why,) = reasons(one(walk(world, state, plan)))
        assert why.endswith(f"{told.removeprefix('by ')}, is for another key, {NEXT_TLSA.association[:16]}; {HINT}")
        told = confirm(state, desk)
        assert one(walk(world, state, plan)).standing is Standing.DONE
        assert notes(state, plan.id) == [("begun", told), ("seen", None)]
    assert who() in told
    assert written(world.provider) == [rrset(f"_25._tcp.{HOST}", "TLSA", 600, [CURRENT_TLSA])]


def test_after_a_day_or_taken_back_a_word_opens_nothing(world: World, state: State, desk: Run) -> None:
    with planned(world, state) as plan:
        assert reasons(one(walk(world, state, plan))) == [f"{MAIL_ADDRESS}: Connection refused; {HINT}"]
        confirm(state, desk)
        world.clock += timedelta(days=1)
        (why,) = reasons(one(walk(world, state, plan)))
        assert why.endswith(f", has lapsed; {HINT}")
        confirm(state, desk)
        world.clock -= timedelta(seconds=1)
        (why,) = reasons(one(walk(world, state, plan)))
        assert why.endswith(f", is of a time yet to come; {HINT}")
        world.clock += timedelta(seconds=1)
        state.withdraw(desk, HOST)
        assert reasons(one(walk(world, state, plan))) == [f"{MAIL_ADDRESS}: Connection refused; {HINT}"]
    assert written(world.provider) == []


def test_what_is_seen_counts_and_no_word_against_it(world: World, state: State, desk: Run) -> None:
    other = Session(accepts=True, starttls=True, chain=(NEXT.der,))
    answer(world, {MAIL_ADDRESS: CLOSED, "192.0.2.26": other})
    confirm(state, desk)
    with planned(world, state) as plan:
        assert reasons(one(walk(world, state, plan))) == ["192.0.2.26 presents a certificate that no record matches"]
    assert written(world.provider) == []


def test_an_address_that_came_since_is_in_nobodys_word(world: World, state: State, desk: Run) -> None:
    confirm(state, desk)
    answer(world, {MAIL_ADDRESS: CLOSED, "192.0.2.26": CLOSED})
    with planned(world, state) as plan:
        (why,) = reasons(one(walk(world, state, plan)))
    assert why.endswith(f"is not about 192.0.2.26; {HINT}")


def test_a_change_of_certificate_goes_its_way_on_peoples_words(world: World, state: State, desk: Run) -> None:
    world.provider.put(CONTOSO, rrset(f"_25._tcp.{HOST}", "TLSA", 600, [CURRENT_TLSA]))
    world.mail_hosts[HOST] = (world.folder / "mx1.pem", world.folder / "next.pem")
    confirm(state, desk)
    with planned(world, state) as plan:
        assert one(walk(world, state, plan)).written == 1
        world.clock += timedelta(minutes=25)
        (why,) = reasons(one(walk(world, state, plan)))
        assert why.endswith(f"is for another key, {CURRENT_TLSA.association[:16]}; {HINT}")
        told = confirm(state, desk, NEXT_TLSA)
        assert one(walk(world, state, plan)).standing is Standing.DONE
        assert notes(state, plan.id)[-1] == ("seen", told)
    with planned(world, state) as plan:
        installed = entry(plan, MAIL_HOST)
        assert (codes(installed), installed.rollout) == (["next-installed"], None)
        what = f"Every address presents the certificate that is under `next:`, {told}."
        assert installed.findings[0].what == what
    world.mail_hosts[HOST] = (world.folder / "next.pem", None)
    with planned(world, state) as plan:
        assert reasons(one(walk(world, state, plan))) == ["until 24 02:59:10"]
        assert ": until 2026-11-24 02:59:10Z, confirmed since 2026-11-24 02:49:10Z" in status(world, state)
        world.clock += timedelta(minutes=10)
        assert one(walk(world, state, plan)).standing is Standing.DONE
    assert written(world.provider)[-1] == rrset(f"_25._tcp.{HOST}", "TLSA", 600, [NEXT_TLSA])


def test_a_next_certificate_of_which_nobody_gave_a_word_is_not_installed(world: World, state: State, desk: Run) -> None:
    world.provider.put(CONTOSO, rrset(f"_25._tcp.{HOST}", "TLSA", 600, [CURRENT_TLSA, NEXT_TLSA]))
    world.mail_hosts[HOST] = (world.folder / "mx1.pem", world.folder / "next.pem")
    confirm(state, desk)
    with planned(world, state) as plan:
        assert entry(plan, MAIL_HOST).rollout
    confirm(state, desk, NEXT_TLSA)
    with planned(world, state) as plan:
        assert codes(entry(plan, MAIL_HOST)) == ["next-installed"]
    world.clock += timedelta(days=1)
    with planned(world, state) as plan:
        assert entry(plan, MAIL_HOST).rollout


def test_a_set_that_stood_comes_back_on_somebodys_word(world: World, state: State, desk: Run) -> None:
    confirm(state, desk)
    with planned(world, state) as plan:
        assert one(walk(world, state, plan)).standing is Standing.DONE
    world.mail_hosts[HOST] = (world.folder / "next.pem", None)
    confirm(state, desk, NEXT_TLSA)
    with planned(world, state) as plan:
        assert one(walk(world, state, plan)).standing is Standing.WAITING
        world.clock += timedelta(minutes=10)
        assert one(walk(world, state, plan)).standing is Standing.DONE
        chosen = revert.Chosen(plan_id=plan.id)
    with PlanFile.record(revert.plan(world.fleet(), state, chosen)) as plan:
        assert codes(entry(plan, MAIL_HOST)) == ["host-presents-another"]
    confirm(state, desk)
    with PlanFile.record(revert.plan(world.fleet(), state, chosen)) as plan:
        assert entry(plan, MAIL_HOST).rollout
