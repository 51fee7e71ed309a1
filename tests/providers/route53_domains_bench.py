"""An account at Route 53 Domains for tests: an emulator behind real HTTP, served DNSKEYs, and time that passes at once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from plans.values import Ds, Irregular, Key, Name, Opaque, RRset, ZoneRef, name, parse_value, rrset
from providers.aws.client import Patience
from providers.conformance import Bench, Record
from providers.contract import Context, Served, Unavailable
from providers.limiter import Meter
from providers.route53_domains import Route53Domains
from providers.route53_domains.options import Route53DomainsOptions
from tests.emulators import route53_domains
from tests.emulators.route53_domains import Domain, Route53DomainsEmulator, dnskey, ds_of
from tests.providers.route53_bench import Clock, FakeLimiters, credentials

DOMAIN = name("contoso.example")
KEYS = tuple(dnskey(hashlib.sha512(f"key {number}".encode()).digest()) for number in range(5))
"""DNSKEYs; 64 octets stand for the point on P-256 (RFC 6605 §4)."""
SIGNERS = tuple(ds_of(DOMAIN, key) for key in KEYS)
"""What the registrar makes of each of them for `DOMAIN`."""


@dataclass
class Servers:
    """Public DNS in which every domain serves these DNSKEYs."""

    keys: tuple[str, ...] = KEYS
    failure: Unavailable | None = None
    irregular: bool = False
    asked: list[tuple[Name, tuple[Key, ...]]] = field(default_factory=list)

    def served(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Served]:
        self.asked.append((zone, tuple(keys)))
        if self.failure:
            raise self.failure
        return {key: Served(self._held(key), owner_exists=True) for key in keys}

    def _held(self, key: Key) -> RRset | Irregular | None:
        if self.irregular:
            return Irregular(key, "mixed TTLs")
        values = [parse_value("DNSKEY", one) for one in self.keys]
        assert all(isinstance(value, Opaque) for value in values)
        return rrset(key.owner, key.type, 3600, values) if values else None

    def _not_asked(self, *asked: object) -> NoReturn:
        pytest.fail(f"nobody should ask for {asked}")

    zone_of = delegation = addresses = _not_asked


@dataclass
class Account:
    """What a test sees of a run: the adapter, the other side, the count of calls."""

    emulator: Route53DomainsEmulator
    clock: Clock = field(default_factory=Clock)
    meter: Meter = field(default_factory=Meter)
    servers: Servers = field(default_factory=Servers)

    def __post_init__(self) -> None:
        self.limiters = FakeLimiters(self.clock)

    def open(self, label: str = "reg", *, tries: int = 8, **options: Any) -> Route53Domains:
        given = {"type": "route53-domains", "endpoint": self.emulator.url, "rate": 1000} | options
        context = Context(
            Path(), lambda: datetime(2024, 6, 15, tzinfo=UTC), lookup=self.servers, limiters=self.limiters, meter=self.meter
        )
        patience = Patience(tries=tries, read=5.0, connect=2.0, sleep=self.clock.sleep, jitter=lambda: 1.0)
        return Route53Domains(label, Route53DomainsOptions.model_validate(given), context, patience)


@contextmanager
def account(environment: pytest.MonkeyPatch, folder: Path) -> Iterator[Account]:
    credentials(environment, folder)
    with route53_domains.running(Route53DomainsEmulator()) as emulator:
        yield Account(emulator)


def reference(domain: Name = DOMAIN) -> ZoneRef:
    return ZoneRef("reg", "route53-domains", "", domain.removesuffix("."), domain)


def signed(*signers: Ds, ttl: int = 86_400) -> RRset:
    """Make the DS set of `DOMAIN`."""
    return rrset(DOMAIN, "DS", ttl, signers)


class DomainsBench(Bench):
    """The account as somebody at the console sees it. A registrar takes none of the records of the suite's zones."""

    def __init__(self, held: Account) -> None:
        self._account = held

    def open(self, zones: Mapping[Name, Collection[Record]]) -> Route53Domains:
        for zone, records in zones.items():
            self._account.emulator.register(zone.removesuffix("."))
            key = Key(zone, "DS")
            self.put(zone, key, [record for record in records if Key(record.owner, record.type) == key])
        return self._account.open()

    def records(self, zone: Name) -> Collection[Record]:
        return [Record(zone, "DS", 86_400, str(ds)) for ds in self._domain(zone).signers]

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        assert key == Key(zone, "DS")
        self._domain(zone).put(*(ds for record in records if isinstance(ds := parse_value("DS", record.value), Ds)))

    def _domain(self, zone: Name) -> Domain:
        return self._account.emulator.domains[zone.removesuffix(".")]
