"""The account in which the tests look at the Azure DNS adapter, past it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import dns.rdata
from dns.rdtypes.ANY.TXT import TXT

from plans.problem import Problem
from plans.values import Key, Name, ZoneRef, name
from providers.azure import AzureDns
from providers.azure.arm import Patience
from providers.azure.options import AzureOptions
from providers.conformance import Bench, Record
from providers.contract import Context, TokenSource
from providers.limiter import Limiter, Limiters, Rate
from tests.emulators.azure_dns import GROUP, SUBSCRIPTION, TOKEN, AzureDnsEmulator, Fault, Zone
from tests.emulators.azure_dns_sets import MEMBERS

APEX = name("example.com")
NOW = datetime(2024, 6, 15, 12, 0, tzinfo=UTC)


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class UnhurriedLimiters(Limiters):
    """Limiters by a clock of the test's."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.asked: dict[tuple[str, str], Rate] = {}
        self._made: dict[tuple[str, str], Limiter] = {}

    def of(self, service: str, account: str, rate: Rate) -> Limiter:
        self.asked[service, account] = rate
        limiter = Limiter(rate, clock=self._clock.time, sleep=self._clock.sleep)
        return self._made.setdefault((service, account), limiter)


@dataclass(frozen=True, slots=True)
class GivenToken:
    token: str


