"""Times in which nothing is written, purely: whether one is now, and when writing may go on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of a week as a policy names them, in `datetime.weekday`'s order."""
_LONGEST_CHAIN = 100
"""So many windows one after another are followed to their end; weekly ones may have none."""


@dataclass(frozen=True, slots=True)
class Once:
    """From one moment (UTC) until just before another. `reason` is why, `where` the rule's file and line."""

    begins: datetime
    ends: datetime
    reason: str
    where: str

    def end(self, now: datetime) -> datetime | None:
        """Give when it ends if it is now."""
        return self.ends if self.begins <= now < self.ends else None


@dataclass(frozen=True, slots=True)
class Weekly:
    """On days of each week (`datetime.weekday`), from one time of day until just before another: times since midnight UTC."""

    days: frozenset[int]
    begins: timedelta
    ends: timedelta
    reason: str
    where: str

    def end(self, now: datetime) -> datetime | None:
        """Give when it ends if it is now."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        is_now = now.weekday() in self.days and self.begins <= now - midnight < self.ends
        return midnight + self.ends if is_now else None


Freeze = Once | Weekly


@dataclass(frozen=True, slots=True)
class Frozen:
    """Nothing is written now: by which rule, and until when (UTC), those that follow without a gap taken together."""

    by: Freeze
    until: datetime

    def __str__(self) -> str:
        reason = f" ({self.by.reason})" if self.by.reason else ""
        return f"policy.freeze in {self.by.where} lets nothing be written before {self.until:%Y-%m-%d %H:%M:%SZ}{reason}"


def frozen(freezes: Collection[Freeze], now: datetime) -> Frozen | None:
    """Say what lets nothing be written at a time (UTC); None: nothing does."""
    first = next((one for one in freezes if one.end(now)), None)
    if first is None:
        return None
    until = now
    for _ in range(_LONGEST_CHAIN):
        ends = [end for one in freezes if (end := one.end(until))]
        if not ends:
            break
        until = max(ends)
    return Frozen(first, until)
