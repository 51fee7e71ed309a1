"""A saved plan of several steps a domain, made without planning: the way from one MX host to another, with waits as told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from plans.codec import encode
from plans.conditions import HeldFor, ProviderHolds
from plans.desired import Source, Subject
from plans.plan import Change, Entry, Filters, Header, Rollout, Step
from plans.policy import Risk
from plans.values import Mx, Name, RRset, ZoneRef, name, rrset
from provisioner.fleet import Fleet
from provisioner.manifest import load
from tests.provisioner.cli.estate import before, wanted

STEPS = 4


def save(path: Path, domains: Collection[Name], wait: int = 0) -> None:
    """Write a plan for zones of the current folder's manifest; `wait`: seconds for which each set is to be there first."""
    now = datetime.now(UTC).replace(microsecond=0)
    fleet = Fleet(load(Path("provisioner.yaml")), lambda: now)
    zones = fleet.zones("dns", domains)
    header = Header(now, now + timedelta(hours=24), Filters(), (Source("contoso", "graph.json"),))
    entries = []
    for domain in sorted(domains):
        zone = zones[domain]
        assert isinstance(zone, ZoneRef)
        entries.append(Entry(Subject(domain), "contoso", rollout=Rollout(Subject(domain), tuple(_steps(zone, wait)))))
    path.write_bytes(b"".join(encode(header, entries)))


def sets(domain: Name) -> list[RRset]:
    """Give what the MX set is at first, and after each step."""
    (first,) = (one for one in before(domain) if one.type == "MX")
    old, new = name(first.value.split()[1]), name(wanted(domain))
    both = [Mx(0, old), Mx(10, new)], [Mx(0, new), Mx(10, old)]
    held = [(3600, [Mx(0, old)]), (60, [Mx(0, old)]), (60, both[0]), (60, both[1]), (60, [Mx(0, new)])]
    return [rrset(domain, "MX", ttl, values) for ttl, values in held]


def _steps(zone: ZoneRef, wait: int) -> list[Step]:
    held = sets(zone.name)
    risks = (Risk.LOWER_TTL, Risk.ADD_MX, Risk.SWAP_MX, Risk.REMOVE_MX)
    return [
        Step(
            risk,
            Change(old, new),
            zone,
            (HeldFor(ProviderHolds(zone, old.key, old), wait),) if number else (),
            (ProviderHolds(zone, new.key, new),),
        )
        for number, (risk, old, new) in enumerate(zip(risks, held[:-1], held[1:], strict=True))
    ]
