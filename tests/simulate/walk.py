"""A rollout on its way: what `provisioner.execute` does around `plans.position`, on top of a model instead of the world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from plans.conditions import Instant
from plans.facts import Facts, NoAnswer
from plans.judging import Sighting
from plans.plan import Manual, Rollout, Step
from plans.position import WRITTEN, Event, EventKind, Finished, Position, Ready, Stale, Waiting, looked_at, position
from plans.rollout.phased import Remembered, remembered
from tests.simulate.dice import Dice, chance

EPOCH = datetime(2026, 11, 24, tzinfo=UTC)
GRAPH = "Microsoft Graph"
MOST_RUNS = 120
"""Runs without a fault in which a rollout must come to its end."""


class World(Protocol):
    """What a walk acts on and looks at; times are seconds of the model's clock."""

    def facts(self, wanted: frozenset[Instant], at: int, /) -> Facts:
        """Look at what the conditions need, and read every managed key."""
        ...

    def take(self, step: Step, at: int) -> None:
        """Do a step's action."""
        ...

    def by_hand(self, step: Step, at: int) -> None:
        """Do what a manual step asks of a person; it may be asked again."""
        ...

    def noted(self, at: int) -> None:
        """Hear that a run came to its end and kept what it saw; one with a wrong clock keeps nothing."""
        ...

    def changes_after(self, at: int) -> Iterator[int]:
        """Give when something will be seen that is not yet."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """What is under test: how a proposed rollout is walked. A mutant has one of these made wrong."""

    rewrite: Callable[[Rollout], Rollout] = lambda rollout: rollout
    position: Callable[[Rollout, Sequence[Event], Facts], Position] = position
    remembered: Callable[[Rollout, int, int], Remembered | None] = remembered


class _KilledError(Exception):
    """The run dies here."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: how many entries and writes it lives for (None: to its end), how wrong its clock is (s), and what is silent."""

    lives_for: int | None = None
    clock_off: int = 0
    silent: frozenset[str] = frozenset()


class Walk:
    """One open rollout and its journal, as the state keeps them."""

    def __init__(self, rollout: Rollout, world: World, program: Program) -> None:
        self._rewrite = program.rewrite
        self.rollout = self._rewrite(rollout)
        self.events: list[Event] = []
        self.finished = False
        self.wrong: list[str] = []
        self.now = 0
        self._world = world
        self._position = program.position
        self._left: int | None = None

    def forget(self, rollout: Rollout) -> None:
        """Lose the state, and begin with what was proposed anew."""
        self.rollout = self._rewrite(rollout)
        self.events.clear()

    def told(self) -> Iterator[str]:
        """Tell what went wrong, and whether the end was not come to."""
        yield from self.wrong
        if not self.finished and not self.wrong:
            yield f"end: not finished at {self.now}, {len(self.rollout.steps)} steps"

    def run(self, at: int, how: Run) -> int | None:
        """Apply once; each write takes a second. Gives until when it waits at least, if it is known; `now` is its end."""
        self._left, self.now = how.lives_for, at
        try:
            until = self._walk(how)
        except _KilledError:
            return None
        if not how.clock_off:
            self._world.noted(self.now)
        return until

    def _walk(self, how: Run) -> int | None:
        for _ in range(4 * len(self.rollout.steps) + 1):
            facts = _as_seen(self._world.facts(looked_at(self.rollout, self.events), self.now), how)
            where = self._position(self.rollout, self.events, facts)
            self._keep(where, facts.at)
            match where.state:
                case Finished():
                    self.finished = True
                    return None
                case Waiting(number, unmet):
                    if where.newly_seen:
                        continue
                    step = self.rollout.steps[number]
                    if isinstance(step.action, Manual) and {one.condition for one in unmet} <= set(step.done_when):
                        self._world.by_hand(step, self.now)
                    until = where.state.until
                    return int((until - EPOCH).total_seconds()) - how.clock_off if until else None
                case Stale():
                    self.wrong.append(f"stale: at {self.now}, and nobody else wrote: {where.state}")
                    return None
                case Ready(number):
                    self._act(EventKind.BEGUN, number, facts.at)
                    self._spend()
                    self._world.take(self.rollout.steps[number], self.now)
                    self.now += 1
                    self._act(EventKind.SETTLED, number, facts.at, WRITTEN)
        self.wrong.append(f"end: at {self.now} a run goes round and round")
        return None

    def _keep(self, where: Position, now: datetime) -> None:
        for number in where.newly_seen:
            of_step = [event for event in self.events if event.step == number]
            if of_step and of_step[-1].kind is EventKind.BEGUN:
                self._act(EventKind.SETTLED, number, now, WRITTEN)
            self._act(EventKind.SEEN, number, now)
        for number, sighting in where.noted:
            self._note(number, sighting, now)

    def _note(self, number: int, sighting: Sighting, now: datetime) -> None:
        self._spend()
        kind = EventKind.MET if sighting.met else EventKind.LOST
        self.events.append(Event(kind, number, now, condition=sighting.mark))

    def _act(self, kind: EventKind, number: int, now: datetime, outcome: str = "") -> None:
        self._spend()
        self.events.append(Event(kind, number, now, outcome))

    def _spend(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise _KilledError


def _as_seen(facts: Facts, how: Run) -> Facts:
    """Put what is silent in this run, and its clock, over the facts."""
    off = timedelta(seconds=how.clock_off)
    served = {
        place: {address: NoAnswer("no answer") if address in how.silent else held for address, held in answers.items()}
        for place, answers in facts.served.items()
    }
    graph = {} if GRAPH in how.silent else facts.graph
    return replace(facts, at=facts.at + off, clock_skew=off, served=served, graph=graph)


@dataclass(slots=True)
class Timetable:
    """When runs come, and what befalls them."""

    dice: Dice
    now: int = 0
    faulty: int = 0

    def runs(self, walk: Walk, world: World) -> Iterator[int]:
        """Run a walk until it is finished or wrong, or in vain for too long; gives the time after each run, before the next."""
        for number in range(self.faulty + MOST_RUNS):
            how = _fault(self.dice) if number < self.faulty else Run()
            until = walk.run(self.now, how)
            self.now = walk.now + 1
            if walk.finished or walk.wrong:
                return
            if how.lives_for is None or not chance(self.dice, 3):
                self.now = self._next(until, world, number)
            yield self.now

    def _next(self, until: int | None, world: World, number: int) -> int:
        change = min(world.changes_after(self.now), default=None)
        known = [time for time in (until, change) if time is not None and time > self.now]
        later = min(known) if known else self.now + 300 * 2 ** min(number, 8)
        if number >= self.faulty:
            return later
        early = self.now + self.dice.of((60, 3600))
        return self.dice.of((later, min(later, early), later + self.dice.of((1, 60, 3600, 90000))))


def _fault(dice: Dice) -> Run:
    lives_for = dice.between(0, 9) if chance(dice, 3) else None
    silent = frozenset([dice.of(("192.0.2.1", "192.0.2.2", GRAPH))]) if chance(dice, 4) else frozenset()
    off = dice.of((3600, -3600, 61, -61, 90000)) if chance(dice, 4) else 0
    return Run(lives_for, off, silent)
