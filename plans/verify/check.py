"""What a check of a domain comes to, as a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How something was found."""

    FAULT = "fault"
    """Mail is lost, held back or less protected than it is asked to be, or soon will be."""
    UNDETERMINED = "undetermined"
    """It could not be seen."""
    NOTICE = "notice"
    """It will do, and somebody should know."""
    GOOD = "good"
    """It is as it should be, or nobody counts on it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: how it stands, what was found, and what to do about it (empty: nothing)."""

    name: str
    standing: Standing
    what: str
    mend: str = ""


def worst(standings: Iterable[Standing]) -> Standing:
    """Give the one of some standings that counts for all of them; good where there are none."""
    found = set(standings)
    return next((one for one in Standing if one in found), Standing.GOOD)
