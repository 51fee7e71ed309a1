from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.duration import FORM, LONGEST, duration, parse

COUNTS = st.integers(0, 9999)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (3905, "1 h 5 min"), (86400, "1 d"), (2**31 - 1, "24855 d 3 h")],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: int, said: str) -> None:
    assert duration(seconds) == said


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.sets(st.sampled_from("dhms"), min_size=1))
def test_a_written_duration_is_the_sum_of_its_units(days: int, hours: int, minutes: int, seconds: int, units: set[str]) -> None:
    counts = {"d": (days, 86400), "h": (hours, 3600), "m": (minutes, 60), "s": (seconds, 1)}
    text = "".join(f"{count}{unit}" for unit, (count, _) in counts.items() if unit in units)
    assert parse(text) == sum(count * size for unit, (count, size) in counts.items() if unit in units)


@given(st.integers(0, LONGEST))
def test_every_number_of_seconds_can_be_written(seconds: int) -> None:
    assert parse(f"{seconds}s") == seconds
    assert parse(f"{seconds // 86400}d{seconds % 86400}s") == seconds


@given(st.text() | st.text("0123456789dhms \n"))
def test_what_is_taken_has_the_form_and_is_not_too_long(text: str) -> None:
    try:
        seconds = parse(text)
    except ValueError:
        return
    assert re.search(FORM, text)
    assert 0 <= seconds <= LONGEST


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "-5m", "1m1h", "5m5m", "1.5h", "5M", "٣m", "5m\n", "PT5M", f"{LONGEST + 1}s", "24856d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration such as"):
        parse(text)
