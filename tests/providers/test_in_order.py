"""Many things done at a time come out in their order, and nobody has to wait for what is not wanted any more."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from providers.in_order import all_in_order, in_order

SECONDS = 10.0
"""Until a test gives up."""


def test_as_many_as_are_allowed_run_together_and_come_in_order() -> None:
    together = threading.Barrier(4, timeout=SECONDS)

    def work(number: int) -> int:
        together.wait()
        time.sleep(0.01 * (number % 3))
        return number * number

    assert list(all_in_order(work, range(8), 4)) == [(number, number * number) for number in range(8)]


def test_no_more_run_than_are_allowed() -> None:
    lock, running, most = threading.Lock(), set[int](), 0

    def work(number: int) -> None:
        nonlocal most
        with lock:
            running.add(number)
            most = max(most, len(running))
        time.sleep(0.002)
        with lock:
            running.discard(number)

    assert [number for number, _ in all_in_order(work, range(40), 3)] == list(range(40))
    assert most <= 3


def test_an_error_is_raised_where_its_turn_comes() -> None:
    def work(number: int) -> int:
        if number == 2:
            msg = "two"
            raise ValueError(msg)
        return number

    outcomes = all_in_order(work, range(5), 5)
    assert [next(outcomes), next(outcomes)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="two"):
        next(outcomes)


def test_an_error_that_is_given_is_an_outcome() -> None:
    error = ValueError("given")
    assert list(all_in_order(lambda _: error, range(2), 2)) == [(0, error), (1, error)]


def test_nothing_is_nothing() -> None:
    assert list(all_in_order(str, [], 4)) == []


def test_once_it_is_to_stop_nothing_is_begun_and_what_is_in_hand_may_end() -> None:
    stop, both = threading.Event(), threading.Barrier(2, timeout=SECONDS)
    begun: list[int] = []

    def work(number: int) -> str:
        begun.append(number)
        both.wait()
        stop.set()
        return "done"

    told = list(in_order(work, range(6), 2, stop, SECONDS, lambda _, in_hand: f"left {in_hand}"))
    assert told == [(0, "done"), (1, "done"), *((number, "left False") for number in range(2, 6))]
    assert sorted(begun) == [0, 1]


def test_what_does_not_end_in_time_is_left_in_hand() -> None:
    stop, release = threading.Event(), threading.Event()

    def work(_: int) -> str:
        stop.set()
        release.wait(SECONDS)
        return "done"

    assert list(in_order(work, range(2), 1, stop, 0.0, lambda _, in_hand: f"left {in_hand}")) == [
        (0, "left True"),
        (1, "left False"),
    ]
    release.set()


def test_what_ended_before_anybody_asked_for_it_is_told_also_once_time_is_up() -> None:
    stop, next_one = threading.Event(), threading.Event()

    def work(number: int) -> str:
        if number == 2:
            next_one.set()
        return "done"

    outcomes = in_order(work, range(3), 1, stop, 0.0, lambda _, in_hand: f"left {in_hand}")
    assert next(outcomes) == (0, "done")
    assert next_one.wait(SECONDS)
    stop.set()
    assert next(outcomes) == (1, "done")
    outcomes.close()


def test_who_takes_no_more_has_nothing_more_begun() -> None:
    begun: list[int] = []
    ready = threading.Semaphore(1)

    def work(number: int) -> int:
        ready.acquire(timeout=SECONDS)
        begun.append(number)
        return number

    with closing(all_in_order(work, range(100), 1)) as outcomes:
        assert next(outcomes) == (0, 0)
    ready.release(5)
    time.sleep(0.05)
    assert len(begun) <= 2
