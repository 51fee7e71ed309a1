"""The only place that prints: rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TextIO

from provisioner.report.lines import Line, Tone, inert, line, plain, printable

_STDERR = 2
_COLUMNS = 80
"""As wide is a terminal that does not say so."""
_STYLES = {
    Tone.PLAIN: "",
    Tone.STRONG: "bold",
    Tone.FAINT: "dim",
    Tone.GOOD: "green",
    Tone.ADDED: "green",
    Tone.CHANGED: "yellow",
    Tone.REMOVED: "red",
    Tone.WARNED: "yellow",
    Tone.STOPPED: "bold red",
}
_WIPE = "\r\x1b[K"
"""Goes to the beginning of the line, and erases it (ECMA-48, CR and EL)."""


class _Passing:
    """The line on stderr's terminal that whatever is printed next takes the place of; a thread of its own may show it.

    `stands`: it is there now. `told`: it tells what is waited for, so that nobody else need.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.stands = self.told = False

    def show(self, text: str) -> None:
        """Show a text; an empty one is no line."""
        with self.lock:
            if text or self.stands:
                sys.stderr.write(f"{_WIPE}{text}")
                sys.stderr.flush()
            self.stands = bool(text)


_PASSING = _Passing()


def prepare() -> None:
    """Make sure that no character can fail to be printed, whatever the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def tell(lines: Iterable[Line]) -> None:
    """Print a result."""
    _print(sys.stdout, lines)


def note(lines: Iterable[Line]) -> None:
    """Print progress, a question or an error."""
    _print(sys.stderr, lines)


def note_wait(told: str) -> None:
    """Print what is waited for, unless a passing line tells it."""
    if not _PASSING.told:
        note([line(told)])


def note_at_once(told: str) -> None:
    """Print progress from within a signal's handler, where a stream may be in the middle of something else."""
    wipe = _WIPE if _PASSING.stands else ""
    with suppress(OSError):
        os.write(_STDERR, f"{wipe}{told}\n".encode())


def can_overwrite() -> bool:
    """Whether stderr is a terminal on which a line can be written over."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def passing() -> Iterator[Callable[[str], None]]:
    """Give what shows a line on stderr, a terminal, until the next one is shown, anything is printed, or the block ends."""

    def show(text: str) -> None:
        columns = os.get_terminal_size(_STDERR).columns or _COLUMNS
        _PASSING.show(printable(text)[: columns - 1])

    _PASSING.told = True
    try:
        yield show
    finally:
        _PASSING.told = False
        _PASSING.show("")


def write(pieces: Iterable[str]) -> None:
    """Write a document for a program, which may run at a terminal."""
    with _PASSING.lock:
        for piece in pieces:
            _PASSING.show("")
            sys.stdout.write(inert(piece))
        sys.stdout.flush()


def can_ask() -> bool:
    """Whether somebody sits at a terminal and can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """Ask and give the answer; the end of input is an empty one."""
    _PASSING.show("")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _print(stream: TextIO, lines: Iterable[Line]) -> None:
    with _PASSING.lock:
        _PASSING.show("")
        _write(stream, lines)


def _write(stream: TextIO, lines: Iterable[Line]) -> None:
    if not _coloured(stream):
        stream.writelines(f"{plain(one)}\n" for one in lines)
        stream.flush()
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for one in lines:
        console.print(Text.assemble(*((part.text, _STYLES[part.tone]) for part in one)))


def _coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
