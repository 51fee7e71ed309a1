"""How fast an account may be asked: a token bucket that all threads of a run share, and a count of what was asked."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_TOLD_FROM = 5.0
"""Seconds; a wait this long is told to whoever watches the run."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second, and how many may come at once after a pause; `most`: no more than so many in any `within` seconds."""

    per_second: float
    burst: int = 1
    most: int | None = None
    within: float = 0.0


class Limiter:
    """A token bucket. `clock` and `sleep` are monotonic seconds; `notify` is told of waits that a person would notice."""

    def __init__(
        self,
        rate: Rate,
        notify: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._notify = notify
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tokens = float(rate.burst)
        self._filled = clock()
        self._blocked_until = 0.0
        self._through = self._filled
        self._sent: deque[float] = deque(maxlen=rate.most)
        self._told_until = 0.0

    def acquire(self) -> None:
        """Wait until one request may be sent. Requests are let through in the order in which they came."""
        with self._lock:
            now = self._clock()
            self._fill(now)
            self._tokens -= 1
            wait = max(-self._tokens / self._rate.per_second, self._blocked_until - now, self._full_until() - now, 0.0)
            self._through = max(self._through, now + wait)
            if self._rate.most is not None:
                self._sent.append(now + wait)
            tell = wait >= _TOLD_FROM and now >= self._told_until
            if tell:
                self._told_until = now + wait
        if tell:
            self._notify(f"Waiting {wait:.0f} s for the rate limit.")
        if wait > 0:
            self._sleep(wait)

    def block(self, seconds: float) -> None:
        """Let nothing through for a while: the service said so."""
        with self._lock:
            self._blocked_until = max(self._blocked_until, self._clock() + seconds)

    @property
    def wait(self) -> float:
        """For how many seconds the last of those who wait still do."""
        with self._lock:
            return max(self._through - self._clock(), 0.0)

    def _fill(self, now: float) -> None:
        self._tokens = min(float(self._rate.burst), self._tokens + (now - self._filled) * self._rate.per_second)
        self._filled = now

    def _full_until(self) -> float:
        """Give when the oldest of as many requests as are let through `within` a time has left it."""
        return self._sent[0] + self._rate.within if len(self._sent) == self._rate.most else 0.0


class Limiters:
    """One limiter an account, whichever labels of the manifest lead to it."""

    def __init__(self, notify: Callable[[str], None] = lambda _: None) -> None:
        self._notify = notify
        self._lock = threading.Lock()
        self._of_account: dict[tuple[str, str], Limiter] = {}

    def of(self, service: str, account: str, rate: Rate) -> Limiter:
        """Give the account's limiter; the first rate that was asked for holds."""
        with self._lock:
            return self._of_account.setdefault((service, account), Limiter(rate, self._notify))

    @property
    def waits(self) -> Mapping[str, float]:
        """The services whose limit makes somebody wait just now: for how many seconds."""
        with self._lock:
            limiters = list(self._of_account.items())
        longest: dict[str, float] = {}
        for (service, _), limiter in limiters:
            if (wait := limiter.wait) > longest.get(service, 0.0):
                longest[service] = wait
        return longest


class Meter:
    """Counts calls and throttles by operation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()

    def called(self, operation: str) -> None:
        """Count a request that was sent."""
        with self._lock:
            self._calls[operation] += 1

    def throttled(self, operation: str) -> None:
        """Count a request that was answered with a wait."""
        with self._lock:
            self._throttled[operation] += 1

    @property
    def calls(self) -> Mapping[str, int]:
        """How many requests were sent, by operation."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    @property
    def throttles(self) -> Mapping[str, int]:
        """How many of them were answered with a wait, by operation."""
        with self._lock:
            return dict(sorted(self._throttled.items()))
