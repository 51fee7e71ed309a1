"""Text from elsewhere, made fit for a message: on one line, harmless to a terminal, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 500
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
# What it fits begins where a word does: a long word without digits would else be looked through from each of its letters.
_SECRET_LIKE = re.compile(r"(?<![A-Za-z0-9_~=-])(?=[A-Za-z_~=-]*[0-9])[A-Za-z0-9_~=-]{24,}(?:\.[A-Za-z0-9_~=-]+)*")


def is_guid(text: str) -> bool:
    """Whether a text is a GUID in its usual form."""
    return bool(_GUID.match(text))


def plain(text: str) -> str:
    """Give foreign text on one line, without anything that a terminal would obey, and not too long."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def scrub(text: str, hide: Iterable[str] = ()) -> str:
    """Give the first line of foreign text without `hide` and without anything that looks like a token or a secret."""
    line = next((part for part in text.splitlines() if part.strip()), "")
    for secret in hide:
        line = line.replace(secret, "…") if secret else line
    return plain(_SECRET_LIKE.sub(lambda found: found[0] if is_guid(found[0].split(".")[0]) else "…", line))
