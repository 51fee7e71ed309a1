"""Zones in one JSON file: {"example.com.": {"www.example.com. MX": {"ttl": 3600, "values": ["10 mail.example.net."]}}}."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Key, Name, RRset, ZoneRef, ancestors, name, parse_value, rrset
from providers import contract
from providers.contract import Access, Outcome, Status
from providers.zonedata import ZoneData, guard, require_writable

Zones = dict[Name, dict[Key, RRset]]


class JsonZonesOptions(contract.Options):
    file: str


class JsonZones:
    def __init__(self, label: str, options: JsonZonesOptions, context: contract.Context) -> None:
        self._label, self._account = label, options.file
        self._path = context.folder / options.file

    def catalogue(self) -> Iterator[ZoneRef]:
        return (self._reference(zone) for zone in sorted(self._load()))

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        held = self._load()
        matches = {asked: next((zone for zone in (asked, *ancestors(asked)) if zone in held), None) for asked in names}
        return {asked: self._reference(zone) for asked, zone in matches.items() if zone}

    def access(self, zone: ZoneRef) -> Access:
        self._data(zone, self._load())
        if os.access(self._path.parent, os.W_OK):
            return Access(readable=True, writable=True)
        return Access(readable=True, writable=False, detail=f"this user may not write in {self._path.parent}")

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        return self._data(zone, self._load()).snapshot(zone, keys, token="")

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        require_writable(zone, wanted)
        return wanted

    def name_servers(self, _zone: ZoneRef) -> frozenset[Name]:
        return frozenset()

    def signer(self) -> None:
        return None

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        wanted = {change.key: change.after for change in changes if change.after is not None}
        for after in wanted.values():
            require_writable(base.zone, after)
        with self._reachable(), self._beside("lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            zones = self._load()
            data = self._data(base.zone, zones)
            if (refused := guard(base, data.live, changes)) is not None:
                return refused
            for key in wanted:
                if obstacle := data.obstacle(key):
                    raise contract.Unsupported(f"zone {base.zone.name} cannot hold {key}", obstacle, "mend the zone first")
            changed = {change.key for change in changes}
            left = {key: held for key, held in zones[base.zone.name].items() if key not in changed}
            self._save(zones | {base.zone.name: left | wanted})
        return {change.key: Outcome(Status.WRITTEN) for change in changes}

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{suffix}")

    def _reference(self, zone: Name) -> ZoneRef:
        return ZoneRef(self._label, "jsonzones", self._account, zone, zone)

    def _data(self, zone: ZoneRef, zones: Zones) -> ZoneData:
        if zone.name not in zones or zone != self._reference(zone.name):
            raise contract.ZoneNotFound(f"zone {zone.name} is not at {self._label}", str(self._path), "make a new plan")
        types: dict[Name, list[str]] = {}
        for key in zones[zone.name]:
            types.setdefault(key.owner, []).append(key.type)
        return ZoneData(zone.name, types, zones[zone.name].get)

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = f"{error.filename or self._path}: {error.strerror}"
            raise contract.Unavailable("the zones cannot be reached", reason, "mend `file` of the provider") from error

    def _load(self) -> Zones:
        try:
            with self._reachable():
                document = json.loads(self._path.read_text(encoding="utf-8"))
            return {name(zone): dict(map(_parsed, held.items())) for zone, held in document.items()}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise contract.Rejected("the zones cannot be understood", f"{self._path}: {error}", "mend the file") from error

    def _save(self, zones: Zones) -> None:
        document = {
            zone: {str(key): {"ttl": held.ttl, "values": list(map(str, held.values))} for key, held in sets.items()}
            for zone, sets in zones.items()
        }
        new = self._beside("new")
        new.write_text(json.dumps(document, indent=1), encoding="utf-8")
        new.replace(self._path)


def _parsed(item: tuple[str, dict[str, object]]) -> tuple[Key, RRset]:
    owner, _, rdata_type = item[0].rpartition(" ")
    ttl, values = item[1]["ttl"], item[1]["values"]
    if not (isinstance(ttl, int) and isinstance(values, list)):
        raise TypeError(f"{item[0]} has no TTL or no values")
    held = rrset(owner, rdata_type, ttl, [parse_value(rdata_type, value) for value in values])
    return held.key, held


ADAPTER = contract.Adapter(
    contract=contract.CONTRACT_VERSION,
    options=JsonZonesOptions,
    capabilities=contract.Capabilities(guard="compared under a lock", types=frozenset(MANAGED_TYPES), publishes="none"),
    open=JsonZones,
)