class GivenSource:
    """A login that gives one token, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.fails = False
        self.scopes: list[tuple[str, ...]] = []

    def get_token(self, *scopes: str) -> GivenToken:
        if self.fails:
            raise Problem("Credential partner gives no token", "provisioner.yaml:3: AADSTS7000222", "renew the secret")
        self.scopes.append(scopes)
        return GivenToken(self.token)


@dataclass
class World:
    """An emulator, the adapter on it, and the clock that both their waits are by."""

    emulator: AzureDnsEmulator
    clock: Clock
    context: Context
    limiters: UnhurriedLimiters
    source: GivenSource
    asked: list[tuple[str, str | None, str]]

    def adapter(self, patience: Patience | None = None, **options: Any) -> AzureDns:
        given = {"type": "azure", "subscription": SUBSCRIPTION, "credential": "partner", "endpoint": self.emulator.url}
        usual = Patience(sleep=self.clock.sleep, clock=self.clock.time)
        return AzureDns("az", AzureOptions.model_validate(given | options), self.context, patience or usual)

    def zone(self, *, signed: bool = False) -> tuple[AzureDns, Zone, ZoneRef]:
        """Give an adapter with the zone example.com, as the emulator and as the adapter know it."""
        held = self.emulator.add_zone("example.com", signed=signed)
        adapter = self.adapter()
        found = adapter.zones([APEX])[APEX]
        self.emulator.log.clear()
        return adapter, held, found


def world_of(emulator: AzureDnsEmulator) -> World:
    clock, source = Clock(), GivenSource()
    limiters = UnhurriedLimiters(clock)
    asked: list[tuple[str, str | None, str]] = []

    def credential(label: str, tenant: str | None, cloud: str) -> TokenSource:
        asked.append((label, tenant, cloud))
        return source

    context = Context(Path(), lambda: NOW, limiters=limiters, credential=credential)
    return World(emulator, clock, context, limiters, source, asked)


class AzureBench(Bench):
    """The emulator's state, as somebody with another tool sees it. Its zones are signed, so that they take DS and TLSA.

    `reported` is how many sets each zone says that it has.
    """

    def __init__(self, emulator: AzureDnsEmulator, reported: int | None = None) -> None:
        self._emulator = emulator
        self._reported = reported

    def open(self, zones: Mapping[Name, Collection[Record]]) -> AzureDns:
        self._emulator.zones.clear()
        for zone, records in zones.items():
            self._emulator.add_zone(zone.removesuffix("."), signed=True).reported = self._reported
            for key in {Key(record.owner, record.type) for record in records}:
                self.put(zone, key, [record for record in records if Key(record.owner, record.type) == key])
        return world_of(self._emulator).adapter()

    def records(self, zone: Name) -> Collection[Record]:
        with self._emulator.lock:
            sets = dict(self._zone(zone).sets)
        return [
            Record.of(zone if owner == "@" else f"{owner}.{zone}", kind, held.properties["TTL"], text)
            for (owner, kind), held in sets.items()
            if (owner, kind) not in {("@", "SOA"), ("@", "NS")}
            for text in texts_of(kind, held.properties)
        ]

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        owner = "@" if key.owner == zone else key.owner.removesuffix(f".{zone}")
        self._emulator.put(self._zone(zone), owner, key.type, properties_of(key.type, records) if records else None)

    def neglect(self, writes: int) -> None:
        """Let the next writes be answered as if they were done, and not be done."""
        self._emulator.faults += [Fault("lazy", method="PUT")] * writes

    def make_irregular(self, zone: Name, key: Key, kind: str) -> None:
        target = {"id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/publicIPAddresses/ip"}
        special: dict[str, dict[str, Any]] = {
            "alias": {"TTL": 300, "targetResource": target},
            "no records": {"TTL": 300, MEMBERS[key.type]: []},
        }
        if kind not in special:
            super().make_irregular(zone, key, kind)
            return
        self._emulator.put(self._zone(zone), key.owner.removesuffix(f".{zone}"), key.type, special[kind])

    def _zone(self, zone: Name) -> Zone:
        return self._emulator.zones[GROUP, zone.removesuffix(".")]


def properties_of(kind: str, records: Collection[Record]) -> dict[str, Any]:
    """Give the properties of a set that holds these records."""
    made = [_json(kind, record.value) for record in sorted(records)]
    return {"TTL": next(iter(records)).ttl, MEMBERS[kind]: made[0] if kind == "CNAME" else made}


def texts_of(kind: str, properties: dict[str, Any]) -> list[str]:
    """Give the records of a set in presentation format; an alias has none of its own."""
    held = properties.get(MEMBERS[kind], [])
    return [_text(kind, record) for record in (held if isinstance(held, list) else [held])]


def _numbers(*members: str) -> Callable[[list[str]], dict[str, Any]]:
    return lambda fields: dict(zip(members, map(int, fields), strict=False))


_PRIORITIES, _USAGE = _numbers("priority", "weight", "port"), _numbers("usage", "selector", "matchingType")
_JSON: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "A": lambda fields: {"ipv4Address": fields[0]},
    "AAAA": lambda fields: {"ipv6Address": fields[0]},
    "CAA": lambda fields: {"flags": int(fields[0]), "tag": fields[1], "value": fields[2].strip('"')},
    "CNAME": lambda fields: {"cname": fields[0].removesuffix(".")},
    "NS": lambda fields: {"nsdname": fields[0]},
    "SRV": lambda fields: {**_PRIORITIES(fields[:3]), "target": fields[3]},
    "MX": lambda fields: {"preference": int(fields[0]), "exchange": fields[1].removesuffix(".") or "."},
    "DS": lambda fields: {
        "keyTag": int(fields[0]),
        "algorithm": int(fields[1]),
        "digest": {"algorithmType": int(fields[2]), "value": fields[3].upper()},
    },
    "TLSA": lambda fields: {**_USAGE(fields[:3]), "certAssociationData": fields[3].upper()},
}
_TEXT: dict[str, Callable[[dict[str, Any]], str]] = {
    "CAA": lambda held: f'{held["flags"]} {held["tag"]} "{held["value"]}"',
    "CNAME": lambda held: f"{held['cname']}.",
    "MX": lambda held: f"{held['preference']} {held['exchange'].removesuffix('.')}.",
    "DS": lambda held: f"{held['keyTag']} {held['algorithm']} {held['digest']['algorithmType']} {held['digest']['value']}",
    "TXT": lambda held: " ".join('"{}"'.format(part.replace("\\", "\\\\").replace('"', '\\"')) for part in held["value"]),
}


def _json(kind: str, text: str) -> dict[str, Any]:
    if kind != "TXT":
        return _JSON[kind](text.split())
    rdata = cast("TXT", dns.rdata.from_text("IN", "TXT", text))
    return {"value": [string.decode("latin-1") for string in rdata.strings]}


def _text(kind: str, record: dict[str, Any]) -> str:
    return _TEXT[kind](record) if kind in _TEXT else " ".join(str(part) for part in record.values())
