"""How much a run may touch before it is known to go well: the first waves, the failures at which it stops, and freezes.

Of each class of step of a plan a few subjects go first; the others are held until those were seen to have done it. Nobody waits
in here: a subject that is held is walked again once it may go on.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from plans.conditions import ProviderHolds
from plans.desired import Subject
from plans.freeze import frozen
from plans.plan import Step
from plans.policy import Risk
from plans.position import Event, EventKind, Write, last_write
from plans.problem import Problem
from provisioner.manifest.model import Policy
from provisioner.results import Held, Result, Standing

_AGAIN = "Look at what became of them, then apply the same plan again."

_NOT_YET = -1
"""Stands for the step of a subject that has a place in a wave, and has not come to its step."""

Turn = tuple[str, Risk]
"""A class of step of a plan, named by the plan's id."""


class Refused(Problem):
    """Policy lets the run take no such step any more."""


@dataclass(slots=True)
class _Wave:
    """Those that do a class of step of a plan first: with which step of theirs they are at it, and for whom it was sent.

    `done` are those that were seen to have done it, `unclear` those whose provider took it and does not hold it. `failed`: who
    failed at it.
    """

    going: dict[Subject, int] = field(default_factory=dict)
    sent: set[Subject] = field(default_factory=set)
    done: set[Subject] = field(default_factory=set)
    unclear: set[Subject] = field(default_factory=set)
    failed: Subject | None = None


