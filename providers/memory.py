"""A provider inside the process: the contract's reference implementation, and a double for tests.

It is no entry point: what is written into it ends with the process.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Irregular, Key, Name, RRset, ZoneRef, ancestors
from providers.contract import (
    CONTRACT_VERSION,
    Access,
    Adapter,
    Capabilities,
    Context,
    Options,
    Outcome,
    Status,
    Unsupported,
    ZoneNotFound,
)
from providers.zonedata import ZoneData, guard, highest_by_type, holds, require_writable

TYPE = "memory"


@dataclass(frozen=True, slots=True)
class Write:
    """One call of `Memory.apply` that wrote something."""

    zone: ZoneRef
    changes: tuple[Change, ...]


@dataclass(slots=True)
class _Zone:
    apex: Name
    sets: dict[Key, RRset | Irregular] = field(default_factory=dict)
    revision: int = 0

    def put(self, record: RRset | Irregular) -> None:
        if not holds(self.apex, record.key.owner):
            msg = f"{record.key} does not lie in zone {self.apex}"
            raise ValueError(msg)
        self.sets[record.key] = record

    def data(self) -> ZoneData:
        types: dict[Name, list[str]] = {}
        for key in self.sets:
            types.setdefault(key.owner, []).append(key.type)
        return ZoneData(self.apex, types, self.sets.get)


class Memory:
    """Zones made from their records, by apex name. Several threads may use it at once."""

    def __init__(self, label: str = TYPE, zones: Mapping[Name, Iterable[RRset | Irregular]] = MappingProxyType({})) -> None:
        self._label = label
        self._lock = threading.Lock()
        self._writes: list[Write] = []
        self._zones = {apex: _Zone(apex) for apex in zones}
        for apex, records in zones.items():
            self.put(apex, *records)

    @property
    def writes(self) -> tuple[Write, ...]:
        """Every call of `apply` that wrote, in order."""
        with self._lock:
            return tuple(self._writes)

    def held(self, zone: Name) -> Mapping[Key, RRset | Irregular]:
        """Give all that a zone holds at this moment."""
        with self._lock:
            return dict(self._zones[zone].sets)

    def put(self, zone: Name, *records: RRset | Irregular) -> None:
        """Set whole keys as somebody else would: no guard, no entry in `writes`."""
        with self._lock:
            for record in records:
                self._zones[zone].put(record)
            self._zones[zone].revision += 1

    def remove(self, zone: Name, *keys: Key) -> None:
        """Remove keys as somebody else would."""
        with self._lock:
            for key in keys:
                self._zones[zone].sets.pop(key, None)
            self._zones[zone].revision += 1

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give every zone, by name."""
        return (self._reference(apex) for apex in sorted(self._zones))

    def access(self, zone: ZoneRef) -> Access:
        """Say that a zone that is held can be read and written. Raises `ZoneNotFound`."""
        self._held(zone)
        return Access(readable=True, writable=True)

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's zone, the longest match."""
        found = {}
        for name in names:
            if apex := next((upper for upper in (name, *ancestors(name)) if upper in self._zones), None):
                found[name] = self._reference(apex)
        return found

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read keys of one zone. Raises `ZoneNotFound`."""
        with self._lock:
            held = self._held(zone)
            return held.data().snapshot(zone, keys, str(held.revision))

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Give the set as it is. Raises `Unsupported`."""
        require_writable(zone, wanted)
        return wanted

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        """Give the highest TTL of each type; None where a set is irregular: that has no TTL here. Raises `ZoneNotFound`."""
        with self._lock:
            held = self._held(zone).sets.items()
            return highest_by_type((key.type, one.ttl if isinstance(one, RRset) else None) for key, one in held)

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:  # noqa: ARG002 - the contract's
        """Name no server: nothing is published."""
        return frozenset()

    def signer(self) -> None:
        """Sign nothing."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make all changes or none; the guard looks at the changed keys alone. Raises `ZoneNotFound` and `Unsupported`."""
        with self._lock:
            held = self._held(base.zone)
            data = held.data()
            for change in changes:
                if change.after is not None:
                    require_writable(base.zone, change.after)
            if not changes:
                return {}
            if (refused := guard(base, data.live, changes)) is not None:
                return refused
            for change in changes:
                if change.after is not None and (obstacle := data.obstacle(change.key)):
                    raise Unsupported(f"zone {base.zone.name} cannot hold {change.key}", obstacle, "mend the zone first")
            for change in changes:
                held.sets.pop(change.key, None)
                if change.after is not None:
                    held.put(change.after)
            held.revision += 1
            self._writes.append(Write(base.zone, tuple(changes)))
        return {change.key: Outcome(Status.WRITTEN) for change in changes}

    def _reference(self, apex: Name) -> ZoneRef:
        return ZoneRef(self._label, TYPE, "", apex, apex)

    def _held(self, zone: ZoneRef) -> _Zone:
        held = self._zones.get(zone.name)
        if held is None or zone != self._reference(zone.name):
            raise ZoneNotFound(
                f"zone {zone.name} is not at provider {self._label}",
                f"{zone.type} zone {zone.id} was asked for",
                "make a new plan with this manifest",
            )
        return held


def _open(label: str, _options: Options, _context: Context) -> Memory:
    return Memory(label)


ADAPTER = Adapter(
    contract=CONTRACT_VERSION,
    options=Options,
    capabilities=Capabilities(
        guard="compared and written under one lock", types=frozenset(MANAGED_TYPES), publishes="none", lists=True
    ),
    open=_open,
)
