"""Lines of text whose parts know what they mean, so that a terminal can colour them; the symbols alone carry the meaning."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """What a part of a line means."""

    PLAIN = "plain"
    STRONG = "strong"
    FAINT = "faint"
    GOOD = "good"
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    WARNED = "warned"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text with one meaning. Control characters in it are shown, never sent to the terminal."""

    text: str
    tone: Tone = Tone.PLAIN

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))


Line = tuple[Part, ...]

_UNUSUAL = re.compile(r"[^\n\t -~]")


def line(*parts: str | Part) -> Line:
    """Make a line; bare text is plain."""
    return tuple(part if isinstance(part, Part) else Part(part) for part in parts)


def plain(of: Line) -> str:
    """Give a line's text alone."""
    return "".join(part.text for part in of).rstrip()


def printable(text: str) -> str:
    """Replace what could steer a terminal or reorder what is read (controls, format characters and their like) by its code."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _code(ord(character)) for character in text)


def inert(document: str) -> str:
    """Do the same to a document for a program, with the escapes of JSON, in which they mean the same."""
    return _UNUSUAL.sub(lambda sign: sign[0] if sign[0].isprintable() else json.dumps(sign[0])[1:-1], document)


def _code(point: int) -> str:
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004 - as Python writes them
