"""What became of each subject of an apply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from plans.desired import Subject
from plans.plan import Step
from plans.problem import Problem

if TYPE_CHECKING:
    from plans.position import Waiting  # a plan starts faster without it


class Standing(StrEnum):
    """Where a subject was left."""

    DONE = "done"
    """Every step was seen to be done, now or before."""
    WAITING = "waiting"
    """A step waits for something that time or a person brings."""
    LOCKED = "locked"
    """Another run is at work on a zone of it."""
    STALE = "stale"
    """The world is not as the plan says; nothing more was written."""
    FAILED = "failed"
    """Something could not be read or written."""
    REFUSED = "refused"
    """A rule forbids it."""
    INTERRUPTED = "interrupted"
    """The run was told to stop before it came to its end."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why policy holds a step back that could be taken, and until when; None: until others have done theirs."""

    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one subject: where it stands, how many sets were written for it in this run, and why it stopped.

    `waiting` is the step that it waits at, `waits` what for, or `held` why not yet. `unsure`: one more set may have been
    written; no answer came. `signing`: what the signing of the zone was turned to, which counts as one of the sets; None: it
    was not touched.
    """

    subject: Subject
    standing: Standing
    written: int = 0
    problem: Problem | None = None
    waiting: Step | None = None
    waits: Waiting | None = None
    unsure: bool = False
    held: Held | None = None
    signing: bool | None = None

    def after(self, earlier: Result | None) -> Result:
        """Add what was written before in the same run."""
        if earlier is None:
            return self
        signing = earlier.signing if self.signing is None else self.signing
        return replace(self, written=self.written + earlier.written, signing=signing)

    @property
    def until(self) -> datetime | None:
        """When it can go on at the earliest, where that is known (UTC)."""
        return self.held.until if self.held else self.waits.until if self.waits else None
