"""How far a run is, in one line, for a person who waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_TOLD_FROM = 1.0
"""Seconds; a shorter wait is how one keeps to a limit, and is not told."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a run is.

    `doing` is what it does, and `done` of `total` (None: nobody knows) of what `unit` names are done, in `seconds`. `waits` has
    the services whose limit makes requests wait just now, and for how many seconds it does.
    """

    doing: str
    unit: str = ""
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    waits: Mapping[str, float] = field(default_factory=dict)


def progress_text(reached: Reached) -> str:
    """Say how far a run is, how fast it goes, and what it waits for."""
    told = f"{reached.doing}: "
    if reached.total is not None:
        told += f"{reached.done:,} of {reached.total:,} {reached.unit} in "
    told += _duration(reached.seconds)
    if reached.done and reached.seconds > 0:
        told += f", {_rate(reached.done / reached.seconds)} a second"
    waits = sorted(((seconds, service) for service, seconds in reached.waits.items()), reverse=True)
    return told + "".join(
        f"; waiting {seconds:.0f} s for {service}'s limit" for seconds, service in waits if seconds >= _TOLD_FROM
    )


def _duration(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    return f"{minutes} min {left} s" if minutes else f"{left} s"


def _rate(each_second: float) -> str:
    return f"{each_second:,.0f}" if each_second >= 10 else f"{each_second:.1f}"  # noqa: PLR2004 - two digits are enough
