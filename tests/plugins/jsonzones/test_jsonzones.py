from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.values import Key, Name
from providers import registry
from providers.conformance import Bench, Record, Suite
from providers.contract import Context, Provider

ADAPTER = registry.load("jsonzones")


class JsonBench(Bench):
    """The file as somebody with an editor sees it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "zones.json"

    def open(self, zones: Mapping[Name, Collection[Record]]) -> Provider:
        self._file.write_text(json.dumps({zone: {} for zone in zones}))
        for zone, records in zones.items():
            for key in {Key(record.owner, record.type) for record in records}:
                self.put(zone, key, [record for record in records if Key(record.owner, record.type) == key])
        options = ADAPTER.options.model_validate({"type": "jsonzones", "file": self._file.name})
        return ADAPTER.open("json", options, Context(self._file.parent, lambda: datetime.now(UTC)))

    def records(self, zone: Name) -> Collection[Record]:
        held = [(*key.split(), one) for key, one in json.loads(self._file.read_text())[zone].items()]
        return [Record.of(owner, rdata_type, one["ttl"], value) for owner, rdata_type, one in held for value in one["values"]]

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        document = json.loads(self._file.read_text())
        document[zone].pop(str(key), None)
        for record in records:
            one = document[zone].setdefault(str(key), {"ttl": record.ttl, "values": []})
            one["values"].append(record.value)
        self._file.write_text(json.dumps(document))


class TestJsonZones(Suite):
    adapter = ADAPTER
    irregular = ("CNAME at the name", "zone cut at the name")
    atomic = True

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        return JsonBench(tmp_path)
