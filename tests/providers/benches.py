"""The accounts in which the suite looks at the adapters of this project."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from plans.values import Irregular, Key, Name, parse_value, rrset
from providers.conformance import Bench, Record
from providers.contract import Context, Provider
from providers.memory import Memory
from providers.zonefile import ADAPTER as ZONEFILE
from providers.zonefile import ZoneFileOptions


class MemoryBench(Bench):
    def __init__(self, kind: type[Memory] = Memory) -> None:
        self._kind = kind
        self._memory = kind()

    def open(self, zones: Mapping[Name, Collection[Record]]) -> Provider:
        self._memory = self._kind("mem", {zone: [] for zone in zones})
        for zone, records in zones.items():
            for key in {Key(record.owner, record.type) for record in records}:
                self.put(zone, key, [record for record in records if Key(record.owner, record.type) == key])
        return self._memory

    def records(self, zone: Name) -> Collection[Record]:
        return [
            Record(key.owner, key.type, held.ttl, str(value))
            for key, held in self._memory.held(zone).items()
            if not isinstance(held, Irregular)
            for value in held.values
        ]

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        ttls = {record.ttl for record in records}
        if not records:
            self._memory.remove(zone, key)
        elif len(ttls) > 1:
            self._memory.put(zone, Irregular(key, "mixed TTLs"))
        else:
            values = [parse_value(key.type, record.value) for record in records]
            self._memory.put(zone, rrset(key.owner, key.type, ttls.pop(), values))


class ZoneFileBench(Bench):
    """Files of one line a record, which somebody edits who knows nothing of serials."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, zones: Mapping[Name, Collection[Record]]) -> Provider:
        for zone, records in zones.items():
            self._write(zone, records)
        context = Context(self._folder, lambda: datetime(2024, 6, 15, tzinfo=UTC))
        provider: Provider = ZONEFILE.open("files", ZoneFileOptions(type="zonefile", directory="."), context)
        return provider

    def records(self, zone: Name) -> Collection[Record]:
        found = []
        for line in self._file(zone).read_text().splitlines():
            fields = re.fullmatch(r"(\S+) (\d+) (?:IN )?(\S+) (.*)", line)
            assert fields, line
            owner, ttl, rdata_type, value = fields.groups()
            found.append(Record.of(zone if owner == "@" else owner, rdata_type, int(ttl), value))
        return [record for record in found if record.owner != zone or record.type not in {"SOA", "NS"}]

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        others = [record for record in self.records(zone) if Key(record.owner, record.type) != key]
        self._write(zone, [*others, *records])

    def _file(self, zone: Name) -> Path:
        return self._folder / f"{zone}zone"

    def _write(self, zone: Name, records: Collection[Record]) -> None:
        head = f"{zone} 3600 SOA ns1 hostmaster 1 7200 3600 1209600 300\n{zone} 3600 NS ns.example.net.\n"
        lines = [f"{record.owner} {record.ttl} {record.type} {record.value}\n" for record in sorted(records)]
        self._file(zone).write_text(head + "".join(lines))
