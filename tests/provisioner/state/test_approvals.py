from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, update

from plans.approval import Approval, Begun, Rejection
from plans.desired import Subject
from plans.values import name
from provisioner.state import Mark, Run, State, StateDamaged, tables
from provisioner.state.journal import entry_hash

PLAN, OTHER = "a" * 64, "b" * 64
MADE = datetime(2026, 3, 1, 11, tzinfo=UTC)
ALICE = Approval(PLAN, "-----BEGIN SSH SIGNATURE-----\n", "alice", "ok", MADE, MADE + timedelta(hours=8))
BOB = Approval(OTHER, "-----BEGIN SSH SIGNATURE-----\n", "bob", "", MADE)
NO = Rejection(PLAN, "ops@host", "no", MADE)


@pytest.fixture
def voted(state: State, run: Run) -> State:
    assert state.approve(run, ALICE)
    assert state.approve(run, BOB)
    assert state.reject(run, NO)
    return state


def test_what_was_said_to_a_plan_is_kept_once(voted: State, run: Run) -> None:
    assert not voted.approve(run, ALICE)
    assert not voted.reject(run, NO)
    assert voted.approvals(PLAN) == (ALICE, NO)
    assert voted.approvals(OTHER) == (BOB,)
    assert voted.approvals("c" * 64) == ()


def test_approvals_and_rejections_are_entries_of_the_journal(voted: State, run: Run) -> None:
    voted.auto_approve(run, PLAN)
    told = [(entry.kind, entry.body["plan"]) for entry in voted.history()]
    kinds = (Mark.APPROVED, PLAN), (Mark.APPROVED, OTHER), (Mark.REJECTED, PLAN), (Mark.AUTO_APPROVED, PLAN)
    assert told == list(kinds)
    assert voted.verify() == ()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM approval WHERE n = 3", [(3, "does not have it")]),
        ("UPDATE approval SET plan_id = 'x' WHERE n = 1", [(1, "does not have it")]),
        ("INSERT INTO approval (n, plan_id) VALUES (4, 'x')", [(4, "it is none")]),
        ("UPDATE journal SET body = '{}' WHERE n = 1", [(1, "do not give its hash")]),
    ],
)
def test_whoever_edits_what_was_said_is_found_out(
    voted: State, run: Run, raw: Connection, statement: str, told: list[tuple[int, str]]
) -> None:
    voted.auto_approve(run, PLAN)
    raw.exec_driver_sql(statement)
    found = voted.verify()
    assert [(one.n, part in one.what) for one, (_, part) in zip(found, told, strict=True)] == [(n, True) for n, _ in told]


def test_an_edited_entry_or_row_is_damage(voted: State, raw: Connection) -> None:
    raw.exec_driver_sql("UPDATE approval SET plan_id = 'x' WHERE n = 1")
    with pytest.raises(StateDamaged, match="about another plan than its row says"):
        voted.approvals("x")
    raw.exec_driver_sql("UPDATE journal SET body = '{}' WHERE n = 2")
    with pytest.raises(StateDamaged, match="do not give its hash"):
        voted.approvals(OTHER)
    row = dict(raw.exec_driver_sql("SELECT * FROM journal WHERE n = 2").mappings().one())
    raw.execute(update(tables.journal).where(tables.journal.c.n == 2).values(hash=entry_hash(row)))
    with pytest.raises(StateDamaged, match="is no approval"):
        voted.approvals(OTHER)


def test_a_plans_rollouts_are_known_without_their_lines(state: State, run: Run, raw: Connection) -> None:
    contoso, fabrikam = Subject(name("contoso.com")), Subject(name("fabrikam.com"))
    at_work = state.start(run, contoso, PLAN, b"{}")
    over = state.start(run, fabrikam, PLAN, b"{}")
    state.close_rollout(run, over.id, "finished")
    state.start(run, fabrikam, OTHER, b"{}")
    assert state.begun(PLAN) == {contoso: Begun(at_work.opened), fabrikam: Begun(over.opened, "finished")}
    assert state.begun("c" * 64) == {}
    raw.exec_driver_sql("UPDATE rollout SET opened = 'yesterday'")
    with pytest.raises(StateDamaged, match="a rollout of plan"):
        state.begun(PLAN)
