"""A world of two domains, and its state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.state import State
from tests.provisioner.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def state(world: World) -> Iterator[State]:
    with State.open(world.fleet().manifest.state, world.now) as opened:
        yield opened
