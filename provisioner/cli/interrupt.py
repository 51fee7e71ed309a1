"""What SIGINT and SIGTERM do to a run that writes: the first lets what is in hand come to its end, the second does not."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from provisioner.cli import screen
from provisioner.exits import Exit

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def until_interrupted() -> Iterator[threading.Event]:
    """Give an event that is set once somebody asks the run to stop. A second signal ends the process at once."""
    stop = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(Exit.INTERRUPTED)
        stop.set()
        screen.note_at_once("Stopping: what is in hand comes to its end, nothing more is begun. Once more stops at once.")

    before = {number: signal.signal(number, told) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
