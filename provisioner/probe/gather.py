"""Gathers the facts that a rollout's conditions name, and no others; what cannot be had is left out, and opens nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from plans.conditions import (
    ChainValid,
    ClockTrusted,
    DelegatedTo,
    GraphAsks,
    GraphSays,
    HostResolves,
    HostTakesMail,
    Instant,
    MxOffDane,
    ParentSecure,
    ParentServesDs,
    Presents,
    ProviderHolds,
    ServedEverywhere,
    StsAllows,
    TlsaGone,
    TlsaHarmless,
    TlsaSecure,
    ZoneSigned,
    ZoneUnsigned,
)
from plans.desired import GraphAnswer
from plans.facts import Confirmation, Facts, HostFacts, NoAnswer, StsPolicy, ZoneFacts
from plans.problem import Problem
from plans.values import Key, Live, Name
from provisioner.probe.witness import Witness


def gather(
    witness: Witness,
    conditions: Collection[Instant],
    now: datetime,
    live: Mapping[Key, Live],
    graph: Mapping[Name, GraphAnswer],
    pins: Mapping[Name, Name],
    confirmations: Callable[[], Mapping[Name, Confirmation]] = dict,
    *,
    clock: bool = False,
) -> Facts:
    """Look at everything that the conditions name; what providers and Graph say is given. `now` is UTC.

    `confirmations` is asked where one of them counts, for a condition that names a mail host's key; what it raises is raised.
    `clock`: others are asked for the time even if no condition needs it.
    """
    served: dict[Name, set[Key]] = defaultdict(set)
    zones: set[Name] = set()
    hosts: dict[Name, bool] = {}
    domains: set[Name] = set()
    for condition in conditions:
        match condition:
            case ServedEverywhere(zone=zone, key=key) | MxOffDane(zone=zone, key=key):
                served[zone].add(key)
            case ChainValid(zone) | ZoneUnsigned(zone) | ParentSecure(zone):
                zones.add(zone)
            case ZoneSigned(zone=zone) | DelegatedTo(zone=zone) | ParentServesDs(zone=zone):
                zones.add(zone)
            case HostResolves(host) | TlsaGone(host):
                hosts.setdefault(host, False)
            case HostTakesMail(host) | TlsaHarmless(host) | TlsaSecure(host) | Presents(host=host):
                hosts[host] = True
            case StsAllows(domain=domain):
                domains.add(domain)
            case ClockTrusted():
                clock = True
            case ProviderHolds() | GraphSays() | GraphAsks():
                pass
    return Facts(
        now,
        live,
        graph,
        pins,
        {at: answers for zone, keys in served.items() for at, answers in _served(witness, zone, keys).items()},
        {zone: found for zone in zones if (found := _zone(witness, zone))},
        {host: told for host, smtp in hosts.items() if (told := _host(witness, host, smtp=smtp))},
        {domain: _policy(witness, domain) for domain in domains},
        confirmations() if any(isinstance(one, Presents) for one in conditions) else {},
        witness.clock_skew(needed=clock),
    )


def _served(witness: Witness, zone: Name, keys: Collection[Key]) -> Mapping[tuple[Name, Key], Mapping[str, Live | NoAnswer]]:
    try:
        return {(zone, key): answers for key, answers in witness.by_address(zone, keys).items()}
    except Problem as problem:
        return {(zone, key): {zone: NoAnswer(_why(problem))} for key in keys}


def _zone(witness: Witness, zone: Name) -> ZoneFacts | None:
    try:
        return witness.zone_facts(zone)
    except Problem:
        return None


def _host(witness: Witness, host: Name, *, smtp: bool) -> HostFacts | None:
    try:
        return witness.host(host, smtp=smtp)
    except Problem:
        return None


def _policy(witness: Witness, domain: Name) -> StsPolicy | NoAnswer:
    try:
        return witness.sts(domain)
    except Problem as problem:
        return NoAnswer(_why(problem))


def _why(problem: Problem) -> str:
    return f"{problem.headline}: {problem.detail.splitlines()[-1]}" if problem.detail else problem.headline
