"""A live MX set on its way to another one, so that whatever a resolver still holds names a host that takes the mail.

The TTL is lowered; once the old one has run out, the new hosts come in as the least preferred; then they become the most
preferred; once nobody can hold an older answer, the old hosts go; then the TTL comes back. No step is taken before every
authoritative server has served the set before it for as long as the set before that may be cached.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plans.conditions import (
    Condition,
    GraphAsks,
    HeldFor,
    HostResolves,
    HostTakesMail,
    ProviderHolds,
    ServedEverywhere,
    StsAllows,
)
from plans.desired import Subject
from plans.plan import Change, Rollout, Step
from plans.policy import Finding, Risk
from plans.values import Mx, Name, RRset, ZoneRef

LEAST_TTL = 30
"""Seconds; no step lowers a TTL below it."""
UNKNOWN_TTL = 86400
"""Seconds: what is waited for in place of a TTL that nobody remembers, in a set that looks like one half-way."""
APART = 10
"""How far the preference values of hosts that are to be tried later lie above those before."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a change in phases must keep to. `lowest_ttl` is the least that the zone takes, `soak` a wait of choice; seconds.

    `smtp`: the new hosts must answer SMTP before they are named. `graph`: Microsoft Graph must go on asking for the host.
    """

    lowest_ttl: int = LEAST_TTL
    soak: int = 3600
    smtp: bool = False
    graph: bool = True


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the journal knows of a set that is on its way: the TTL of the set before it, and the one that it had at first."""

    older_ttl: int
    first_ttl: int


@dataclass(frozen=True, slots=True)
class _Stage:
    """One write: its risk, the set that it leaves, and for how long the set before it must have been served (seconds)."""

    risk: Risk
    after: RRset
    wait: int


def phases(
    subject: Subject, live: RRset, wanted: RRset, zone: ZoneRef, terms: Terms, remembered: Remembered | None = None
) -> Rollout | Finding | None:
    """Give the steps from the live MX set to the wanted one; None: nothing is left to do.

    `remembered` is what the journal knows of the live set, if it is one of ours on its way. A finding: a preference value would
    pass 65535.
    """
    try:
        stages = list(_stages(live, wanted, terms, remembered))
    except ValueError:
        what = f"A preference value above 65535 would be needed, since {live.key} holds one close to it."
        mend = "Give the live MX records lower preference values, then plan again."
        return Finding.block(subject, "preference-overflow", what, mend)
    befores = [live, *(stage.after for stage in stages)]
    steps = [_step(before, stage, wanted, zone, terms) for before, stage in zip(befores, stages, strict=False)]
    return Rollout(subject, tuple(steps)) if steps else None


def _stages(live: RRset, wanted: RRset, terms: Terms, remembered: Remembered | None) -> Iterator[_Stage]:
    """Give the writes that are left. Raises `ValueError` where a preference value would be too high."""
    asked, old, new = _mx(wanted), _others(live, wanted), _others(wanted, live)
    if not old:
        yield from _without_old_hosts(live, wanted, remembered)
        return
    half_way = len(new) < len(asked)
    older = remembered.older_ttl if remembered else _unremembered(live, terms, half_way=half_way)
    held = live
    if live.ttl > terms.lowest_ttl:
        held = RRset(live.key, terms.lowest_ttl, live.values)
        yield _Stage(Risk.LOWER_TTL, held, 0)
        older = max(live.ttl, older)
    if new:
        before, held = held, _with_new_hosts(held, asked, new)
        yield _Stage(Risk.ADD_MX, held, older)
        older = before.ttl
    if not _is_swapped(held, asked, old):
        before, held = held, _swapped(held, asked, old)
        yield _Stage(Risk.SWAP_MX, held, older)
        older = before.ttl
    before, held = held, RRset(live.key, held.ttl, wanted.values)
    yield _Stage(Risk.REMOVE_MX, held, older + terms.soak)
    ttl = remembered.first_ttl if remembered else wanted.ttl if live.ttl <= terms.lowest_ttl or half_way else live.ttl
    if ttl != held.ttl:
        yield _Stage(Risk.RAISE_TTL, RRset(live.key, ttl, wanted.values), before.ttl)


def _unremembered(live: RRset, terms: Terms, *, half_way: bool) -> int:
    """Give the TTL of what may be cached beside the live set; one that looks like ours on its way had a longer one before."""
    return UNKNOWN_TTL if half_way or live.ttl <= terms.lowest_ttl else live.ttl


