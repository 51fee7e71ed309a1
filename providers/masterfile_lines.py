"""The outer form of master files (RFC 1035 §5.1): bytes into logical lines of tokens, each with its place.

A file is read as Latin-1, so that a character is a byte and every byte can stand in a comment or a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

MAX_OCTETS = 64 * 2**20
"""The largest file that is read."""

_BYTE_ORDER_MARKS = ("\xef\xbb\xbf", "\xff\xfe", "\xfe\xff")
_LONE_CARRIAGE_RETURN = re.compile(r"\r(?!\n)")
_LEXEME = re.compile(
    r"""(?P<space> [ \t]+ | ;[^\n]*)
    | (?P<token> (?: [^ \t\r\n;()"\\]++ | \\[^\r\n] )++ | "(?: [^"\\\r\n]++ | \\[^\r\n] )*+" )
    | (?P<newline> \r?\n)
    | (?P<other> .)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE_OR_BYTE = re.compile(r"\\[0-9]{3}|\\.|[\x80-\xff]")


class MasterFileError(Exception):
    """A file that is no master file as we read them: `line` counts from 1, `what` is wrong there, and how to `mend` it."""

    def __init__(self, line: int, what: str, mend: str) -> None:
        super().__init__(line, what, mend)
        self.line = line
        self.what = what
        self.mend = mend


class Token(NamedTuple):
    """A word or a quoted string: its place in the file, counted in octets from 0, and its text as it stands there."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One entry's physical lines, comments and final newline included; parentheses join lines. It has one token or more."""

    start: int
    end: int
    number: int
    tokens: tuple[Token, ...]


def decode(data: bytes) -> str:
    """Read a file's bytes as text of one character a byte.

    Raises:
        MasterFileError: the file is too large, begins with a byte order mark, or has old Macintosh line ends.

    """
    text = data.decode("latin-1")
    if len(text) > MAX_OCTETS:
        raise MasterFileError(1, f"the file is larger than {MAX_OCTETS} octets", "split the zone")
    if text.startswith(_BYTE_ORDER_MARKS):
        raise MasterFileError(1, "the file begins with a byte order mark", "save the file without one")
    if lone := _LONE_CARRIAGE_RETURN.search(text):
        raise MasterFileError(
            line_at(text, lone.start()), "a carriage return stands without a line feed", "end lines with LF or CR LF"
        )
    return text


def line_at(text: str, position: int) -> int:
    """Give the number of the line, from 1, that a place lies in."""
    return text.count("\n", 0, position) + 1


def escaped(text: str) -> str:
    r"""Write every byte beyond ASCII as `\DDD`, which means the same (RFC 1035 §5.1)."""
    if text.isascii():
        return text
    return _ESCAPE_OR_BYTE.sub(lambda found: _escape(found.group()), text)


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """Split a file into the logical lines that hold more than space and comments.

    Raises:
        MasterFileError: parentheses do not match, a string is not closed, or a backslash escapes nothing.

    """
    tokens: list[Token] = []
    opened: list[int] = []
    start = 0
    number = lines = 1
    for lexeme in _LEXEME.finditer(text):
        kind = lexeme.lastgroup
        if kind == "token":
            tokens.append(Token(lexeme.start(), lexeme.end(), lexeme.group()))
        elif kind == "newline":
            lines += 1
            if not opened:
                if tokens:
                    yield LogicalLine(start, lexeme.end(), number, tuple(tokens))
                    tokens = []
                start, number = lexeme.end(), lines
        elif kind == "other":
            _take_other(lexeme.group(), lines, opened, begins_line=lexeme.start() == start)
    if opened:
        raise MasterFileError(opened[-1], "a parenthesis that is opened here is never closed", "close it")
    if tokens:
        yield LogicalLine(start, len(text), number, tuple(tokens))


def _take_other(character: str, line: int, opened: list[int], *, begins_line: bool) -> None:
    """Note a parenthesis; anything else is the beginning of something that has no end."""
    if character == "(" and begins_line:
        raise MasterFileError(line, "a parenthesis begins the line", "put the owner name before it")
    if character == "(":
        opened.append(line)
    elif character == ")" and not opened:
        raise MasterFileError(line, "a closing parenthesis was never opened", "remove it, or open it before")
    elif character == ")":
        opened.pop()
    elif character == '"':
        raise MasterFileError(line, "a quoted string is not closed on its line", 'close it with "')
    else:
        raise MasterFileError(line, "a backslash ends the line", "remove it, or name the character that it escapes")


def _escape(found: str) -> str:
    return found if found.isascii() else f"\\{ord(found[-1]):03d}"
