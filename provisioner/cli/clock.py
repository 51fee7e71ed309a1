"""The clock."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Give the time in UTC, to whole seconds: finer is of no use to anything that DNS does."""
    return datetime.now(UTC).replace(microsecond=0)
