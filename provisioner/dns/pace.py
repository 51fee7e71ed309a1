"""How fast one server is asked: faster while it answers, slower once it does not, as one that limits its rate would have it."""

from __future__ import annotations

START, LEAST, MOST = 200.0, 100.0, 500.0
"""Questions a second: at first, in the worst case, and at best."""
BURST = 0.005
"""Seconds by which a question may be early: waiting for less costs more than it is worth."""

_BACK = 0.7
_UP = 20.0


class Pace:
    """The pace for one server; times are seconds of one clock."""

    def __init__(self) -> None:
        self.rate = START
        self._next = 0.0
        self._slowed: float | None = None

    def turn(self, now: float) -> float:
        """Give for how many seconds the next question has to wait."""
        self._next = max(now, self._next) + 1 / self.rate
        wait = self._next - 1 / self.rate - now
        return wait if wait > BURST else 0.0

    def answered(self) -> None:
        """Take note of an answer: until the first loss the rate may double each second, then it grows by steps."""
        self.rate = min(MOST, self.rate + (1 if self._slowed is None else _UP / self.rate))

    def lost(self, sent: float, now: float) -> None:
        """Take note of a question of that time without an answer; many that were sent at one pace slow it down once."""
        if self._slowed is None or sent > self._slowed:
            self._slowed = now
            self.rate = max(LEAST, self.rate * _BACK)