def _without_old_hosts(live: RRset, wanted: RRset, remembered: Remembered | None) -> Iterator[_Stage]:
    """Give the one write that is left where every live host is wanted: whichever of both sets is cached, all take mail."""
    if live.values != wanted.values:
        risk = Risk.ADD_MX if _others(wanted, live) else Risk.SWAP_MX
        yield _Stage(risk, RRset(live.key, remembered.first_ttl if remembered else live.ttl, wanted.values), 0)
    elif remembered and remembered.first_ttl != live.ttl:
        yield _Stage(Risk.RAISE_TTL, RRset(live.key, remembered.first_ttl, wanted.values), remembered.older_ttl)


def _with_new_hosts(held: RRset, asked: Sequence[Mx], new: Sequence[Mx]) -> RRset:
    """Add hosts as the least preferred, in their own order."""
    least, first = max(one.preference for one in _mx(held)) + APART, min(one.preference for one in asked)
    return _set(held, [*_mx(held), *(Mx(least + one.preference - first, one.exchange) for one in new)])


def _swapped(held: RRset, asked: Sequence[Mx], old: Sequence[Mx]) -> RRset:
    """Give the wanted hosts their wanted preference values, and put the old ones behind them, in their own order."""
    least, first = max(one.preference for one in (*_mx(held), *asked)) + APART, min(one.preference for one in old)
    return _set(held, [*asked, *(Mx(least + one.preference - first, one.exchange) for one in old)])


def _is_swapped(held: RRset, asked: Sequence[Mx], old: Sequence[Mx]) -> bool:
    behind = max(one.preference for one in asked) + APART
    return set(asked) <= set(_mx(held)) and all(one.preference >= behind for one in old)


def _step(before: RRset, stage: _Stage, wanted: RRset, zone: ZoneRef, terms: Terms) -> Step:
    key, after = stage.after.key, stage.after
    done_when = (ProviderHolds(zone, key, after), ServedEverywhere(zone.name, key, after))
    requires = (*_waited(before, stage, zone.name), *_gates(before, stage, wanted, terms))
    return Step(stage.risk, Change(before, after), zone, requires, done_when)


def _waited(before: RRset, stage: _Stage, zone: Name) -> Iterator[Condition]:
    if stage.wait:
        yield HeldFor(ServedEverywhere(zone, before.key, before), stage.wait)


def _gates(before: RRset, stage: _Stage, wanted: RRset, terms: Terms) -> Iterator[Condition]:
    """Give what must be true of the wanted hosts before mail may be led to them, or to them alone."""
    if before.values == stage.after.values:
        return
    hosts = tuple(sorted(one.exchange for one in _mx(wanted)))
    domain = wanted.key.owner
    if terms.graph:
        yield from (GraphAsks(domain, host) for host in hosts)
    yield from (HostResolves(host) for host in hosts)
    if terms.smtp:
        yield from (HostTakesMail(host) for host in hosts)
    yield StsAllows(domain, tuple(sorted({one.exchange for one in _mx(stage.after)})))


def _mx(of: RRset) -> list[Mx]:
    return [value for value in of.values if isinstance(value, Mx)]


def _others(of: RRset, than: RRset) -> list[Mx]:
    """Give the records whose host the other set does not name."""
    named = {one.exchange for one in _mx(than)}
    return [one for one in _mx(of) if one.exchange not in named]


def _set(like: RRset, values: Sequence[Mx]) -> RRset:
    return RRset(like.key, like.ttl, tuple(sorted(values)))


def remembered(rollout: Rollout, done: int, soak: int) -> Remembered | None:
    """Give what a rollout tells of the live set once its first `done` steps are done; None: it changed nothing yet."""
    if not any(isinstance(one, ProviderHolds) for step in rollout.steps[:done] for one in step.done_when):
        return None
    left = rollout.steps[done:]
    waits = [
        one.seconds
        for step in left[:1]
        for one in step.requires
        if isinstance(one, HeldFor) and isinstance(one.condition, ServedEverywhere)
    ]
    older = max(waits, default=0) - (soak if left and left[0].risk is Risk.REMOVE_MX else 0)
    ends = [
        one.after.ttl for step in rollout.steps for one in step.done_when if isinstance(one, ServedEverywhere) and one.after
    ]
    return Remembered(max(older, 0), ends[-1]) if ends else None
