"""A Route 53 account for tests: an emulator behind real HTTP, credentials in the environment, and time that passes at once."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plans.values import Key, Name, name, parse_value
from providers.conformance import Bench, Record
from providers.contract import Context, Provider
from providers.limiter import Limiter, Limiters, Meter, Rate
from providers.route53 import Route53
from providers.route53.client import Patience
from providers.route53.options import Route53Options
from tests.emulators import route53
from tests.emulators.route53 import Fault, Route53Emulator, Zone


class Clock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds
            self.slept.append(seconds)


class FakeLimiters(Limiters):
    """One limiter an account, on a clock that a test owns."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._made: dict[tuple[str, str], Limiter] = {}

    def of(self, service: str, account: str, rate: Rate) -> Limiter:
        key = service, account
        return self._made.setdefault(key, Limiter(rate, clock=self._clock, sleep=self._clock.sleep))

    @property
    def accounts(self) -> set[tuple[str, str]]:
        return set(self._made)


@dataclass
class Account:
    """What a test sees of a run: the adapter, the other side, the count of calls."""

    emulator: Route53Emulator
    clock: Clock = field(default_factory=Clock)
    meter: Meter = field(default_factory=Meter)

    def __post_init__(self) -> None:
        self.limiters = FakeLimiters(self.clock)

    def open(self, label: str = "aws", *, read_timeout: float = 5.0, tries: int = 8, **options: Any) -> Route53:
        given = {"type": "route53", "endpoint": self.emulator.url} | options
        context = Context(Path(), lambda: datetime(2024, 6, 15, tzinfo=UTC), limiters=self.limiters, meter=self.meter)
        patience = Patience(tries=tries, read=read_timeout, connect=2.0, sleep=self.clock.sleep, jitter=lambda: 1.0)
        return Route53(label, Route53Options.model_validate(given), context, patience)


def credentials(environment: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the SDK find the emulator's credentials, and nothing of this machine's."""
    for variable in (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ROLE_ARN",
    ):
        environment.delenv(variable, raising=False)
    for variable, value in {
        "AWS_ACCESS_KEY_ID": route53.KEY_ID,
        "AWS_SECRET_ACCESS_KEY": route53.SECRET,
        "AWS_CONFIG_FILE": str(folder / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        environment.setenv(variable, value)


@contextmanager
def account(environment: pytest.MonkeyPatch, folder: Path) -> Iterator[Account]:
    credentials(environment, folder)
    with route53.running(Route53Emulator()) as emulator:
        yield Account(emulator)


class Route53Bench(Bench):
    """The account as somebody at the console sees it."""

    def __init__(self, held: Account) -> None:
        self._account = held

    def open(self, zones: Mapping[Name, Collection[Record]]) -> Provider:
        self._account.emulator.zones.clear()
        for zone, records in zones.items():
            self._account.emulator.add_zone(zone)
            for key in {Key(record.owner, record.type) for record in records}:
                self.put(zone, key, [record for record in records if Key(record.owner, record.type) == key])
        return self._account.open()

    def records(self, zone: Name) -> Collection[Record]:
        found = []
        for item in list(self._zone(zone).sets.values()):
            owner = name(_decimal(item["Name"]))
            if owner == zone and item["Type"] in {"SOA", "NS"}:
                continue
            values = [record["Value"] for record in item.get("ResourceRecords", [])] or [str(item)]
            for value in values:
                text = value if "AliasTarget" in item else str(parse_value(item["Type"], _decimal(value)))
                found.append(Record(owner, item["Type"], item.get("TTL", 0), text))
        return found

    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        held = self._zone(zone)
        held.remove(_octal(key.owner), key.type)
        if records:
            (ttl,) = {record.ttl for record in records}
            held.put(_octal(key.owner), key.type, ttl, *(_octal(record.value) for record in records))

    def neglect(self, writes: int) -> None:
        """Let the next writes be answered as if they were done, and not be done."""
        self._account.emulator.fail("ChangeResourceRecordSets", *[Fault(lazy=True)] * writes)

    def make_irregular(self, zone: Name, key: Key, kind: str) -> None:
        held = self._zone(zone)
        match kind:
            case "alias":
                target = {"HostedZoneId": held.id, "DNSName": zone, "EvaluateTargetHealth": False}
                held.put(_octal(key.owner), key.type, 0, AliasTarget=target)
            case "weighted":
                for number, value in enumerate(("10 a.example.net.", "10 b.example.net.")):
                    held.put(_octal(key.owner), key.type, 300, value, SetIdentifier=f"set-{number}", Weight=number)
            case _:
                super().make_irregular(zone, key, kind)

    def _zone(self, zone: Name) -> Zone:
        (held,) = [held for held in self._account.emulator.zones.values() if name(_decimal(held.name)) == zone]
        return held


def _octal(text: str) -> str:
    """Respell decimal escapes (RFC 1035 section 5.1) as the console wants them, and a dot inside a label too."""
    out, at = "", 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1].isdigit():
            out, at = out + f"\\{int(text[at + 1 : at + 4]):03o}", at + 4
        elif text[at] == "\\" and text[at + 1] == ".":
            out, at = out + "\\056", at + 2
        elif text[at] == "\\":
            out, at = out + text[at : at + 2], at + 2
        else:
            out, at = out + text[at], at + 1
    return out


def _decimal(text: str) -> str:
    out, at = "", 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1].isdigit():
            out, at = out + f"\\{int(text[at + 1 : at + 4], 8):03d}", at + 4
        elif text[at] == "\\":
            out, at = out + text[at : at + 2], at + 2
        else:
            out, at = out + text[at], at + 1
    return out
