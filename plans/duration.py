"""Durations as people read and write them."""

from __future__ import annotations

import re

LONGEST = 2**31 - 1
"""Seconds of the longest duration that is taken: no TTL is longer (RFC 2181 §8)."""
FORM = r"^(?=.)([0-9]{1,10}d)?([0-9]{1,10}h)?([0-9]{1,10}m)?([0-9]{1,10}s)?$"
"""The form of a written duration, as a regular expression of JSON Schema."""

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: int) -> str:
    """Say a number of seconds in its two largest units, rounded down to the second of them: `1 h 5 min`."""
    parts = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def parse(text: str) -> int:
    """Give the seconds of a written duration: days, hours, minutes and seconds, each at most once: `7d`, `24h`, `1h30m`, `0s`.

    Raises:
        ValueError: it is something else, or longer than `LONGEST`.

    """
    found = re.fullmatch(FORM, text)
    counts = [int(part[:-1]) if part else 0 for part in found.groups()] if found else []
    seconds = sum(count * size for count, (size, _) in zip(counts, _UNITS, strict=True)) if counts else LONGEST + 1
    if seconds > LONGEST:
        msg = f"{text!r} is no duration such as 5m, 24h or 1h30m"
        raise ValueError(msg)
    return seconds
