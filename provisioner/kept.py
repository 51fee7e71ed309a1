"""What the state keeps of earlier runs, as planning sees it, and how a rollout that is open bears on a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Self

from plans.codec import decode_entry
from plans.conditions import ProviderHolds
from plans.contest import WITHIN, Place, Trail, trails
from plans.desired import Subject
from plans.facts import Confirmation
from plans.plan import GOES_ON, WAITS, Rollout, acts_alike
from plans.policy import Finding, Severity
from plans.values import Key, Live, Name

if TYPE_CHECKING:
    from plans.position import Event
    from provisioner.state import State


@dataclass(frozen=True, slots=True)
class Opened:
    """A rollout that has begun and is not over: the plan that it is of, and what the journal says of it."""

    plan_id: str
    rollout: Rollout
    events: tuple[Event, ...]

    def done(self, live: Mapping[Key, Live]) -> int:
        """Give how many of its steps are done, as far as the journal and what providers hold tell."""
        from plans.position import behind  # noqa: PLC0415 - where nothing is open a plan starts faster

        return behind(self.rollout, self.events, live)

    def ends_in(self, wanted: Rollout, live: Mapping[Key, Live]) -> bool:
        """Whether what is wanted are its last steps, and all that are not done among them: then it may go on in their stead."""
        before = len(self.rollout.steps) - len(wanted.steps)
        return 0 <= before <= self.most_done(live) and acts_alike(self.rollout.steps[before:], wanted.steps)

    def most_done(self, live: Mapping[Key, Live]) -> int:
        """Give how many of its steps may be done: what a person does may be, without the journal's knowing."""
        done, steps = self.done(live), self.rollout.steps
        while done < len(steps) and not any(isinstance(one, ProviderHolds) for one in steps[done].done_when):
            done += 1
        return done

    def is_undone(self, live: Mapping[Key, Live], now: datetime) -> bool:
        """Whether somebody changed what it wrote, as far as providers were read."""
        from plans.position import differences, keys  # noqa: PLC0415 - where nothing is open a plan starts faster

        done = self.done(live)
        if done == len(self.rollout.steps) or not live.keys() >= set().union(*keys(self.rollout).values()):
            return False
        return bool(differences(self.rollout, done, self.events, live, now))

    def waits(self, now: datetime) -> bool:
        """Whether its next step cannot be taken now, as far as the journal tells: for a person, or for a time that is known."""
        from plans.plan import Manual  # noqa: PLC0415 - where nothing is open a plan starts faster
        from plans.progress import progress  # noqa: PLC0415 - the same

        where = progress(self.rollout, now, self.events)
        if where is None:
            return False
        by_hand = isinstance(self.rollout.steps[where.step].action, Manual)
        return by_hand or any(wait.until and wait.until > now for wait in where.waits)

    @property
    def wrote(self) -> bool:
        """Whether anything was written or seen to be done for it."""
        from plans.position import WRITTEN, EventKind  # noqa: PLC0415 - where nothing is open a plan starts faster

        return any(event.kind is EventKind.SEEN or event.outcome == WRITTEN for event in self.events)


@dataclass(frozen=True, slots=True)
class Kept:
    """Pinned mail hosts, open rollouts, and what people confirmed of mail hosts. `supersede`: the rollouts may be replaced."""

    pins: Mapping[Name, Name] = field(default_factory=dict)
    opened: Mapping[Subject, Opened] = field(default_factory=dict)
    supersede: bool = False
    at: datetime | None = None
    """When it was read (UTC); None: there is nothing."""
    trails: Mapping[Place, Trail] = field(default_factory=dict)
    """What we had to write again of late because somebody had changed it."""
    confirmations: Mapping[Name, Confirmation] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State, *, supersede: bool = False) -> Self:
        """Read all that a state keeps. Raises as the state does."""
        opened = {}
        for stored in state.open_rollouts():
            rollout = decode_entry(stored.line).rollout
            if rollout:
                opened[stored.subject] = Opened(stored.plan_id, rollout, state.events(stored.id))
        now = state.now()
        return cls(state.pins(), opened, supersede, now, trails(state.writes(since=now - WITHIN)), state.confirmations())

    def beside(self, wanted: Rollout | None, live: Mapping[Key, Live]) -> tuple[Rollout | None, tuple[Finding, ...], str]:
        """Compare what is wanted with what is open for the subject: the rest of that, something that replaces it, or a block.

        The text is the id of the plan that is superseded.
        """
        opened = self.opened.get(wanted.subject) if wanted else None
        if wanted is None or opened is None:
            return wanted, (), ""
        steps, done = opened.rollout.steps, opened.done(live)
        subject, which = wanted.subject, f"The rollout of plan {opened.plan_id[:12]}"
        undone = self.at is not None and opened.is_undone(live, self.at)
        if opened.ends_in(wanted, live) and not undone:
            what = f"{which} goes on: {done} of {len(steps)} steps are done."
            code = WAITS if self.at and opened.waits(self.at) else GOES_ON
            return wanted, (Finding(Severity.NOTICE, code, subject, what, "Apply either of the two plans."),), ""
        if not opened.wrote or opened.most_done(live) == len(steps):
            return wanted, (), ""  # `apply` looks whether the other one is over
        if self.supersede:
            what = f"{which}, of which {done} of {len(steps)} steps are done, is replaced."
            return wanted, (Finding(Severity.NOTICE, "supersedes", subject, what, "Look at its steps again."),), opened.plan_id
        why = "somebody changed what it wrote" if undone else "something else is wanted by now"
        what = f"{which} is half done ({done} of {len(steps)} steps), and {why}."
        mend = "Find out who" if undone else "Apply that plan to its end"
        mend = f"{mend}, or replace it:  provisioner plan --supersede"
        return None, (Finding.block(subject, "rollout-open", what, mend),), ""
