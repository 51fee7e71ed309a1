"""Adapters with one fault each, as test classes that must fail: what the suite is good for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Name, RRset, ZoneRef, is_at_or_below, name
from providers import memory
from providers.conformance import Bench, Suite
from providers.contract import Access, Outcome, Status, Unsupported, ZoneNotFound
from providers.memory import Memory
from providers.zonedata import highest_by_type
from tests.providers.benches import MemoryBench


@dataclass(frozen=True, slots=True)
class Fault:
    """A faulty provider and the case that finds it."""

    kind: type[Memory]
    case: str


class Blind(Memory):
    """Writes over whatever stands there."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        now = self.read(base.zone, [change.key for change in changes])
        live = [now.sets[change.key] for change in changes]
        fresh = [
            Change(None if isinstance(held, Irregular) else held, change.after)
            for held, change in zip(live, changes, strict=True)
            if held != change.after
        ]
        super().apply(now, fresh)
        return {change.key: Outcome(Status.WRITTEN) for change in changes}


class BlindToTtls(Memory):
    """Compares values alone."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        now = self.read(base.zone, base.sets.keys())
        adopted = []
        for change in changes:
            live = now.sets[change.key]
            same = isinstance(live, RRset) and change.before is not None and live.values == change.before.values
            adopted.append(replace(change, before=live) if same and isinstance(live, RRset) else change)
        return super().apply(now if adopted != list(changes) else base, adopted)


class Trusting(Memory):
    """Takes the word of the plan for what stands there."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        now = self.read(base.zone, [change.key for change in changes])
        live = [now.sets[change.key] for change in changes]
        honest = [replace(change, before=held) for change, held in zip(changes, live, strict=True) if isinstance(held, RRset)]
        return super().apply(now, honest or changes)


class Careless(Memory):
    """Loses the neighbours of what it writes."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        outcomes = super().apply(base, changes)
        for change in changes:
            self.remove(base.zone.name, Key(change.key.owner, "A"))
        return outcomes


class Liar(Memory):
    """Says that it wrote."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        self.read(base.zone, [])
        return {change.key: Outcome(Status.WRITTEN) for change in changes}


class Rounding(Memory):
    """Has a floor for TTLs that `canonical` does not tell of."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        outcomes = super().apply(base, changes)
        for change in changes:
            if change.after is not None and change.after.ttl < 600:
                self.put(base.zone.name, replace(change.after, ttl=600))
        return outcomes


class Drifting(Memory):
    """Has a canonical form that is not its own."""

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        return replace(super().canonical(zone, wanted), ttl=wanted.ttl + 1)


class Restless(Memory):
    """Writes when there is nothing to write."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        if not changes:
            self.remove(base.zone.name, Key(name(f"mail.{base.zone.name}"), "A"))
        return super().apply(base, changes)


class Short(Memory):
    """Forgets the second value of a set."""

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        snapshot = super().read(zone, keys)
        held = {
            key: replace(live, values=live.values[:1]) if isinstance(live, RRset) else live for key, live in _items(snapshot)
        }
        return replace(snapshot, sets=held)


class Partial(Memory):
    """Leaves keys out that hold nothing."""

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        snapshot = super().read(zone, keys)
        return replace(snapshot, sets={key: live for key, live in _items(snapshot) if live is not None})


class Simple(Memory):
    """Takes what it does not understand for nothing."""

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        snapshot = super().read(zone, keys)
        return replace(snapshot, sets={key: None if isinstance(live, Irregular) else live for key, live in _items(snapshot)})


class Leafy(Memory):
    """Knows no empty non-terminals."""

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        snapshot = super().read(zone, keys)
        return replace(snapshot, nodes={owner: types for owner, types in snapshot.nodes.items() if types})


class Forgetful(Memory):
    """Tells of no types but the one that was asked."""

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        snapshot = super().read(zone, keys)
        asked = {key.type for key in keys}
        return replace(snapshot, nodes={owner: types & asked for owner, types in snapshot.nodes.items()})


class Greedy(Memory):
    """Finds the shortest match."""

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        shortest = sorted(self.catalogue(), key=lambda zone: len(zone.name))
        return {asked: zone for asked in names for zone in reversed(shortest) if is_at_or_below(asked, zone.name)}


class Unsorted(Memory):
    """Gives its zones in whatever order."""

    def catalogue(self) -> Iterator[ZoneRef]:
        return reversed(list(super().catalogue()))


class Anywhere(Memory):
    """Takes any reference whose name it knows."""

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        ours = super().zones([zone.name]).get(zone.name)
        if ours is None:
            raise ZoneNotFound("no such zone", zone.name, "name another")
        return replace(super().read(ours, keys), zone=zone)


