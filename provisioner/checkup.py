"""The use case `doctor`: whether what a run needs is there, checked without writing anything."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from plans.problem import Problem
from plans.values import Name, ZoneRef
from providers.contract import Reader, Unsupported
from provisioner import network
from provisioner.choosing import candidates
from provisioner.desired.clouds import endpoint, scope
from provisioner.desired.credential import Login
from provisioner.fleet import Fleet
from provisioner.managed import told_by
from provisioner.manifest import load
from provisioner.manifest.mistakes import enumerated
from provisioner.manifest.model import AUTO, Domain, LiveTenant, Manifest, Tenant, chooses
from provisioner.network import NoAnswer
from provisioner.state import State
from provisioner.state.backend import backend
from provisioner.state.migrations import MIGRATIONS
from provisioner.targets import Target

CLOCK_TOLERANCE = 60
"""Seconds by which the clock here may differ from others'."""


class Standing(StrEnum):
    """How something was found."""

    OK = "ok"
    WARNING = "warning"
    """It will do, and something should be looked at."""
    FAULT = "fault"
    """A run that needs it will fail."""
    UNKNOWN = "unknown"
    """It cannot be told."""
    SKIPPED = "skipped"
    """Nobody wanted to know."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: how it stands, what was found, and what to do about it (empty: nothing)."""

    name: str
    standing: Standing
    found: str
    mend: str = ""

    @classmethod
    def failed(cls, name: str, problem: Problem) -> Check:
        """Make the fault of a problem."""
        return cls(name, Standing.FAULT, f"{problem.headline}\n{problem.detail}", problem.mend)


@dataclass(frozen=True, slots=True)
class Outside:
    """Where answers from outside are looked for. `offline`: nowhere, and nothing is asked that is not on this machine."""

    offline: bool = False
    dns: Sequence[Target] = network.A_ROOT
    smtp: Target | None = None


def check(manifest: Path, outside: Outside, now: Callable[[], datetime]) -> Iterator[Check]:
    """Check everything that a run of this manifest needs, one thing after the other."""
    try:
        read = load(manifest)
    except Problem as problem:
        yield Check.failed("manifest", problem)
        unread = "the manifest cannot be used, which names them"
        yield Check("state, tenants and providers", Standing.UNKNOWN, unread, "Mend the manifest first.")
    else:
        counts = (("tenant", len(read.tenants)), ("provider", len(read.providers)), ("domain", len(read.domains)))
        told = f"{manifest} names {', '.join(_counted(count, word) for word, count in counts)}"
        yield Check("manifest", Standing.OK, told)
        yield _state(read, now, offline=outside.offline)
        yield from _Fleet(Fleet(read, now), outside).checks()
    yield from _network(outside)


def _state(manifest: Manifest, now: Callable[[], datetime], *, offline: bool) -> Check:
    in_a_file = manifest.state.startswith("sqlite:")
    if offline and not in_a_file:
        return _skipped("state")
    try:
        where = backend(manifest.state, now, writes=False).where
        state = State.peek(manifest.state, now)
        if state:
            state.close()
    except Problem as problem:
        return Check.failed("state", problem)
    if in_a_file and (fault := _no_writing(Path(where), exists=state is not None)):
        return fault
    lacks = "is not there yet" if in_a_file else "can be reached and holds no state yet"
    holds = where if in_a_file else f"{where} can be reached; its schema is {MIGRATIONS[-1].number}"
    return Check("state", Standing.OK, holds if state else f"{where} {lacks}; the first `apply` makes it")


def _no_writing(path: Path, *, exists: bool) -> Check | None:
    """Say why a state cannot be written in a file; None: it can."""
    folder = next(above for above in path.parents if above.exists())
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and (not exists or os.access(path, os.W_OK)):
        return None
    mend = "Give this user write permission there, or name another file under `state:` in the manifest."
    return Check("state", Standing.FAULT, f"{path}: {folder} is no folder that this user can write to", mend)


