from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisioner.state import State


@pytest.fixture
def clock() -> list[datetime]:
    """What the state takes for the time; a test puts another one in its place."""
    return [datetime(2026, 3, 1, 12, 0, 0, 1, UTC)]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/.provisioner/state.db"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".provisioner" / "state.db"


@pytest.fixture
def state(url: str, clock: list[datetime]) -> Iterator[State]:
    with State.open(url, lambda: clock[0]) as opened:
        yield opened
