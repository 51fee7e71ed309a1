"""A tenant's answers, live from Microsoft Graph."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from urllib.parse import quote

from plans.desired import GraphAnswer, Source
from plans.problem import Problem
from plans.values import Name
from provisioner.desired.answer import (
    JsonObject,
    Reading,
    read_answer,
    read_domain,
    read_facts,
    read_object,
    records_of,
)
from provisioner.desired.asking import BATCH, IN_FLIGHT, Asker, Sleep
from provisioner.desired.clouds import Endpoint, scope
from provisioner.desired.credential import Login
from provisioner.desired.export import ExportedDomain, TenantExport, write_export
from provisioner.desired.private_loop import PrivateLoop
from provisioner.desired.refusals import Refusals, not_in_tenant
from provisioner.desired.wire import NoReply, Outcome, Wire
from provisioner.manifest.model import LiveTenant

TIMEOUT = 60.0
"""Seconds for one exchange."""
PATIENCE = 600.0
"""Seconds that one reading waits in all for a service that is busy."""

_NEXT = "@odata.nextLink"


@dataclass(frozen=True, slots=True)
class _Talk:
    """An open conversation; nothing is under way between two calls of `loop.run`."""

    loop: PrivateLoop
    asker: Asker


@dataclass(frozen=True, slots=True)
class _Raw:
    """One domain as Graph gave it, unread: what of it, or why not."""

    name: Name
    resource: JsonObject
    records: Sequence[object]


class GraphSource:
    """A tenant that is asked through Microsoft Graph, from one thread at a time.

    `now` is the time of reading that every answer bears (UTC). `sleep`, `timeout` and `patience` (seconds) are how it waits.
    """

    def __init__(
        self,
        tenant: LiveTenant,
        endpoint: Endpoint,
        login: Login,
        now: datetime,
        *,
        sleep: Sleep = asyncio.sleep,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
    ) -> None:
        self._tenant = tenant
        self._endpoint = endpoint
        self._login = login
        self._sleep = sleep
        self._timeout = timeout
        self._patience = patience
        self._reading = Reading(self.source, tenant.cloud, now)
        self._refusals = Refusals(tenant, login, patience)
        self._resources: Mapping[Name, JsonObject] | None = None

    @property
    def source(self) -> Source:
        """Who answers: Graph's root."""
        return Source(self._tenant.label, self._endpoint.root)

    @property
    def notices(self) -> tuple[str, ...]:
        """What could not be checked in what was read so far."""
        return self._login.notices

    def domains(self) -> tuple[Name, ...]:
        """Give every domain that the tenant holds, ascending. Raises `Problem`."""
        if self._resources is None:
            with self._conversation() as talk:
                self._list(talk)
        return tuple(sorted(self._resources or ()))

    def answers(self, names: Collection[Name]) -> Iterator[tuple[Name, GraphAnswer | Problem]]:
        """Give for each name what Graph says of it, or why it cannot be known.

        What fails for the whole tenant (login, permission, network) is told of every name that was not answered before it.
        """
        wanted = tuple(dict.fromkeys(names))
        told: set[Name] = set()
        try:
            for name, raw in self._raw(wanted):
                told.add(name)
                yield name, raw if isinstance(raw, Problem) else self._read(raw)
        except Problem as problem:
            for name in wanted:
                if name not in told:
                    yield name, problem

    def export(self, out: BinaryIO) -> int:
        """Write every domain of the tenant with its records as Graph gave them; give how many there are.

        Raises:
            Problem: something could not be read. Then nothing was written: an export is whole.

        """
        domains: list[ExportedDomain] = []
        failed: list[tuple[Name, Problem]] = []
        for name, raw in self._raw(None):
            read = raw if isinstance(raw, Problem) else self._read(raw)
            if isinstance(read, Problem):
                failed.append((name, read))
            elif isinstance(raw, _Raw):
                domains.append(ExportedDomain(raw.resource, raw.records))
        if failed:
            raise Problem(
                f"Tenant {self._tenant.label} is not exported: {len(failed)} of its domains cannot be read",
                "\n".join(f"{name.rstrip('.')}: {problem.headline}. {problem.detail}" for name, problem in failed),
                failed[0][1].mend,
            )
        root, at = self._endpoint.root, self._reading.read_at
        write_export(TenantExport(self._tenant.id, self._tenant.cloud, root, at, tuple(domains)), out)
        return len(domains)

    def _read(self, raw: _Raw) -> GraphAnswer | Problem:
        try:
            facts = read_facts(raw.resource, raw.name, self._reading, "domains")
            return read_answer(raw.records, raw.name, self._reading, facts)
        except Problem as problem:
            return problem

    def _raw(self, names: Sequence[Name] | None) -> Iterator[tuple[Name, _Raw | Problem]]:
        """Ask for names (None: all) in their order; raises the `Problem` of the whole tenant."""
        if names is not None and not names:
            return
        with self._conversation() as talk:
            resources = self._list(talk)
            wanted = sorted(resources) if names is None else names
            for start in range(0, len(wanted), BATCH * IN_FLIGHT):
                window = wanted[start : start + BATCH * IN_FLIGHT]
                paths = {name: _records_path(resources[name]) for name in window if name in resources}
                outcomes = talk.loop.run(talk.asker.batch(tuple(paths.values())))
                broken: Problem | None = None
                for name in window:
                    if name not in paths:
                        detail = f"{self._endpoint.base}/domains, read {self._reading.read_at.isoformat()}, does not list it."
                        yield name, not_in_tenant(name.rstrip("."), self._tenant, detail)
                        continue
                    outcome = outcomes[paths[name]]
                    if outcome.shared:
                        broken = self._refusals.problem(outcome, f"{self._endpoint.base}/$batch")
                        continue
                    yield name, self._records(talk, name, resources[name], outcome)
                if broken:
                    raise broken

    def _records(self, talk: _Talk, name: Name, resource: JsonObject, outcome: Outcome) -> _Raw | Problem:
        url = f"{self._endpoint.base}{_records_path(resource)}"
        try:
            return _Raw(name, resource, talk.loop.run(self._pages(talk.asker, url, outcome, name)))
        except Problem as problem:
            return problem

    def _list(self, talk: _Talk) -> Mapping[Name, JsonObject]:
        if self._resources is None:
            url = f"{self._endpoint.base}/domains"
            listed = talk.loop.run(self._pages(talk.asker, url, None, domain=None))
            found: dict[Name, JsonObject] = {}
            for index, value in enumerate(listed):
                name, resource = read_domain(value, self._reading, f"domains, value[{index}]")
                if name in found:
                    raise self._reading.problem(f"{name.rstrip('.')} is listed twice", f"domains, value[{index}]")
                found[name] = resource
            self._resources = found
        return self._resources

    async def _pages(self, asker: Asker, url: str, outcome: Outcome | None, domain: Name | None) -> list[object]:
        """Gather a collection's values; `outcome` is what came for its first page where that was asked already."""
        seen = {url}
        values: list[object] = []
        while True:
            outcome = outcome or await asker.get(url)
            if isinstance(outcome, NoReply) or not outcome.ok:
                raise self._refusals.problem(outcome, url, domain.rstrip(".") if domain else "")
            page = read_object(outcome.body, self._reading, domain)
            values.extend(records_of(page, self._reading, domain))
            if page.get(_NEXT) is None:
                return values
            url, outcome = self._next(page[_NEXT], seen, domain), None
            seen.add(url)

    def _next(self, link: object, seen: set[str], domain: Name | None) -> str:
        if not isinstance(link, str) or not self._endpoint.owns(link):
            raise self._reading.problem(f"the next page is not at {self._endpoint.root}, so it is not asked for", _NEXT, domain)
        if link in seen:
            raise self._reading.problem("the pages lead round in a circle", _NEXT, domain)
        return link

    @contextmanager
    def _conversation(self) -> Iterator[_Talk]:
        with PrivateLoop() as loop:
            wire = loop.run(Wire.open(self._endpoint, self._login, scope(self._tenant.cloud), self._timeout))
            try:
                yield _Talk(loop, Asker(wire, self._endpoint.base, self._reading, self._patience, self._sleep))
            finally:
                loop.run(wire.close())


def _records_path(resource: JsonObject) -> str:
    return f"/domains/{quote(str(resource['id']), safe='')}/serviceConfigurationRecords"
