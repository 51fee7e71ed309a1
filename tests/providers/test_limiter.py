from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.limiter import Limiter, Limiters, Meter, Rate


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[str] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def limiter(self, rate: Rate) -> Limiter:
        return Limiter(rate, self.told.append, self.clock, self.sleep)


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_burst_passes_at_once_and_the_rest_at_the_rate(time: Time) -> None:
    limiter = time.limiter(Rate(10, burst=5))
    for _ in range(5):
        limiter.acquire()
    assert time.now == 100.0
    for _ in range(20):
        limiter.acquire()
    assert time.now == pytest.approx(102.0)
    assert time.told == []


def test_a_block_is_waited_out_and_told(time: Time) -> None:
    limiter = time.limiter(Rate(4, burst=100))
    limiter.acquire()
    limiter.block(300)
    limiter.block(10)
    limiter.acquire()
    assert time.now == 400.0
    assert time.told == ["Waiting 300 s for the rate limit."]
    limiter.acquire()
    assert time.now == 400.0


@given(st.floats(0.5, 50), st.integers(1, 50), st.lists(st.floats(0, 5), max_size=100))
def test_never_more_pass_than_the_bucket_allows(per_second: float, burst: int, pauses: list[float]) -> None:
    time = Time()
    limiter = time.limiter(Rate(per_second, burst))
    for passed, pause in enumerate(pauses, 1):
        limiter.acquire()
        assert passed <= burst + (time.now - 100.0) * per_second + 1e-6
        time.now += pause


@given(st.integers(1, 9), st.lists(st.floats(0, 5), max_size=60))
def test_never_more_pass_in_any_stretch_of_time_than_may(most: int, pauses: list[float]) -> None:
    time, passed = Time(), list[float]()
    limiter = time.limiter(Rate(100, burst=5, most=most, within=7))
    for pause in pauses:
        limiter.acquire()
        passed.append(time.now)
        time.now += pause
    assert all(later - earlier >= 7 - 1e-6 for earlier, later in zip(passed, passed[most:], strict=False))


def test_what_is_left_of_a_stretch_passes_without_a_wait_that_is_told_once() -> None:
    now, told = [0.0], list[str]()
    limiter = Limiter(Rate(1000, burst=50, most=30, within=300), told.append, lambda: now[0], lambda _: None)
    for _ in range(30):
        limiter.acquire()
    assert limiter.wait == 0
    for _ in range(30):
        limiter.acquire()
    assert (limiter.wait, told) == (300, ["Waiting 300 s for the rate limit."])
    now[0] = 301
    limiter.acquire()
    assert told == ["Waiting 300 s for the rate limit.", "Waiting 299 s for the rate limit."]


def test_labels_of_one_account_share_its_limiter() -> None:
    limiters = Limiters()
    first = limiters.of("route53", "123", Rate(10, 50))
    assert limiters.of("route53", "123", Rate(1)) is first
    assert limiters.of("route53", "456", Rate(10, 50)) is not first
    assert limiters.of("azure", "123", Rate(10, 50)) is not first


def test_real_time_and_many_threads() -> None:
    limiter = Limiter(Rate(1000, burst=1))
    passed: list[int] = []

    def work() -> None:
        for number in range(20):
            limiter.acquire()
            passed.append(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 80


def test_calls_and_throttles_are_counted_by_operation() -> None:
    meter = Meter()
    for operation in ("list", "apply", "list"):
        meter.called(operation)
    meter.throttled("list")
    assert meter.calls == {"apply": 1, "list": 2}
    assert meter.throttles == {"list": 1}


def test_how_long_the_last_one_still_waits(time: Time) -> None:
    asleep: list[float] = []
    limiter = Limiter(Rate(2, burst=1), time.told.append, time.clock, asleep.append)
    assert limiter.wait == 0
    for _ in range(3):
        limiter.acquire()
    assert (asleep, limiter.wait) == ([0.5, 1.0], 1.0)
    time.now += 0.75
    assert limiter.wait == 0.25
    limiter.block(60)
    limiter.acquire()
    assert limiter.wait == 60
    time.now += 61
    assert limiter.wait == 0


def test_services_that_make_somebody_wait_are_named_once() -> None:
    def give_up(told: str) -> None:
        raise TimeoutError(told)

    limiters = Limiters(give_up)
    for account, seconds in (("one", 300), ("other", 900), ("third", 600)):
        limiter = limiters.of("cloudflare", account, Rate(1000))
        limiter.block(seconds)
        with pytest.raises(TimeoutError):
            limiter.acquire()
    limiters.of("route53", "one", Rate(1)).acquire()
    assert limiters.waits == {"cloudflare": pytest.approx(900, abs=200)}
