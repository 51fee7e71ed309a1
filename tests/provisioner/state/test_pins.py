from __future__ import annotations

import pytest
from sqlalchemy import Connection

from plans.values import name
from provisioner.state import Mark, Run, State, StateDamaged

DOMAIN, OTHER_DOMAIN = name("contoso.com"), name("fabrikam.com")
HOST, OTHER = name("contoso-com.o-v1.mx.microsoft"), name("contoso-com.a-v1.mx.microsoft")


def test_a_pin_is_kept_until_it_is_replaced_or_dropped(state: State, run: Run) -> None:
    assert state.pins() == {}
    state.pin(run, OTHER_DOMAIN, OTHER)
    state.pin(run, DOMAIN, HOST)
    assert state.pins() == {DOMAIN: HOST, OTHER_DOMAIN: OTHER}
    state.pin(run, DOMAIN, OTHER)
    assert state.pins() == {DOMAIN: OTHER, OTHER_DOMAIN: OTHER}
    assert state.unpin(run, DOMAIN)
    assert not state.unpin(run, DOMAIN)
    assert state.pins() == {OTHER_DOMAIN: OTHER}


def test_what_is_pinned_and_dropped_is_journalled(state: State, run: Run) -> None:
    state.pin(run, OTHER_DOMAIN, OTHER)
    state.pin(run, DOMAIN, HOST)
    state.unpin(run, DOMAIN)
    state.unpin(run, DOMAIN)
    assert [(entry.n, entry.kind, entry.body) for entry in state.history()] == [
        (1, Mark.PIN, {"domain": OTHER_DOMAIN, "exchange": OTHER}),
        (2, Mark.PIN, {"domain": DOMAIN, "exchange": HOST}),
        (3, Mark.UNPIN, {"domain": DOMAIN, "exchange": HOST}),
    ]
    assert state.verify() == ()


def test_a_pin_that_somebody_edited_is_damage(state: State, run: Run, raw: Connection) -> None:
    state.pin(run, DOMAIN, HOST)
    raw.exec_driver_sql("UPDATE pin SET exchange = 'Not Canonical'")
    with pytest.raises(StateDamaged):
        state.pins()
