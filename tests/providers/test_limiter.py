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
