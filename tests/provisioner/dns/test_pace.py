from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.dns.pace import BURST, LEAST, MOST, SHORTEST, START, Pace
from provisioner.dns.peers import AT_ONE


def test_some_questions_may_be_sent_together_and_the_next_waits_for_its_turn() -> None:
    pace = Pace()
    together = 0
    while not (wait := pace.turn(1000.0)):
        together += 1
    assert together == BURST + 1
    assert SHORTEST <= wait < 2 / START + SHORTEST
    assert pace.turn(1000.0 + wait) == 0.0


def test_over_time_no_more_is_sent_than_the_rate_allows() -> None:
    pace, now, sent = Pace(), 1000.0, 0
    while now < 1010.0:
        if wait := pace.turn(now):
            now += wait
        else:
            sent += 1
    assert sent == pytest.approx(10 * START, rel=0.05)
    assert sent <= 10 * START + BURST + 1


def test_it_doubles_in_an_eighth_of_a_second_until_something_is_lost_and_grows_by_steps_from_then_on() -> None:
    pace = Pace()
    for _ in range(round(START / 8)):
        pace.answered()
    assert START * 1.7 < pace.rate < START * 2
    lose(pace, sent=1.0, now=1.5)
    slowed = pace.rate
    pace.answered()
    assert slowed < pace.rate < slowed + 1


def test_a_loss_now_and_then_is_no_limit() -> None:
    pace = Pace()
    for moment in range(1, 50):
        pace.lost(sent=moment, now=moment + 0.5)
        for _ in range(50):
            pace.answered()
    assert pace.rate == MOST


def test_what_was_lost_together_slows_it_down_once() -> None:
    pace = Pace()
    lose(pace, sent=1.0, now=1.5)
    slowed = pace.rate
    assert slowed < START
    lose(pace, sent=1.1, now=1.6)
    assert pace.rate == slowed
    lose(pace, sent=1.7, now=2.2)
    assert pace.rate < slowed


def lose(pace: Pace, sent: float, now: float) -> None:
    for _ in range(2):
        pace.lost(sent, now)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1000), st.floats(0, 1000))))
def test_it_stays_within_its_bounds(events: list[tuple[bool, float, float]]) -> None:
    pace = Pace()
    for answered, sent, now in events:
        if answered:
            pace.answered()
        else:
            pace.lost(sent, now)
        assert LEAST <= pace.rate <= MOST


@pytest.mark.parametrize("notice", [0.02, 0.5], ids=["told by an answer cut short", "by none"])
@pytest.mark.parametrize("limit", [120, 200, 400, 1000])
def test_a_server_that_limits_its_rate_answers_nearly_all_in_about_the_time_that_its_limit_takes(
    limit: int, notice: float
) -> None:
    """Questions, of which fifty may be under way, against a bucket that holds a tenth of a second."""
    pace, now, filled, answered, lost = Pace(), 0.0, limit / 10, 0, 0
    under_way: list[tuple[float, float, bool]] = []
    while answered < 20 * limit:
        wait = pace.turn(now) if len(under_way) < AT_ONE else under_way[0][0] - now
        if wait:
            filled = min(limit / 10, filled + wait * limit)
            now += wait
        else:
            is_answered = filled >= 1
            filled -= is_answered
            heapq.heappush(under_way, (now + (0.02 if is_answered else notice), now, is_answered))
        while under_way and under_way[0][0] <= now:
            _, sent, is_answered = heapq.heappop(under_way)
            if is_answered:
                answered += 1
                pace.answered()
            else:
                lost += 1
                pace.lost(sent, now)
    assert now < 30
    assert lost < answered / 8