class Restraint:
    """What a policy's `waves`, `max_failures` and `freeze` let one run do. Many threads ask it.

    A subject has failed when its standing is FAILED; or STALE or REFUSED, but not by this, after the run wrote for it.
    """

    def __init__(self, policy: Policy, now: Callable[[], datetime]) -> None:
        self._policy = policy
        self._now = now
        self._lock = threading.Lock()
        self._waves: defaultdict[Turn, _Wave] = defaultdict(_Wave)
        self._wrote: set[Subject] = set()
        self._failed: dict[Subject, None] = {}

    def remember(self, plan_id: str, subject: Subject, steps: Sequence[Step], events: Sequence[Event]) -> None:
        """Take from the journal which steps earlier runs sent for a subject, and which of them were seen to be done."""
        seen = {event.step for event in events if event.kind is EventKind.SEEN}
        for number, step in enumerate(steps):
            if last_write(number, events) in {Write.BEGUN, Write.WRITTEN}:
                wave = self._waves[plan_id, step.risk]
                if number in seen:
                    wave.done.add(subject)
                else:
                    wave.going[subject] = number
                    wave.sent.add(subject)

    def ask(self, plan_id: str, subject: Subject, number: int, step: Step, *, ahead: bool = False) -> Held | None:
        """Ask to take a step that is ready; None lets it be taken. `ahead`: only for a place, until it is. Raises `Refused`."""
        with self._lock:
            refusal = self._refusal(plan_id, subject, step.risk)
            if refusal:
                raise refusal
            freeze = frozen(self._policy.freezes, self._now())
            if freeze:
                return Held(str(freeze), freeze.until)
            wave = self._waves[plan_id, step.risk]
            if self._proven(wave) or subject in wave.done:
                return None
            if subject in wave.going or self._room(wave) > 0:
                wave.going[subject] = _NOT_YET if ahead else number
                return None
            return Held(f"{self._first(step.risk)}, and these are not seen to have done it yet: {_named(wave.going)}")

    def seen(self, plan_id: str, subject: Subject, number: int, step: Step) -> None:
        """Take note that a subject's step was seen to be done."""
        with self._lock:
            wave = self._waves[plan_id, step.risk]
            if not self._proven(wave) and wave.going.get(subject) == number:
                del wave.going[subject]
                wave.unclear.discard(subject)
                wave.done.add(subject)

    def ended(self, plan_id: str, result: Result, sent: Collection[int], *, refused: bool) -> None:
        """Take note of what became of a subject for which these steps were sent; `refused`: it was this that refused it one."""
        subject = result.subject
        with self._lock:
            if result.written or result.unsure:
                self._wrote.add(subject)
            stopped = result.standing in {Standing.STALE, Standing.REFUSED} and not refused
            if result.standing is Standing.FAILED or (stopped and subject in self._wrote):
                self._failed[subject] = None
            for (plan, _), wave in self._waves.items():
                if plan != plan_id or subject not in wave.going or self._proven(wave):
                    continue
                if wave.going[subject] == _NOT_YET:
                    del wave.going[subject]
                    continue
                if wave.going[subject] in sent:
                    wave.sent.add(subject)
                if result.standing is Standing.FAILED or (stopped and subject in wave.sent):
                    wave.failed = subject
                elif subject not in wave.sent:
                    del wave.going[subject]
                elif _is_unclear(result, wave.going[subject]):
                    wave.unclear.add(subject)

    def refusal(self, plan_id: str, subject: Subject, risk: Risk, *, at_the_end: bool = False) -> Refused | None:
        """Say why a subject may take no step of a class any more; None: it may, now or later.

        At the end of a run, what a provider took and does not hold has failed.
        """
        with self._lock:
            return self._refusal(plan_id, subject, risk, at_the_end=at_the_end)

    def over(self, subject: Subject) -> Refused | None:
        """Say why the run takes no step any more, and so none for this subject; None: it does."""
        with self._lock:
            return self._over(subject)

    def may_go(self, turns: Sequence[Turn]) -> list[bool]:
        """Say who of those that were held, each with the class of step that it was held at, may be walked again."""
        with self._lock:
            rooms = {turn: self._room(self._waves[turn]) for turn in turns}
            chosen = []
            for turn in turns:
                is_proven = self._proven(self._waves[turn])
                chosen.append(is_proven or rooms[turn] > 0)
                rooms[turn] -= not is_proven
            return chosen

    def _refusal(self, plan_id: str, subject: Subject, risk: Risk, *, at_the_end: bool = False) -> Refused | None:
        wave = self._waves[plan_id, risk]
        what = ""
        if wave.failed and subject != wave.failed:
            what = f"{wave.failed} failed at it."
        elif at_the_end and wave.unclear:
            what = f"Providers took it and do not hold it, for {_named(wave.unclear)}."
        if what and not self._proven(wave) and subject not in wave.going:
            detail = f"{self._first(risk)}. {what}\nNo other subject takes such a step."
            return Refused(f"{subject} takes no step {risk}", detail, _AGAIN)
        return self._over(subject)

    def _over(self, subject: Subject) -> Refused | None:
        if len(self._failed) < self._policy.max_failures:
            return None
        count = "1 subject" if len(self._failed) == 1 else f"{len(self._failed)} subjects"
        detail = f"{self._policy.rule('max_failures')}: it stops at {self._policy.max_failures}, and {count} failed: "
        return Refused(f"The run goes no further, and takes no step for {subject}", f"{detail}{_named(self._failed)}.", _AGAIN)

    def _first(self, risk: Risk) -> str:
        size = self._policy.waves
        return f"{self._policy.rule('waves')}: {'1 subject does' if size == 1 else f'{size} subjects do'} a step {risk} first"

    def _proven(self, wave: _Wave) -> bool:
        return len(wave.done) >= self._policy.waves

    def _room(self, wave: _Wave) -> int:
        return self._policy.waves - len(wave.done) - len(wave.going)


def _is_unclear(result: Result, number: int) -> bool:
    """Whether a subject waits only because its provider does not hold what it took."""
    waits = result.waits
    return bool(waits and waits.step == number and any(isinstance(one.condition, ProviderHolds) for one in waits.unmet))


def _named(subjects: Collection[Subject]) -> str:
    return ", ".join(map(str, sorted(subjects, key=str)))
