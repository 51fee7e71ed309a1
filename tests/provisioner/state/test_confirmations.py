from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, update

from plans.facts import Confirmation
from plans.values import name
from provisioner.state import Mark, Run, State, StateDamaged, tables, who
from provisioner.state.journal import canonical_json, entry_hash

HOST, OTHER_HOST = name("mx1.contoso.com"), name("mx2.contoso.com")
KEY, OTHER_KEY = "ab" * 32, "cd" * 32
ADDRESSES = frozenset({"2001:db8::1", "192.0.2.1"})


@pytest.fixture
def confirmed(state: State, run: Run) -> State:
    """Entries 1 to 4: of one host a word that was replaced, of another one that was taken back."""
    state.confirm(run, HOST, OTHER_KEY, ADDRESSES)
    state.confirm(run, OTHER_HOST, KEY, {"192.0.2.9"})
    state.confirm(run, HOST, KEY, ADDRESSES, "from the office")
    assert state.withdraw(run, OTHER_HOST)
    return state


def test_the_newest_word_stands_until_it_is_taken_back(state: State, run: Run) -> None:
    assert state.confirmations() == {}
    before = state.now()
    first = state.confirm(run, HOST, OTHER_KEY, ADDRESSES)
    assert first == Confirmation(HOST, OTHER_KEY, ADDRESSES, who(), first.at)
    assert before <= first.at <= state.now()
    newer, other = state.confirm(run, HOST, KEY, ADDRESSES), state.confirm(run, OTHER_HOST, OTHER_KEY, ())
    assert state.confirmations() == {HOST: newer, OTHER_HOST: other}
    assert state.withdraw(run, HOST)
    assert not state.withdraw(run, HOST)
    assert state.confirmations() == {OTHER_HOST: other}
    assert {HOST: state.confirm(run, HOST, KEY, ADDRESSES), OTHER_HOST: other} == state.confirmations()


def test_words_are_entries_of_the_journal(confirmed: State, run: Run) -> None:
    said = {"host": HOST, "addresses": "192.0.2.1 2001:db8::1", "by": who()}
    entries = [(entry.n, entry.kind, entry.body, entry.run) for entry in confirmed.history(HOST)]
    assert entries == [
        (1, Mark.CONFIRMED, {**said, "key": OTHER_KEY, "reason": ""}, run.id),
        (3, Mark.CONFIRMED, {**said, "key": KEY, "reason": "from the office"}, run.id),
    ]
    (_, withdrawn) = confirmed.history(OTHER_HOST)
    assert (withdrawn.n, withdrawn.kind, withdrawn.body) == (4, Mark.WITHDRAWN, {"host": OTHER_HOST, "by": who()})
    assert confirmed.verify() == ()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM confirmation WHERE n = 4", [(4, "does not have it under its host")]),
        ("UPDATE confirmation SET host = 'x' WHERE n = 1", [(1, "does not have it under its host")]),
        ("INSERT INTO confirmation (n, host) VALUES (5, 'x')", [(5, "the table of confirmations has it, and it is none")]),
        ("UPDATE journal SET body = '{}' WHERE n = 3", [(3, "do not give its hash")]),
        ("UPDATE journal SET kind = 'pin' WHERE n = 4", [(4, "do not give its hash"), (4, "has it, and it is none")]),
    ],
)
def test_whoever_edits_a_word_is_found_out(
    confirmed: State, run: Run, raw: Connection, statement: str, told: list[tuple[int, str]]
) -> None:
    confirmed.auto_approve(run, "a" * 64)
    raw.exec_driver_sql(statement)
    found = confirmed.verify()
    assert [(one.n, part in one.what) for one, (_, part) in zip(found, told, strict=True)] == [(n, True) for n, _ in told]


def test_an_edited_entry_is_damage(confirmed: State, raw: Connection) -> None:
    raw.exec_driver_sql("UPDATE journal SET at = '2999-01-01T00:00:00.000000Z' WHERE n = 3")
    with pytest.raises(StateDamaged, match="do not give its hash"):
        confirmed.confirmations()


def test_a_row_whose_entry_is_gone_is_damage(confirmed: State, raw: Connection) -> None:
    raw.exec_driver_sql("INSERT INTO confirmation (n, host) VALUES (99, 'mx3.contoso.com.')")
    with pytest.raises(StateDamaged):
        confirmed.confirmations()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": "ab"}, "does not confirm a key of"),
        ({"key": KEY.upper()}, "does not confirm a key of"),
        ({"host": OTHER_HOST}, "does not confirm a key of"),
        (None, "is no confirmation"),
    ],
)
def test_an_entry_that_was_made_up_is_damage(
    confirmed: State, raw: Connection, change: dict[str, str] | None, told: str
) -> None:
    row = dict(raw.exec_driver_sql("SELECT * FROM journal WHERE n = 3").mappings().one())
    row["body"] = canonical_json(json.loads(str(row["body"])) | change if change else {})
    raw.execute(update(tables.journal).where(tables.journal.c.n == 3).values(body=row["body"], hash=entry_hash(row)))
    with pytest.raises(StateDamaged, match=told):
        confirmed.confirmations()


def test_a_host_that_is_none_is_damage(confirmed: State, raw: Connection) -> None:
    row = dict(raw.exec_driver_sql("SELECT * FROM journal WHERE n = 3").mappings().one())
    row["body"] = canonical_json(json.loads(str(row["body"])) | {"host": "Not Canonical"})
    raw.execute(update(tables.journal).where(tables.journal.c.n == 3).values(body=row["body"], hash=entry_hash(row)))
    raw.exec_driver_sql("UPDATE confirmation SET host = 'Not Canonical' WHERE n = 3")
    with pytest.raises(StateDamaged, match="does not confirm a key of Not Canonical"):
        confirmed.confirmations()


def test_a_word_has_the_time_of_the_states_clock(state: State, run: Run) -> None:
    given: datetime = state.confirm(run, HOST, KEY, ADDRESSES).at
    assert given.utcoffset() == timedelta(0)
    assert [entry.at for entry in state.history(HOST)] == [given]