class _Fleet:
    """The checks of what a manifest names."""

    def __init__(self, fleet: Fleet, outside: Outside) -> None:
        self._fleet = fleet
        self._offline = outside.offline
        self._by_provider: dict[str, set[Name]] = defaultdict(set)
        self._candidates = candidates(fleet.manifest.providers)
        self._to_choose: set[Name] = set()
        self._found: set[Name] = set()
        for domain in fleet.manifest.domains:
            self._note(domain)

    def _note(self, domain: Domain) -> None:
        (self._by_provider[domain.provider.label] if domain.provider else self._to_choose).add(domain.name)

    def checks(self) -> Iterator[Check]:
        yield from self._clock()
        tenants = [tenant for _, tenant in sorted(self._fleet.manifest.tenants.items())]
        for checks, discovered in told_by(self._of_tenant, tenants, lambda tenant: tenant):
            yield from checks
            for domain in discovered:
                self._note(domain)
        for label in sorted(self._fleet.manifest.providers):
            yield from self._provider(label)
        if left := self._to_choose - self._found:
            told = f"no provider that was asked holds the zone of {_counted(len(left), 'domain')} ({_short(left)})"
            yield Check(f"provider {AUTO}", Standing.UNKNOWN, told, "Where public DNS has the zone, changes are made by hand.")

    def _clock(self) -> Iterator[Check]:
        live = [tenant for tenant in self._fleet.manifest.tenants.values() if isinstance(tenant, LiveTenant)]
        if self._offline:
            yield _skipped("clock")
            return
        if not live:
            yield Check("clock", Standing.UNKNOWN, "no tenant is asked live, whose time could be compared")
            return
        try:
            roots = {endpoint(self._fleet.manifest.graph_endpoint, tenant.cloud).root for tenant in live}
            yield from (self._clock_of(root) for root in sorted(roots))
        except Problem as problem:
            yield Check.failed("clock", problem)

    def _clock_of(self, root: str) -> Check:
        try:
            there = network.time_at(root)
        except NoAnswer as why:
            return Check("clock", Standing.UNKNOWN, f"{root} does not say what time it is: {why}", "See the tenants below.")
        off = round((self._fleet.now().astimezone(UTC) - there).total_seconds())
        if abs(off) > CLOCK_TOLERANCE:
            told = f"the clock here is {abs(off)} s {'ahead of' if off > 0 else 'behind'} the one at {root}"
            return Check("clock", Standing.FAULT, told, "Set the clock, for example: timedatectl set-ntp true")
        return Check("clock", Standing.OK, f"within {CLOCK_TOLERANCE} s of the one at {root}")

    def _of_tenant(self, tenant: Tenant) -> tuple[list[Check], list[Domain]]:
        """Check a tenant; beside it, the domains that its globs choose. Several threads may do so."""
        if not isinstance(tenant, LiveTenant):
            check, discovered = self._domains(tenant)
            return [check], discovered
        credential = self._credential(tenant)
        if self._offline:
            return [credential, _skipped(f"tenant {tenant.label}")], []
        if credential.standing is Standing.FAULT:
            what = "it cannot be asked without a token"
            return [credential, Check(f"tenant {tenant.label}", Standing.UNKNOWN, what, "Mend the credential first.")], []
        check, discovered = self._domains(tenant)
        return [credential, check], discovered

    def _credential(self, tenant: LiveTenant) -> Check:
        name = f"credential {tenant.credential.label} for tenant {tenant.label}"
        if self._offline:
            return _skipped(name)
        login = Login(tenant.credential, tenant.id, tenant.cloud)
        try:
            login.get_token(scope(tenant.cloud))
        except Problem as problem:
            return Check.failed(name, problem)
        if login.notices:
            mend = "See that the token was got for that tenant."
            return Check(name, Standing.WARNING, f"there is a token. {' '.join(login.notices)}", mend)
        return Check(name, Standing.OK, f"there is a token, and it is for tenant {tenant.id}")

    def _domains(self, tenant: Tenant) -> tuple[Check, list[Domain]]:
        name = f"tenant {tenant.label}"
        try:
            source = self._fleet.source(tenant)
            domains = source.domains()
        except Problem as problem:
            return Check.failed(name, problem), []
        listed = {domain.name for domain in self._fleet.manifest.domains}
        chosen = [domain for domain in domains if domain not in listed and chooses(tenant, domain)]
        told = f"{_counted(len(domains), 'domain')} can be read from {source.source.where}"
        return Check(name, Standing.OK, told), [self._fleet.manifest.discovered(tenant, domain) for domain in chosen]

    def _provider(self, label: str) -> Iterator[Check]:
        name, config = f"provider {label}", self._fleet.manifest.providers[label]
        if self._offline and config.adapter.capabilities.publishes == "dns":
            yield _skipped(name)
            return
        names = self._by_provider[label]
        maybe = self._to_choose if label in self._candidates else set[Name]()
        try:
            reader, writes = self._fleet.reader(label), self._fleet.capabilities(label).writes
            zones = reader.zones(names | maybe) if names | maybe else {}
            if not names and not zones:
                yield _unused(name, reader)
                return
        except Problem as problem:
            yield Check.failed(name, problem)
            return
        self._found |= zones.keys()
        alike: dict[Check, list[Name]] = defaultdict(list)
        for zone in sorted(set(zones.values())):
            alike[_zone(name, zone, reader, writes=writes)].append(zone.name)
        for one, held in alike.items():
            told = f"{_counted(len(held), 'zone')} ({_short(held)}) {one.found}"
            yield replace(one, found=told)
        if missing := names - zones.keys():
            mend = "Create the zone there, or name the provider that holds it in the manifest."
            yield Check(name, Standing.FAULT, f"no zone there holds {_short(missing)}", mend)


