"""A primary name server with one zone, and the dynamic-update adapter in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import pytest

from plans.plan import Change
from plans.values import Key, Live, RRset, ZoneRef, name, parse_value, rrset
from providers.contract import (
    Outcome,
    Provider,
)
from providers.rfc2136 import Rfc2136
from providers.rfc2136.wire import Deadlines
from tests.emulators.dns_update import Primary, opened, running

APEX, ZONE = "example.com", name("example.com")
QUICK = Deadlines(answer=0.5, transfer=0.6, seen=0.3)
OLD, NEW = ("10 old.example.net.", "0 new.example.net.")


@pytest.fixture
def primary() -> Iterator[Primary]:
    with running(Primary()) as served:
        served.add_zone(APEX)
        served.put(APEX, APEX, "MX", 300, OLD)
        served.put(APEX, "mail.example.com", "A", 300, "192.0.2.1")
        yield served


@pytest.fixture(params=["query", "axfr"])
def provider(request: pytest.FixtureRequest, primary: Primary) -> Rfc2136:
    return opened(primary.port, deadlines=QUICK, read=request.param)


@pytest.fixture
def asking(primary: Primary) -> Rfc2136:
    return opened(primary.port, deadlines=QUICK)


def zone_of(provider: Provider, zone: str = APEX) -> ZoneRef:
    return provider.zones([name(zone)])[name(zone)]


def mx(*values: str, ttl: int = 300, owner: str = APEX) -> RRset:
    return rrset(owner, "MX", ttl, [parse_value("MX", value) for value in values])


def live(provider: Provider, owner: str, kind: str) -> Live:
    key = Key(name(owner), kind)
    return provider.read(zone_of(provider), [key]).sets[key]


def replace(provider: Provider, meanwhile: Callable[[], None] = lambda: None) -> Outcome:
    """Replace the MX at the apex."""
    base = provider.read(zone_of(provider), [mx(OLD).key])
    meanwhile()
    return provider.apply(base, [Change(mx(OLD), mx(NEW))])[mx(OLD).key]


def held(primary: Primary) -> str:
    ((value, ttl),) = primary.zones[dns.name.from_text(APEX)].sets[dns.name.from_text(APEX), dns.rdatatype.MX].items()
    return f"{ttl} {value}"
