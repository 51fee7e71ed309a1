"""The dynamic-update adapter in the suite that every adapter passes, on a primary name server in this process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import dns.name
import dns.rdatatype
import pytest

from plans.values import Key, Name
from providers.conformance import Bench, Record, Suite
from providers.contract import Provider
from providers.rfc2136 import ADAPTER
from tests.emulators.dns_update import Primary, opened, running


class PrimaryBench(Bench):
    def __init__(self, primary: Primary, read: str) -> None:
        self._primary = primary
        self._read = read

    def open(self, zones: Mapping[Name, Collection[Record]]) -> Provider:
        for zone, records in zones.items():
            self._primary.add_zone(zone)
            for key in {Key(record.owner, record.type) for record in records}:
                self.put(zone, key, [record for record in records if Key(record.owner, record.type) == key])
        return opened(self._primary.port, zones=list(zones), read=self._read)

    def records(self, zone: Name) -> Collection[Record]:
        with self._primary.lock:
            held = self._primary.zones[dns.name.from_text(zone)]
            found = [
                Record.of(owner.to_text(), dns.rdatatype.to_text(kind), ttl, rdata.to_text())
                for (owner, kind), values in held.sets.items()
                for rdata, ttl in values.items()
            ]
        return [record for record in found if record.owner != zone or record.type not in {"SOA", "NS"}]

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        self._primary.put_each(zone, key.owner, key.type, {record.value: record.ttl for record in records})


@pytest.fixture
def primary() -> Iterator[Primary]:
    with running(Primary()) as served:
        yield served


class TestByQuestions(Suite):
    adapter = ADAPTER
    irregular = ("mixed TTLs", "CNAME at the name", "zone cut at the name")
    atomic = True

    @pytest.fixture
    def bench(self, primary: Primary) -> Bench:
        return PrimaryBench(primary, "query")


class TestByTransfer(Suite):
    adapter = ADAPTER
    irregular = ("mixed TTLs", "CNAME at the name", "zone cut at the name")
    atomic = True

    @pytest.fixture
    def bench(self, primary: Primary) -> Bench:
        return PrimaryBench(primary, "axfr")
