"""Every reader of foreign input, for about a second each: what broke once, and new inputs from a fixed seed."""

from __future__ import annotations

import pytest

from tests.fuzz.harness import fuzz, replay
from tests.fuzz.readers import READERS


@pytest.mark.parametrize("name", READERS)
def test_what_is_kept_breaks_nothing(name: str) -> None:
    tally = replay(READERS[name])
    assert tally.faults == []
    assert tally.tried == len(READERS[name].corpus) > 0


@pytest.mark.parametrize("name", READERS)
def test_new_inputs_break_nothing(name: str) -> None:
    tally = fuzz(READERS[name], 1, READERS[name].few)
    assert tally.faults == []
    assert tally.accepted
    assert tally.refused
