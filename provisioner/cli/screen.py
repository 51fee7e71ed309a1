"""The only place that prints: rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from provisioner.report.lines import Line, Tone, inert, plain

_STDERR = 2
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


def note_at_once(told: str) -> None:
    """Print progress from within a signal's handler, where a stream may be in the middle of something else."""
    with suppress(OSError):
        os.write(_STDERR, f"{told}\n".encode())


def write(pieces: Iterable[str]) -> None:
    """Write a document for a program, which may run at a terminal."""
    for piece in pieces:
        sys.stdout.write(inert(piece))
    sys.stdout.flush()


def can_ask() -> bool:
    """Whether somebody sits at a terminal and can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """Ask and give the answer; the end of input is an empty one."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _print(stream: TextIO, lines: Iterable[Line]) -> None:
    if not _coloured(stream):
        stream.writelines(f"{plain(line)}\n" for line in lines)
        stream.flush()
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*((part.text, _STYLES[part.tone]) for part in line)))


def _coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
