"""The exit codes."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a script may rely on."""

    DONE = 0
    ERROR = 1
    PENDING = 2
    REFUSED = 3
    STALE = 4
    LOCKED = 5
    PARTIAL = 6
    WAITING = 7
    UNAPPROVED = 8
    USAGE = 64
    INTERRUPTED = 130
