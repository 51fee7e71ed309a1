"""Whether a condition is met by what was gathered and what is remembered of earlier looks, purely."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from plans import mta_sts
from plans.conditions import Condition, HeldFor, Plain, Presents, StsAllows
from plans.facts import Facts, NoAnswer, StsMode, StsPolicy
from plans.verdicts import MET, Judgement, Verdict, clock, instant, met_if, not_gathered

STS_LEAST = 86400
"""Seconds: a sender need not look for a new MTA-STS id more often than daily (RFC 8461 §3.1, §5.1)."""
_CLOSED = ", not named]"


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that was looked at and must be remembered: `mark` names it, `met` says whether it was so."""

    mark: str
    met: bool
    timeless: bool = False
    """Whether it counts from no time: that it was so once is all that matters."""


class Memory:
    """What earlier looks told: for each mark, since when it was so without a break; None: it was not, or never looked at."""

    def __init__(self, told: Iterable[tuple[datetime, Sighting]] = ()) -> None:
        self._since: dict[str, datetime | None] = {}
        for at, sighting in told:
            if not sighting.met:
                self._since[sighting.mark] = None
            elif self._since.get(sighting.mark) is None:
                self._since[sighting.mark] = at

    def since(self, mark: str) -> datetime | None:
        """Give since when it is so."""
        return self._since.get(mark)

    def any_met(self, begins: str, ends: str) -> bool:
        """Whether it is so for a mark that begins and ends like that."""
        return any(since and mark.startswith(begins) and mark.endswith(ends) for mark, since in self._since.items())

    def is_news(self, sighting: Sighting) -> bool:
        """Whether a sighting says something that is not remembered."""
        return (self.since(sighting.mark) is None) is sighting.met


def judge(condition: Condition, facts: Facts, memory: Memory) -> Verdict:
    """Judge a condition by the facts of this moment and what is remembered of earlier ones."""
    match condition:
        case HeldFor(inner, seconds):
            now = judge(inner, facts, memory)
            since = memory.since(confirmed_mark(inner) if now.on_word else str(inner))
            return _waited(since, seconds, facts, now.why) if now.met else now
        case StsAllows():
            return _sts(condition, facts, memory)
        case _:
            return instant(condition, facts)


def sightings(condition: Condition, facts: Facts) -> Iterator[Sighting]:
    """Give what must be remembered of a condition, as it is now; nothing where it could not be looked at.

    By a clock that is known to be wrong nothing is remembered from which a wait could count.
    """
    yield from (one for one in _sightings(condition, facts) if not one.met or one.timeless or clock(facts).met)


def _sightings(condition: Condition, facts: Facts) -> Iterator[Sighting]:
    match condition:
        case StsAllows(domain):
            policy = facts.sts.get(domain)
            if isinstance(policy, StsPolicy) and policy.id:
                open_now = _is_open(condition, policy)
                yield Sighting(_sts_mark(condition, policy), met=open_now)
                if not open_now:
                    yield Sighting(_closed_mark(condition, policy), met=True, timeless=True)
        case HeldFor(inner, _):
            found = instant(inner, facts)
            if found.judgement is not Judgement.UNKNOWN and not found.on_word:
                yield Sighting(str(inner), met=found.met)
            if isinstance(inner, Presents):
                yield Sighting(confirmed_mark(inner), met=found.on_word)
        case _:
            pass


def confirmed_mark(inner: Plain) -> str:
    """Give the mark of a condition that is met by people's words: the wait for what was seen does not count from there."""
    return f"{inner} [confirmed]"


def _waited(since: datetime | None, seconds: int, facts: Facts, word: str = "") -> Verdict:
    """Judge a wait; `word`: on whose word what is waited for is so, if it was not seen."""
    if not clock(facts).met:
        return clock(facts)
    began = since or facts.at
    until = began + timedelta(seconds=seconds)
    if began <= facts.at and until <= facts.at:
        return replace(MET, why=word)
    return Verdict(Judgement.NOT_YET, f"{f'{word}; waits' if word else 'seen'} since {began:%Y-%m-%d %H:%M:%SZ}", until)


def _sts(condition: StsAllows, facts: Facts, memory: Memory) -> Verdict:
    policy = facts.sts.get(condition.domain)
    match policy:
        case None:
            return not_gathered("the MTA-STS policy")
        case NoAnswer(why):
            return Verdict(Judgement.UNKNOWN, why)
        case StsPolicy(id=""):
            why = "the policy was withdrawn; senders keep the one they have until its max_age is over"
            return met_if(not memory.any_met(f"{condition} [id ", _CLOSED), why)
        case StsPolicy() if not _is_open(condition, policy):
            unlisted = [host for host in condition.hosts if not mta_sts.lists(policy, [host])]
            return Verdict(Judgement.NOT_YET, f"policy {policy.id} does not name {', '.join(unlisted)}")
        case StsPolicy():
            if memory.since(_closed_mark(condition, policy)):
                why = f"the policy's body changed under the id {policy.id}: senders keep the old one until the id changes"
                return Verdict(Judgement.NOT_YET, why)
            return _waited(memory.since(_sts_mark(condition, policy)), max(policy.ttl, STS_LEAST), facts)
        case _ as never:
            assert_never(never)


def _is_open(condition: StsAllows, policy: StsPolicy) -> bool:
    return policy.mode is not StsMode.ENFORCE or mta_sts.lists(policy, condition.hosts)


def _sts_mark(condition: StsAllows, policy: StsPolicy) -> str:
    return f"{condition} [id {policy.id}, body {policy.digest[:16]}]"


def _closed_mark(condition: StsAllows, policy: StsPolicy) -> str:
    return f"{condition} [id {policy.id}{_CLOSED}"
