from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.dns.pace import BURST, LEAST, MOST, START, Pace


def test_a_question_waits_for_its_turn() -> None:
    pace = Pace()
    assert pace.turn(1000.0) == 0.0
    waits = [pace.turn(1000.0) for _ in range(50)]
    assert waits[-1] == pytest.approx(50 / START)
    assert all(wait == 0.0 or wait > BURST for wait in waits)
    assert pace.turn(2000.0) == 0.0


def test_it_grows_fast_until_something_is_lost_and_by_steps_from_then_on() -> None:
    pace = Pace()
    pace.answered()
    assert pace.rate == START + 1
    pace.lost(sent=1.0, now=1.5)
    slowed = pace.rate
    assert slowed < START
    pace.answered()
    assert slowed < pace.rate < slowed + 1


def test_what_was_lost_together_slows_it_down_once() -> None:
    pace = Pace()
    pace.lost(sent=1.0, now=1.5)
    slowed = pace.rate
    pace.lost(sent=1.1, now=1.6)
    assert pace.rate == slowed
    pace.lost(sent=1.7, now=2.2)
    assert pace.rate < slowed


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1000), st.floats(0, 1000))))
def test_it_stays_within_its_bounds(events: list[tuple[bool, float, float]]) -> None:
    pace = Pace()
    for answered, sent, now in events:
        if answered:
            pace.answered()
        else:
            pace.lost(sent, now)
        assert LEAST <= pace.rate <= MOST


@pytest.mark.parametrize("limit", [120, 200, 400])
def test_a_server_that_limits_its_rate_answers_nearly_all_in_about_the_time_that_its_limit_takes(limit: int) -> None:
    """Questions one after the other against a bucket that holds a tenth of a second; a loss is noticed after half a second."""
    pace, now, filled, answered, lost = Pace(), 0.0, limit / 10, 0, 0
    noticed: list[tuple[float, float]] = []
    while answered < 20 * limit:
        now += 1 / pace.rate
        filled = min(limit / 10, filled + limit / pace.rate)
        while noticed and noticed[0][0] <= now:
            pace.lost(heapq.heappop(noticed)[1], now)
        if filled >= 1:
            filled -= 1
            answered += 1
            pace.answered()
        else:
            lost += 1
            heapq.heappush(noticed, (now + 0.5, now))
    assert now < 30
    assert lost < answered / 8
