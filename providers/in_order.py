"""Many at a time, told in order: work in threads that nobody has to wait for when the run is to stop."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Generic, NoReturn, TypeVar

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
) -> Generator[tuple[_Item, _Outcome], None, None]:
    """Do work on items, `at_once` at a time, and give each with its outcome, in the items' order.

    Once `stop` is set nothing new is begun; what is in hand has `grace` seconds to end. `left` gives the outcome of what nobody
    waits for any more, and is told whether a thread has it in hand. An exception of `work` is raised here.
    """
    crew = _Crew(work, items, at_once, stop, grace)
    try:
        for number, item in enumerate(items):
            if crew.wait_for(number):
                yield item, crew.outcome(number)
            else:
                yield item, left(item, crew.has_begun(number))
    finally:
        crew.dismiss()


def all_in_order(
    work: Callable[[_Item], _Outcome], items: Sequence[_Item], at_once: int
) -> Generator[tuple[_Item, _Outcome], None, None]:
    """Do the same with work that nobody stops."""
    return in_order(work, items, at_once, threading.Event(), 0.0, lambda item, _: work(item))


class _Crew(Generic[_Item, _Outcome]):
    """Threads that each take one item after the other: to start one for each would cost more than much of the work."""

    def __init__(
        self, work: Callable[[_Item], _Outcome], items: Sequence[_Item], at_once: int, stop: threading.Event, grace: float
    ) -> None:
        self._work, self._items, self._stop, self._grace = work, items, stop, grace
        self._done: queue.SimpleQueue[tuple[int, Callable[[], _Outcome]]] = queue.SimpleQueue()
        self._outcomes: dict[int, Callable[[], _Outcome]] = {}
        self._lock = threading.Lock()
        self._in_hand: set[int] = set()
        self._todo = iter(range(len(items)))
        self._dismissed = False
        self._end: float | None = None
        for _ in range(min(at_once, len(items))):
            threading.Thread(target=self._serve, daemon=True).start()

    def wait_for(self, number: int) -> bool:
        """Wait until there is an outcome, and say whether there is: there is none if the run is to stop and time is up."""
        while number not in self._outcomes:
            comes = not self._time_is_up() and (not self._stop.is_set() or self.has_begun(number))
            try:
                finished, outcome = self._done.get(timeout=_LOOK if comes else 0)
            except queue.Empty:
                if not comes:
                    return False
            else:
                self._outcomes[finished] = outcome
                with self._lock:
                    self._in_hand.discard(finished)
        return True

    def outcome(self, number: int) -> _Outcome:
        """Give what came of an item, or raise it, and forget it."""
        return self._outcomes.pop(number)()

    def has_begun(self, number: int) -> bool:
        """Whether a thread has the item in hand, or had it and what came of it was not taken yet."""
        with self._lock:
            return number in self._in_hand

    def dismiss(self) -> None:
        """Have nothing more begun: nobody waits for it."""
        self._dismissed = True

    def _serve(self) -> None:
        while (number := self._next()) is not None:
            outcome: Callable[[], _Outcome]
            try:
                outcome = partial(_given, self._work(self._items[number]))
            except BaseException as error:  # noqa: BLE001 - raised again where the outcome is taken
                outcome = partial(_raised, error)
            self._done.put((number, outcome))

    def _next(self) -> int | None:
        with self._lock:
            number = None if self._dismissed or self._stop.is_set() else next(self._todo, None)
            if number is not None:
                self._in_hand.add(number)
            return number

    def _time_is_up(self) -> bool:
        if self._stop.is_set() and self._end is None:
            self._end = time.monotonic() + self._grace
        return self._end is not None and time.monotonic() >= self._end


def _given(outcome: _Outcome) -> _Outcome:
    return outcome


def _raised(error: BaseException) -> NoReturn:
    raise error
