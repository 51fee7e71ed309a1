"""Who says what from when to when, and what of it may still be cached later."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ALWAYS = -(10**9)
FOREVER = 10**12


@dataclass(frozen=True, slots=True)
class Span(Generic[T_co]):
    """Something that is so from `start` until just before `end`; seconds of the model's clock."""

    start: int
    end: int
    what: T_co

    def meets(self, other: Span[object]) -> int | None:
        """Give the first second at which both are so."""
        start = max(self.start, other.start)
        return start if start < min(self.end, other.end) else None


class History(Generic[T]):
    """What one place says over time, in the order in which it was told; what was told for later comes later."""

    def __init__(self, first: T, since: int = ALWAYS) -> None:
        self._since, self._said = [since], [first]

    def tell(self, at: int, value: T) -> None:
        """Let it say `value` from `at` on, or from its last change on if that is later."""
        if at > self._since[-1]:
            self._since.append(at)
            self._said.append(value)
        else:
            self._said[-1] = value

    def at(self, time: int) -> T:
        """Give what it says at a time."""
        return self._said[bisect_right(self._since, time) - 1]

    @property
    def last(self) -> T:
        """What it says in the end."""
        return self._said[-1]

    def changes_after(self, time: int) -> list[int]:
        """Give when it changes later."""
        return self._since[bisect_right(self._since, time) :]

    def spans(self) -> Iterator[Span[T]]:
        """Give what it said from when to when."""
        for start, end, value in zip(self._since, [*self._since[1:], FOREVER], self._said, strict=True):
            yield Span(start, end, value)


def cached(histories: Iterable[History[T]], ttl: Callable[[T], int]) -> list[Span[T]]:
    """Give what may be in a cache and when: whatever any place said, for its TTL after the last moment at which it said so."""
    return sorted(
        {Span(one.start, min(one.end + ttl(one.what), FOREVER), one.what) for history in histories for one in history.spans()},
        key=lambda span: (span.start, span.end),
    )


def uncovered(start: int, end: int, by: Iterable[tuple[int, int]]) -> int | None:
    """Give the first second from `start` until before `end` that lies in none of the intervals; None: all lie in one."""
    for begin, stop in sorted(by):
        if begin > start:
            break
        start = max(start, stop)
    return start if start < end else None
