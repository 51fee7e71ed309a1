from __future__ import annotations

import pytest

from plans.duration import duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (3905, "1 h 5 min"), (86400, "1 d"), (2**31 - 1, "24855 d 3 h")],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: int, said: str) -> None:
    assert duration(seconds) == said
