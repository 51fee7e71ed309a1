from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from plans.desired import Subject
from plans.position import EventKind
from plans.values import name
from provisioner.state import State, StateConflict, StateDamaged

CONTOSO, FABRIKAM = name("contoso.com"), name("fabrikam.com")
HOST, OTHER = name("contoso-com.o-v1.mx.microsoft"), name("contoso-com.a-v1.mx.microsoft")


def test_a_pin_is_kept_until_it_is_replaced_or_dropped(state: State) -> None:
    run = state.begin_run("pin", "0")
    assert state.pins() == {}
    state.pin(run, FABRIKAM, OTHER)
    state.pin(run, CONTOSO, HOST)
    assert state.pins() == {CONTOSO: HOST, FABRIKAM: OTHER}
    state.pin(run, CONTOSO, OTHER)
    assert state.pins() == {CONTOSO: OTHER, FABRIKAM: OTHER}
    assert state.unpin(CONTOSO)
    assert not state.unpin(CONTOSO)
    assert state.pins() == {FABRIKAM: OTHER}


def test_pins_can_be_read_without_writing(state: State, url: str, clock: Callable[[], datetime]) -> None:
    state.pin(state.begin_run("pin", "0"), CONTOSO, HOST)
    peeked = State.peek(url, clock)
    assert peeked
    with peeked:
        assert peeked.pins() == {CONTOSO: HOST}


def test_a_pin_that_somebody_edited_is_damage(state: State, file: Path) -> None:
    state.pin(state.begin_run("pin", "0"), CONTOSO, HOST)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE pin SET exchange = 'Not Canonical'")
    with pytest.raises(StateDamaged):
        state.pins()


def test_a_forgotten_rollout_is_closed_and_its_journal_stays(state: State) -> None:
    subject, run = Subject(CONTOSO), state.begin_run("apply", "0")
    assert state.forget(subject) is None
    rollout = state.start(subject, "a" * 64, b"{}\n")
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    forgotten = state.forget(subject)
    assert forgotten
    assert forgotten.id == rollout.id
    assert state.open_rollout(subject) is None
    assert len(state.events(rollout.id)) == 1
    with pytest.raises(StateConflict):
        state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    assert state.verify() == ()
