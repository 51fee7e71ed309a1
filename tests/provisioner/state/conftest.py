"""What the tests of the state start from. `tests/lab` runs the same tests at other URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from provisioner.state import Run, State


@pytest.fixture
def clock() -> list[datetime]:
    """What a state in SQLite takes for the time; a test puts another one in its place."""
    return [datetime(2026, 3, 1, 12, 0, 0, 1, UTC)]


@pytest.fixture
def new_url(tmp_path: Path) -> Callable[[], str]:
    """Name a database that is not there yet, another one each time."""
    numbers = iter(range(100))
    return lambda: f"sqlite:///{tmp_path}/{next(numbers)}/state.db"


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()


@pytest.fixture
def state(url: str, clock: list[datetime]) -> Iterator[State]:
    with State.open(url, lambda: clock[0]) as opened:
        yield opened


@pytest.fixture
def run(state: State) -> Run:
    return state.begin_run("apply", "0.1.0")


@pytest.fixture
def raw(url: str, state: State) -> Iterator[Connection]:
    """Reach past the state into its database, as somebody with a shell of that database does."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
