"""How far a run is, at a terminal: one line that is written over again and again, and gone once it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from plans.desired import SubjectKind
from provisioner.cli import screen

if TYPE_CHECKING:
    from typing import Protocol, TypeVar

    from plans.desired import Subject
    from provisioner.fleet import Fleet

    class _About(Protocol):
        @property
        def subject(self) -> Subject: ...

    _Told = TypeVar("_Told", bound=_About)

_FIRST = 1.0
"""Seconds; what is over sooner has no line."""
_AGAIN = 0.2
"""Seconds from one line to the next."""


class Watch:
    """How far a run is; whoever does something says so here."""

    def __init__(self, fleet: Fleet, doing: str) -> None:
        self._fleet = fleet
        self._doing = doing
        self._began = time.monotonic()
        self._reached: tuple[str, int, int | None] = "", 0, None

    def reach(self, unit: str, done: int, total: int | None) -> None:
        """Say how much of what there is to do is done."""
        self._reached = unit, done, total

    def domains(self, told: Iterable[_Told], total: int | None) -> Iterator[_Told]:
        """Give what is told of subjects, and count those of them that are domains."""
        return self._counted(told, "domains", total, {SubjectKind.DOMAIN})

    def subjects(self, told: Iterable[_Told], total: int) -> Iterator[_Told]:
        """Give what is told of subjects, and count them."""
        return self._counted(told, "subjects", total, set(SubjectKind))

    def _counted(self, told: Iterable[_Told], unit: str, total: int | None, kinds: set[SubjectKind]) -> Iterator[_Told]:
        done = 0
        self.reach(unit, done, total)
        for one in told:
            done += one.subject.kind in kinds
            self.reach(unit, done, total)
            yield one

    def text(self) -> str:
        """Say how far it is by now."""
        from provisioner.report.progress_text import Reached, progress_text

        seconds = time.monotonic() - self._began
        return progress_text(Reached(self._doing, *self._reached, seconds, self._fleet.held_up))


@contextmanager
def watching(fleet: Fleet, doing: str) -> Iterator[Watch]:
    """Show on stderr, where that is a terminal, how far a run is, until the block ends."""
    watch = Watch(fleet, doing)
    if not screen.can_overwrite():
        yield watch
        return
    over = Event()

    def tell(show: Callable[[str], None]) -> None:
        pause = _FIRST
        while not over.wait(pause):
            show(watch.text())
            pause = _AGAIN

    with screen.passing() as show:
        thread = Thread(target=tell, args=(show,), daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            over.set()
            thread.join()
