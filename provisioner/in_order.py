"""Many at a time, told in order: work in threads that nobody has to wait for when the run is to stop."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")
_LOOK = 0.2
"""Seconds between two looks at whether the run is to stop."""


def in_order(
    work: Callable[[_Item], _Outcome],
    items: Sequence[_Item],
    at_once: int,
    stop: threading.Event,
    grace: float,
    left: Callable[[_Item, bool], _Outcome],
) -> Iterator[tuple[_Item, _Outcome]]:
    """Do work on items, `at_once` at a time, and give each with its outcome, in the items' order.

    Once `stop` is set nothing new is begun; what is in hand has `grace` seconds to end. `left` gives the outcome of what nobody
    waits for any more, and is told whether a thread has it in hand. An exception of `work` is raised here.
    """
    crew = _Crew(work, items, at_once, stop, grace)
    for number, item in enumerate(items):
        if crew.wait_for(number):
            yield item, crew.outcome(number)
        else:
            yield item, left(item, crew.has_begun(number))


def all_in_order(work: Callable[[_Item], _Outcome], items: Sequence[_Item], at_once: int) -> Iterator[tuple[_Item, _Outcome]]:
    """Do the same with work that nobody stops."""
    return in_order(work, items, at_once, threading.Event(), 0.0, lambda item, _: work(item))


class _Crew(Generic[_Item, _Outcome]):
    def __init__(
        self, work: Callable[[_Item], _Outcome], items: Sequence[_Item], at_once: int, stop: threading.Event, grace: float
    ) -> None:
        self._work, self._items, self._at_once, self._stop, self._grace = work, items, at_once, stop, grace
        self._done: queue.SimpleQueue[tuple[int, _Outcome | BaseException]] = queue.SimpleQueue()
        self._outcomes: dict[int, _Outcome | BaseException] = {}
        self._in_hand: set[int] = set()
        self._todo = iter(range(len(items)))
        self._end: float | None = None

    def wait_for(self, number: int) -> bool:
        """Wait until there is an outcome, and say whether there is: there is none if the run is to stop and time is up."""
        self._begin()
        while number in self._in_hand and not self._time_is_up():
            try:
                finished, outcome = self._done.get(timeout=_LOOK)
            except queue.Empty:
                continue
            self._outcomes[finished] = outcome
            self._in_hand.discard(finished)
            self._begin()
        return number in self._outcomes

    def outcome(self, number: int) -> _Outcome:
        """Give what came of an item, and forget it."""
        outcome = self._outcomes.pop(number)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def has_begun(self, number: int) -> bool:
        """Whether a thread has the item in hand."""
        return number in self._in_hand

    def _begin(self) -> None:
        while len(self._in_hand) < self._at_once and not self._stop.is_set() and (number := next(self._todo, None)) is not None:
            self._in_hand.add(number)
            threading.Thread(target=self._one, args=(number,), daemon=True).start()

    def _one(self, number: int) -> None:
        try:
            self._done.put((number, self._work(self._items[number])))
        except BaseException as error:  # noqa: BLE001 - raised again where the outcome is taken
            self._done.put((number, error))

    def _time_is_up(self) -> bool:
        if self._stop.is_set() and self._end is None:
            self._end = time.monotonic() + self._grace
        return self._end is not None and time.monotonic() >= self._end
