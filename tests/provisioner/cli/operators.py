"""DNS operators with very many zones, each an emulated service with one account: what the MX of each is, and who wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from plans.values import Name, name
from tests.emulators import azure_dns, cloudflare, route53
from tests.emulators.cloudflare_zone import Zone as CloudflareZone
from tests.emulators.dns_estate import Mx
from tests.providers.cloudflare_bench import TOKEN
from tests.providers.route53_bench import credentials

UNLIMITED = "rate: {rate: 5000, burst: 5000}"
"""So that what is counted is calls, and not time."""
CREDENTIALS = {"arm": "{type: token, token: {env: AZURE_TOKEN_OF_A_TEST}}"}
"""What the lines name, by label, as the manifest says it."""


class Operator(Protocol):
    """One of them: `line` is its provider in the manifest, `servers` are those by which it serves every zone."""

    line: str
    servers: Sequence[Name]

    def hold(self, zone: Name, mx: Mx = ()) -> None:
        """Let there be a zone with this MX, whatever it was before."""
        ...

    def drop(self, zone: Name) -> None:
        """Let there be no such zone."""
        ...

    def mx(self, zone: Name) -> Mx | None:
        """Give the MX records of a zone; None: there is no such zone."""
        ...

    def calls(self) -> int:
        """Give how many requests came so far."""
        ...

    def writes(self) -> int:
        """Give how many of them changed something."""
        ...


class Route53:
    """Amazon's."""

    def __init__(self, emulator: route53.Route53Emulator) -> None:
        self.line = f"{{type: route53, endpoint: '{emulator.url}', {UNLIMITED}}}"
        self.servers: Sequence[Name] = tuple(map(name, route53.Zone("", "").servers))
        self._emulator = emulator
        self._zones: dict[Name, route53.Zone] = {}

    def hold(self, zone: Name, mx: Mx = ()) -> None:
        if zone not in self._zones:
            self._zones[zone] = self._emulator.add_zone(zone)
        held = self._zones[zone]
        held.remove(zone, "MX")
        if mx:
            held.put(zone, "MX", mx[0][0], *(value for _, value in mx))

    def drop(self, zone: Name) -> None:
        del self._emulator.zones[self._zones.pop(zone).id]

    def mx(self, zone: Name) -> Mx | None:
        if zone not in self._zones:
            return None
        item = self._zones[zone].sets.get((zone, "MX", ""))
        return [(item["TTL"], record["Value"]) for record in item["ResourceRecords"]] if item else []

    def calls(self) -> int:
        return len(self._emulator.seen)

    def writes(self) -> int:
        return len(self._emulator.committed)


class Cloudflare:
    """Cloudflare's; its records of one set may differ in their TTL."""

    def __init__(self, emulator: cloudflare.CloudflareEmulator) -> None:
        self.line = self.line_with("CLOUDFLARE_TOKEN_OF_A_TEST", emulator.endpoint)
        self.endpoint = emulator.endpoint
        self._emulator = emulator
        self._zones: dict[Name, CloudflareZone] = {}
        self.servers: Sequence[Name] = tuple(map(name, CloudflareZone("", "", "").name_servers))

    @staticmethod
    def line_with(variable: str, endpoint: str) -> str:
        """Give the line of an account whose token is in an environment variable."""
        return f"{{type: cloudflare, token: {{env: {variable}}}, endpoint: '{endpoint}', {UNLIMITED}}}"

    def hold(self, zone: Name, mx: Mx = ()) -> None:
        bare = zone.removesuffix(".")
        if zone not in self._zones:
            self._zones[zone] = self._emulator.add(bare)
        held = self._zones[zone]
        for number in [number for number, one in held.records.items() if one["type"] == "MX"]:
            del held.records[number]
        for ttl, value in mx:
            preference, host = value.split()
            held.hold("MX", bare, ttl, priority=int(preference), content=host.removesuffix("."))

    def drop(self, zone: Name) -> None:
        del self._emulator.zones[self._zones.pop(zone).id]

    def mx(self, zone: Name) -> Mx | None:
        if zone not in self._zones:
            return None
        with self._emulator.lock:
            records = [one for one in self._zones[zone].records.values() if one["type"] == "MX"]
        return [(one["ttl"], f"{one['priority']} {one['content']}.") for one in records]

    def calls(self) -> int:
        return len(self._emulator.seen)

    def writes(self) -> int:
        return len(self._emulator.commits)


class Azure:
    """Microsoft's."""

    servers: Sequence[Name] = tuple(
        name(f"ns{number}-01.azure-dns.{top}") for number, top in enumerate(("com", "net", "org", "info"), 1)
    )

    def __init__(self, emulator: azure_dns.AzureDnsEmulator) -> None:
        options = f"subscription: {azure_dns.SUBSCRIPTION}, credential: arm, endpoint: '{emulator.url}', {UNLIMITED}"
        self.line = f"{{type: azure, {options}}}"
        self._emulator = emulator
        self._zones: dict[Name, azure_dns.Zone] = {}

    def hold(self, zone: Name, mx: Mx = ()) -> None:
        if zone not in self._zones:
            self._zones[zone] = self._emulator.add_zone(zone.removesuffix("."))
        held = self._zones[zone]
        records = [{"preference": int(value.split()[0]), "exchange": value.split()[1]} for _, value in mx]
        self._emulator.put(held, "@", "MX", {"TTL": mx[0][0], "MXRecords": records} if mx else None)

    def drop(self, zone: Name) -> None:
        held = self._zones.pop(zone)
        del self._emulator.zones[held.group, held.name]

    def mx(self, zone: Name) -> Mx | None:
        if zone not in self._zones:
            return None
        held = self._zones[zone].sets.get(("@", "MX"))
        records = held.properties["MXRecords"] if held else []
        return [(held.properties["TTL"], f"{one['preference']} {one['exchange']}") for one in records] if held else []

    def calls(self) -> int:
        return len(self._emulator.log)

    def writes(self) -> int:
        return sum(method != "GET" for method, _ in self._emulator.log)


@contextmanager
def three_operators(environment: pytest.MonkeyPatch, folder: Path) -> Iterator[tuple[Route53, Cloudflare, Azure]]:
    """Open one of each, without zones, until the block ends."""
    credentials(environment, folder)
    environment.setenv("CLOUDFLARE_TOKEN_OF_A_TEST", TOKEN)
    environment.setenv("AZURE_TOKEN_OF_A_TEST", azure_dns.TOKEN)
    with (
        route53.running(route53.Route53Emulator()) as amazon,
        cloudflare.running(cloudflare.CloudflareEmulator(TOKEN)) as other,
        azure_dns.running(azure_dns.AzureDnsEmulator()) as microsoft,
    ):
        yield Route53(amazon), Cloudflare(other), Azure(microsoft)