class Closed(Memory):
    """Says that it may not write, and writes."""

    def access(self, zone: ZoneRef) -> Access:
        return replace(super().access(zone), writable=False)


class Silent(Memory):
    """Does not say why it cannot tell."""

    def access(self, zone: ZoneRef) -> Access:
        return replace(super().access(zone), writable=None)


class Willing(Memory):
    """Refuses nothing while planning."""

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        self.access(zone)
        return wanted


class Mute(Memory):
    """Gives conflicts without a reason."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        return {key: replace(outcome, detail="") for key, outcome in super().apply(base, changes).items()}


class Pushy(Memory):
    """Puts anything anywhere."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        try:
            return super().apply(base, changes)
        except Unsupported:
            for change in changes:
                if change.after is not None and change.key.owner.endswith(base.zone.name):
                    self.put(base.zone.name, change.after)
            return {change.key: Outcome(Status.REJECTED, "half done") for change in changes}


class Stepwise(Memory):
    """Makes one change after the other, and says otherwise."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        outcomes: dict[Key, Outcome] = {}
        for change in changes:
            outcomes |= super().apply(base, [change])
        return outcomes


class FirstPage(Memory):
    """Looks through the beginning of a zone alone."""

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        self.access(zone)
        sets = [one for _, one in sorted(self.held(zone.name).items())][:300]
        return highest_by_type((one.key.type, one.ttl) for one in sets if isinstance(one, RRset))


class OncePerZone(Memory):
    """Looks through a zone once and for all."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self._told: dict[ZoneRef, Mapping[str, int] | None] = {}

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        return self._told.setdefault(zone, super().highest_ttls(zone))


class Leaky(Memory):
    """Counts the sets of other zones."""

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        self.access(zone)
        held = [one for other in self.catalogue() for one in self.held(other.name).values()]
        return highest_by_type((one.key.type, one.ttl) for one in held if isinstance(one, RRset))


class Unasked(Memory):
    """Looks through a zone by its name alone."""

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        held = self.held(zone.name).values() if zone.name in {one.name for one in self.catalogue()} else ()
        return highest_by_type((one.key.type, one.ttl) for one in held if isinstance(one, RRset))


FAULTS = (
    Fault(Blind, "conflict: MX create, another set was created"),
    Fault(Blind, "conflict: DS delete, the value changed"),
    Fault(Blind, "conflict: TXT create, the same set was created"),
    Fault(Blind, "irregular: mixed TTLs"),
    Fault(BlindToTtls, "conflict: TLSA update, the TTL changed"),
    Fault(Trusting, "base or change that is made up"),
    Fault(Careless, "write: MX create beside other types"),
    Fault(Liar, "write: MX create"),
    Fault(Liar, "several changes in one call"),
    Fault(Rounding, "write: MX change the TTL alone"),
    Fault(Drifting, "write: DS create"),
    Fault(Restless, "no change"),
    Fault(Short, "read: TXT present"),
    Fault(Partial, "read: MX absent at a name that exists"),
    Fault(Simple, "irregular: zone cut at the name"),
    Fault(Leafy, "node: an empty non-terminal"),
    Fault(Forgetful, "node: several types"),
    Fault(Greedy, "zones, longest match"),
    Fault(Unsorted, "catalogue by name"),
    Fault(Anywhere, "reference to another zone"),
    Fault(Closed, "access"),
    Fault(Silent, "access"),
    Fault(Willing, "refuse: DS at the apex, which belongs into the parent zone"),
    Fault(Willing, "refuse: MX at a name whose dot is no boundary"),
    Fault(Willing, "refuse: A, which nobody writes"),
    Fault(Mute, "conflict: MX create, the same set was created"),
    Fault(Pushy, "set beside a CNAME"),
    Fault(Pushy, "set outside the zone"),
    Fault(Stepwise, "several changes, one lost the race"),
    Fault(Stepwise, "one key twice"),
    Fault(FirstPage, "highest TTLs in a zone of many sets"),
    Fault(OncePerZone, "highest TTLs once a set has changed"),
    Fault(Leaky, "highest TTLs in an empty zone"),
    Fault(Unasked, "highest TTLs by the reference to another zone"),
)


class Faulty(Suite):
    """A suite for one faulty kind; the test module that is made names it."""

    adapter = memory.ADAPTER
    irregular = ("mixed TTLs", "CNAME at the name", "zone cut at the name")
    atomic = True
    kind: ClassVar[type[Memory]]

    @pytest.fixture
    def bench(self) -> Bench:
        return MemoryBench(self.kind)


def _items(snapshot: Snapshot) -> Iterator[tuple[Key, RRset | Irregular | None]]:
    return iter(snapshot.sets.items())
