"""How fast one server is asked: faster while it answers, slower once it does not, as one that limits its rate would have it."""

from __future__ import annotations

START, LEAST, MOST = 200.0, 50.0, 2000.0
"""Questions a second: at first, in the worst case, and at best."""
BURST = 20
"""So many questions may be sent together after a pause."""
SHORTEST = 0.005
"""Seconds; to wait for less costs more than it is worth."""

_UP, _STEP = 6.0, 20.0
"""What the rate grows by: with each answer at first (it doubles in an eighth of a second), each second after a loss."""
_BACK = 0.6
_MEMORY, _CHANCE = 1 / 32, 0.05
"""What the last answer or loss weighs in the share that is lost, and the share that is chance and no limit."""


class Pace:
    """The pace for one server; times are seconds of one clock."""

    def __init__(self) -> None:
        self.rate = START
        self._next = 0.0
        self._lost = 0.0
        self._slowed: float | None = None

    def turn(self, now: float) -> float:
        """Take a turn: 0.0; or give for how many seconds there is none."""
        early = self._next - now - BURST / self.rate
        if early > 0:
            return max(early, SHORTEST)
        self._next = max(now, self._next) + 1 / self.rate
        return 0.0

    def answered(self) -> None:
        """Take note of an answer."""
        self._lost -= self._lost * _MEMORY
        self.rate = min(MOST, self.rate + (_UP if self._slowed is None else _STEP / self.rate))

    def lost(self, sent: float, now: float) -> None:
        """Take note of a question of that time without an answer; many that were sent at one pace slow it down once."""
        self._lost += (1 - self._lost) * _MEMORY
        if self._lost > _CHANCE and (self._slowed is None or sent > self._slowed):
            self._slowed = now
            self.rate = max(LEAST, self.rate * _BACK)
