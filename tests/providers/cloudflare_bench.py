"""A Cloudflare account as somebody with a dashboard sees it, and the adapter in front of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plans.values import Key, Live, Name, ZoneRef, name
from providers.cloudflare import Cloudflare
from providers.cloudflare.api import Patience
from providers.cloudflare.options import CloudflareOptions
from providers.conformance import Bench, Record
from providers.contract import Context, Provider, SecretOption
from providers.limiter import Limiters, Meter
from tests.emulators.cloudflare import CloudflareEmulator, Fault
from tests.emulators.cloudflare_zone import Zone

TOKEN = "cf-test-token-0123456789"
FAST: dict[str, Any] = {"rate": 100000, "burst": 100000}


def opened(
    emulator: CloudflareEmulator,
    patience: Patience | None = None,
    limiters: Limiters | None = None,
    meter: Meter | None = None,
    token: str = TOKEN,
    **options: Any,
) -> Cloudflare:
    """Open the adapter on an emulator; no time passes in it where no patience is given."""
    context = Context(
        Path(),
        lambda: datetime(2024, 6, 15, tzinfo=UTC),
        reveal=lambda _: token,
        limiters=limiters or Limiters(),
        meter=meter or Meter(),
    )
    given = {"type": "cloudflare", "token": SecretOption(env="TOKEN"), "endpoint": emulator.endpoint, "rate": FAST} | options
    return Cloudflare(
        "cf", CloudflareOptions.model_validate(given), context, patience or Patience(pauses=(0, 0, 0), sleep=lambda _: None)
    )


def ref_of(provider: Cloudflare, owner: str = "example.com") -> ZoneRef:
    """Find the zone of a name."""
    return provider.zones([name(owner)])[name(owner)]


def live(emulator: CloudflareEmulator, key: Key) -> Live:
    """Read a key of example.com through an adapter that knows nothing yet."""
    provider = opened(emulator)
    return provider.read(ref_of(provider), [key]).sets[key]


class CloudflareBench(Bench):
    def __init__(self, emulator: CloudflareEmulator) -> None:
        self._emulator = emulator

    def open(self, zones: Mapping[Name, Collection[Record]]) -> Provider:
        self._emulator.zones.clear()
        for zone, records in zones.items():
            held = self._emulator.add(zone.removesuffix("."))
            for record in sorted(records):
                hold(held, record)
        return opened(self._emulator)

    def records(self, zone: Name) -> Collection[Record]:
        with self._emulator.lock:
            return [seen(record) for record in self._emulator.zone(zone.removesuffix(".")).records.values()]

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        held = self._emulator.zone(zone.removesuffix("."))
        gone = [
            record["id"] for record in held.records.values() if (record["name"] + ".", record["type"]) == (key.owner, key.type)
        ]
        for record_id in gone:
            del held.records[record_id]
        for record in records:
            hold(held, record)

    def neglect(self, writes: int) -> None:
        """Let the next writes be answered as if they were done, and not be done."""
        self._emulator.fail("records.batch", *[Fault(lazy=True)] * writes)


def hold(zone: Zone, record: Record) -> dict[str, Any]:
    """Put a record into a zone as the dashboard would."""
    owner = record.owner.removesuffix(".")
    parts = record.value.split()
    fields: dict[str, Any]
    match record.type:
        case "MX":
            fields = {"priority": int(parts[0]), "content": parts[1].removesuffix(".") or "."}
        case "DS":
            data = {
                "key_tag": int(parts[0]),
                "algorithm": int(parts[1]),
                "digest_type": int(parts[2]),
                "digest": parts[3].upper(),
            }
            fields = {"data": data, "content": record.value}
        case "TLSA":
            numbers = {"usage": int(parts[0]), "selector": int(parts[1]), "matching_type": int(parts[2])}
            fields = {"data": numbers | {"certificate": "".join(parts[3:])}, "content": record.value}
        case "CNAME" | "NS":
            fields = {"content": record.value.removesuffix(".")}
        case "SRV":
            fields = {"priority": int(parts[0]), "content": " ".join(parts[1:])}
        case _:
            fields = {"content": record.value}
    return zone.hold(record.type, owner, record.ttl, **fields)


def seen(record: Mapping[str, Any]) -> Record:
    """Read one of the API's objects as a resolver would see it."""
    content = record["content"]
    match record["type"]:
        case "MX" | "SRV":
            value = f"{record['priority']} {content.removesuffix('.')}."
        case "CNAME" | "NS":
            value = f"{content}."
        case _:
            value = content
    return Record.of(record["name"], record["type"], 300 if record["ttl"] == 1 else record["ttl"], value)
