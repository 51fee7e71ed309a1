"""What a rollout of MX sets keeps to beyond losing no mail: one set at a time, new hosts last, old hosts gone late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plans.plan import Change
from plans.values import Mx, Name, RRset
from tests.simulate.spans import Span


def disorder(
    writes: Sequence[tuple[int, Change]], answers: Sequence[Span[RRset | None]], wanted: RRset, soak: int
) -> Iterator[str]:
    """Tell of each write on the way to the wanted set that comes too early or puts hosts in the wrong place."""
    for at, change in writes:
        before, after = change.before, change.after
        if after is None:
            yield f"order: at {at} the set is emptied"
        elif before is not None:
            held = [one.what for one in answers if one.start <= at < one.end and one.what is not None]
            if not _only_lowers(before, after) and not _hosts(held) <= _hosts([wanted]):
                yield from (f"order: at {at} somebody still holds {one}" for one in held if one not in (before, after))
            yield from _entering(at, before, after, wanted)
            if _hosts([before]) - _hosts([after]):
                recent = [one.what for one in answers if one.start <= at and at - soak < one.end and one.what is not None]
                early = [one for one in recent if one != after and not _prefers(one, wanted)]
                yield from (f"order: at {at} an old host goes, and not {soak} s ago somebody held {one}" for one in early)


def _only_lowers(before: RRset, after: RRset) -> bool:
    return before.values == after.values and after.ttl < before.ttl


def _entering(at: int, before: RRset, after: RRset, wanted: RRset) -> Iterator[str]:
    """Tell of a new host that is not tried last, where there are old ones."""
    new, old = _hosts([after]) - _hosts([before]), _hosts([before]) - _hosts([wanted])
    first = min((one.preference for one in _mx(after) if one.exchange in new), default=None)
    last = max(one.preference for one in _mx(after) if one.exchange not in new) if old & _hosts([after]) else None
    if first is not None and last is not None and first <= last:
        yield f"order: at {at} a new host comes in at {first}, not behind {last}"


def _prefers(held: RRset, wanted: RRset) -> bool:
    """Whether every wanted host is tried before every other."""
    names = _hosts([wanted])
    ours = [one.preference for one in _mx(held) if one.exchange in names]
    others = [one.preference for one in _mx(held) if one.exchange not in names]
    return len(ours) == len(names) and (not others or max(ours) < min(others))


def _hosts(sets: Sequence[RRset]) -> set[Name]:
    return {one.exchange for held in sets for one in _mx(held)}


def _mx(held: RRset) -> list[Mx]:
    return [one for one in held.values if isinstance(one, Mx)]