def _unused(name: str, reader: Reader) -> Check:
    """Say whether a provider that no domain is at can be asked at all."""
    try:
        first = next(iter(reader.catalogue()), None)
    except Unsupported as problem:
        return Check(name, Standing.UNKNOWN, f"no domain of the manifest is there, and {problem.headline}")
    zones = "its zones can be listed" if first else "it can be asked, and holds no zone"
    return Check(name, Standing.OK, f"no domain of the manifest is there; {zones}")


def _zone(name: str, zone: ZoneRef, reader: Reader, *, writes: bool) -> Check:
    """Say what may be done with a zone, in words that follow its name."""
    try:
        access = reader.access(zone)
    except Problem as problem:
        return Check(name, Standing.FAULT, f"cannot be asked for\n{problem.headline}\n{problem.detail}", problem.mend)
    if access.readable and not writes:
        return Check(name, Standing.OK, "can be read; changes are made by hand")
    what = "written" if access.readable else "read"
    why = f": {access.detail}" if access.detail else ""
    if access.readable is False or access.writable is False:
        return Check(name, Standing.FAULT, f"cannot be {what}{why}", "Let the account of this provider do that.")
    if access.readable is None or access.writable is None:
        return Check(name, Standing.UNKNOWN, f"may or may not be {what}, which is seen only by doing it{why}")
    return Check(name, Standing.OK, "can be read and written")


def _network(outside: Outside) -> Iterator[Check]:
    for transport in ("UDP", "TCP"):
        name = f"port 53 out, {transport}"
        yield _skipped(name) if outside.offline else _dns(name, outside.dns, tcp=transport == "TCP")
    yield _skipped("port 25 out") if outside.offline else _smtp("port 25 out", outside.smtp)


def _dns(name: str, targets: Sequence[Target], *, tcp: bool) -> Check:
    """See whether any of some servers answers: one family of addresses is enough."""
    answered, silent = [], []
    for target in targets:
        try:
            network.ask_dns(target, tcp=tcp)
            answered.append(str(target))
        except NoAnswer as why:
            silent.append(f"{target}: {why}")
    told = "; ".join([*(f"{target} answers" for target in answered), *silent])
    if answered:
        return Check(name, Standing.OK, told)
    return Check(name, Standing.FAULT, told, "Let this machine send to port 53, or name a server that it may ask: --dns-target")


def _smtp(name: str, target: Target | None) -> Check:
    if target is None:
        return Check(name, Standing.UNKNOWN, "nothing was asked", "Name a mail host to try: --smtp-target HOST")
    try:
        return Check(name, Standing.OK, f"{target} greets: {network.greet_smtp(target)}")
    except NoAnswer as why:
        mend = (
            "Many networks close port 25. Mail hosts can then not be tried from here; nothing else needs it. "
            "What those under mail_hosts present, whoever saw it from elsewhere can say:  provisioner confirm HOST"
        )
        return Check(name, Standing.WARNING, f"{target}: {why}", mend)


def _skipped(name: str) -> Check:
    return Check(name, Standing.SKIPPED, "not asked: --offline")


def _short(names: Iterable[Name]) -> str:
    return enumerated(name.rstrip(".") for name in names)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
