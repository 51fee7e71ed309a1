"""The use case `drift`: what somebody changed behind our back, that is where a key does not hold what we last wrote to it.

Where public DNS shows that it does, its provider is not asked. What was written for a subject that is managed no longer is
nobody's business any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from plans.contest import Place, place_of
from plans.desired import SubjectKind
from plans.plan import Change, Filters, SetSigning
from plans.problem import Problem
from plans.values import Key, Live, Name, RRset, ZoneRef, ancestors
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.managed import managed, passes
from provisioner.observed import seen_in_dns
from provisioner.state import State
from provisioner.state.values import Written

if TYPE_CHECKING:
    from provisioner.dns import PublicLookup

_AT_ONCE = 16
"""So many zones are read at the same time."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A key (None: a zone's signing) that does not hold what we last wrote: that write, and what is there now."""

    wrote: Written
    key: Key | None
    live: Live | bool


@dataclass(frozen=True, slots=True)
class Unread:
    """What we last wrote, and why nobody can say whether it is still there."""

    wrote: Written
    problem: Problem


def drift(
    fleet: Fleet, state: State, filters: Filters, tell: Callable[[int, int], None] = lambda *_: None, *, dns_first: bool
) -> Iterator[Drift | Unread]:
    """Compare what we last wrote of each managed key with what is there, by zone. Raises `Problem` as the state does.

    `tell` is told how many zones of how many were read at their providers.
    """
    found = managed(fleet, filters)
    domains = [domain for tenant in found for domain in tenant.domains.values()]
    last = _last(state, {domain.name for domain in domains}, fleet, filters)
    seen = _right_in_dns(fleet, seen_in_dns(fleet, domains, Kept.of(state)), last.values()) if dns_first else frozenset[Key]()
    zones: defaultdict[ZoneRef, list[Written]] = defaultdict(list)
    for (zone, key), written in last.items():
        if key not in seen:
            zones[zone].append(written)
    meant = _meant(fleet, zones)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        compared = pool.map(lambda zone: list(_compare(fleet, zone, meant[zone], zones[zone])), sorted(zones))
        tell(0, len(zones))
        for done, of_zone in enumerate(compared, 1):
            tell(done, len(zones))
            yield from of_zone


def _last(state: State, names: Collection[Name], fleet: Fleet, filters: Filters) -> Mapping[Place, Written]:
    """Give the newest write of each key whose subject is still managed."""
    hosts = {host.name for host in fleet.manifest.mail_hosts if passes(host.name, filters)}
    above = {one for name in names for one in (name, *ancestors(name))}
    known = {SubjectKind.DOMAIN: names, SubjectKind.ZONE: above, SubjectKind.MAIL_HOST: hosts}
    last: dict[Place, Written] = {}
    for written in state.writes():
        place = place_of(written.zone, written.change)
        if place and written.subject.name in known.get(written.subject.kind, ()):
            last[place] = written
    return last


def _right_in_dns(fleet: Fleet, names: Collection[Name], last: Iterable[Written]) -> frozenset[Key]:
    """Give the keys that hold what we last wrote, as all servers tell that were asked."""
    wanted: dict[Key, RRset] = {}
    for written in last:
        after = written.change.after if isinstance(written.change, Change) else None
        if after and after.key.type == "MX" and after.key.owner in names:
            wanted[after.key] = after
    if not wanted:
        return frozenset()
    with cast("PublicLookup", fleet.lookup).survey() as survey:
        return frozenset(told.key for told in survey.observe(wanted) if told.agreed == wanted[told.key])


def _meant(fleet: Fleet, zones: Collection[ZoneRef]) -> Mapping[ZoneRef, ZoneRef | Problem | None]:
    """Say which zones the manifest's labels mean now."""
    names: defaultdict[str, set[Name]] = defaultdict(set)
    for zone in zones:
        names[zone.provider].add(zone.name)
    found: dict[str, Mapping[Name, ZoneRef | Problem]] = {}
    for label, of_label in names.items():
        try:
            found[label] = fleet.zones(label, of_label)
        except Problem as problem:
            found[label] = dict.fromkeys(of_label, problem)
    return {zone: found[zone.provider].get(zone.name) for zone in zones}


def _compare(
    fleet: Fleet, zone: ZoneRef, meant: ZoneRef | Problem | None, wrote: Collection[Written]
) -> Iterator[Drift | Unread]:
    if meant is None:
        meant = Problem(
            f"The zone {zone.name} is gone",
            f"{zone.provider} held it when we wrote to it, and holds no such zone now.",
            "Look where it is served:  provisioner doctor",
        )
    if isinstance(meant, Problem):
        yield from (Unread(one, meant) for one in wrote)
    elif meant == zone:  # else the label means another zone by now, to which we have not written
        try:
            yield from _differences(fleet, zone, wrote)
        except Problem as problem:
            yield from (Unread(one, problem) for one in wrote)


def _differences(fleet: Fleet, zone: ZoneRef, wrote: Collection[Written]) -> list[Drift]:
    """Read a zone at its provider. Raises `Problem`."""
    reader = fleet.reader(zone.provider)
    after = {one.change.key: (one, one.change.after) for one in wrote if isinstance(one.change, Change)}
    snapshot = reader.read(zone, after.keys()) if after else None
    found = [
        Drift(one, key, snapshot.sets[key]) for key, (one, held) in after.items() if snapshot and snapshot.sets[key] != held
    ]
    for one in wrote:
        signer = reader.signer() if isinstance(one.change, SetSigning) else None
        if signer and isinstance(one.change, SetSigning):
            signed = signer.state(zone).signed
            found += [Drift(one, None, signed)] if signed != one.change.signed else []
    return found
