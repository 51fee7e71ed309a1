"""The next serial of a zone's SOA record (RFC 1982, RFC 1912 §2.2)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

MODULUS = 2**32
_HALF = 2**31
_FIRST_YEAR = 1987
"""No zone file is older than RFC 1035."""


def follows(later: int, earlier: int) -> bool:
    """Whether a serial is newer than another (RFC 1982 §3.2); two that lie exactly half the range apart are not comparable."""
    return 0 < (later - earlier) % MODULUS < _HALF


def next_serial(serial: int, now: datetime) -> int:
    """Give the serial after `serial`.

    One that reads as YYYYMMDDnn, of a day not after tomorrow (UTC), becomes today's with nn = 00, or the one after itself
    where that is newer. Every other becomes the one after itself; after 2^32 - 1 comes 0.
    """
    after = (serial + 1) % MODULUS
    today = now.date()
    day = _day(serial)
    if day is None or day > today + timedelta(days=1):
        return after
    first_of_today = (today.year * 10000 + today.month * 100 + today.day) * 100
    return first_of_today if follows(first_of_today, after) else after


def _day(serial: int) -> date | None:
    year_and_month, day = divmod(serial // 100, 100)
    year, month = divmod(year_and_month, 100)
    try:
        return date(year, month, day) if year >= _FIRST_YEAR else None
    except ValueError:
        return None
