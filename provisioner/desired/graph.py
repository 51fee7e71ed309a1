"""A tenant's answers, live from Microsoft Graph."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import quote

from plans.desired import GraphAnswer, Source
from plans.problem import Problem
from plans.values import Name
from provisioner.desired.answer import (
    SERVICE_RECORDS,
    VERIFICATION_RECORDS,
    JsonObject,
    RawDomain,
    Reading,
    read_domain,
    read_whole,
)
from provisioner.desired.asking import BATCH, IN_FLIGHT, Asker, Sleep
from provisioner.desired.clouds import Endpoint
from provisioner.desired.credential import Login
from provisioner.desired.export import TenantExport, write_export
from provisioner.desired.pages import PATIENCE, TIMEOUT, Pages, Talk
from provisioner.desired.refusals import Refusals, not_in_tenant
from provisioner.desired.wire import NoReply, Outcome
from provisioner.manifest.model import LiveTenant


class GraphSource:
    """A tenant that is asked through Microsoft Graph, from one thread at a time.

    `now` is the time of reading that every answer bears until a `refresh` (UTC). `sleep`, `timeout` and `patience` (seconds)
    are how it waits.
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
        self._reading = Reading(self.source, tenant.cloud, now)
        self._pages = Pages(endpoint, login, Refusals(tenant, login, patience), self._reading, sleep, timeout)
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
            with self._pages.conversation() as talk:
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
                yield name, raw if isinstance(raw, Problem) else self._read(name, raw)
        except Problem as problem:
            for name in wanted:
                if name not in told:
                    yield name, problem

    def release(self) -> None:
        """Keep what was read: it would have to be asked for again."""

    def refresh(self, now: datetime) -> None:
        """Forget what was read; `now` is the time of reading from then on (UTC). The login stays: it renews its token."""
        self._reading = Reading(self.source, self._tenant.cloud, now)
        self._pages = replace(self._pages, reading=self._reading)
        self._resources = None

    def export(self, out: BinaryIO) -> int:
        """Write every domain of the tenant with its records as Graph gave them; give how many there are.

        Raises:
            Problem: something could not be read. Then nothing was written: an export is whole.

        """
        domains: list[RawDomain] = []
        failed: list[tuple[Name, Problem]] = []
        for name, raw in self._raw(None):
            read = raw if isinstance(raw, Problem) else self._read(name, raw)
            if isinstance(read, Problem):
                failed.append((name, read))
            elif isinstance(raw, RawDomain):
                domains.append(raw)
        if failed:
            raise Problem(
                f"Tenant {self._tenant.label} is not exported: {len(failed)} of its domains cannot be read",
                "\n".join(f"{name.rstrip('.')}: {problem.headline}. {problem.detail}" for name, problem in failed),
                failed[0][1].mend,
            )
        root, at = self._endpoint.root, self._reading.read_at
        write_export(TenantExport(self._tenant.id, self._tenant.cloud, root, at, tuple(domains)), out)
        return len(domains)

    def _read(self, name: Name, raw: RawDomain) -> GraphAnswer | Problem:
        try:
            return read_whole(raw, name, self._reading)
        except Problem as problem:
            return problem

    def _raw(self, names: Sequence[Name] | None) -> Iterator[tuple[Name, RawDomain | Problem]]:
        """Ask for names (None: all) in their order; raises the `Problem` of the whole tenant."""
        if names is not None and not names:
            return
        with self._pages.conversation() as talk:
            resources = self._list(talk)
            wanted = sorted(resources) if names is None else names
            for start in range(0, len(wanted), BATCH * IN_FLIGHT):
                window = wanted[start : start + BATCH * IN_FLIGHT]
                found, broken = talk.loop.run(self._ask(talk.asker, window, resources))
                yield from found
                if broken:
                    raise broken

    async def _ask(
        self, asker: Asker, names: Sequence[Name], resources: Mapping[Name, JsonObject]
    ) -> tuple[list[tuple[Name, RawDomain | Problem]], Problem | None]:
        """Give what was found of names, and the problem of the whole tenant that kept it from the others, if any did."""
        paths = {name: _paths(resources[name]) for name in names if name in resources}
        outcomes = await asker.batch([path for of_domain in paths.values() for path in of_domain])
        found: list[tuple[Name, RawDomain | Problem]] = []
        broken: Problem | None = None
        for name in names:
            if name not in paths:
                detail = f"{self._endpoint.base}/domains, read {self._reading.read_at.isoformat()}, does not list it."
                found.append((name, not_in_tenant(name.rstrip("."), self._tenant, detail)))
                continue
            shared = next((outcomes[path] for path in paths[name] if outcomes[path].shared), None)
            if shared:
                broken = self._pages.refused(shared, f"{self._endpoint.base}/$batch")
                continue
            found.append((name, await self._domain(asker, name, resources[name], outcomes)))
        return found, broken

    async def _domain(
        self, asker: Asker, name: Name, resource: JsonObject, outcomes: Mapping[str, Outcome]
    ) -> RawDomain | Problem:
        path, *others = _paths(resource)
        try:
            verification = [await self._records(asker, other, outcomes[other], name) for other in others]
            if verification and _is_refused(outcomes[path]):
                return RawDomain(resource, [], *verification)
            return RawDomain(resource, await self._records(asker, path, outcomes[path], name), *verification)
        except Problem as problem:
            return problem

    async def _records(self, asker: Asker, path: str, outcome: Outcome, domain: Name) -> list[object]:
        return await self._pages.all(asker, f"{self._endpoint.base}{path}", outcome, domain)

    def _list(self, talk: Talk) -> Mapping[Name, JsonObject]:
        if self._resources is None:
            url = f"{self._endpoint.base}/domains"
            listed = talk.loop.run(self._pages.all(talk.asker, url))
            found: dict[Name, JsonObject] = {}
            for index, value in enumerate(listed):
                name, resource = read_domain(value, self._reading, f"domains, value[{index}]")
                if name in found:
                    raise self._reading.problem(f"{name.rstrip('.')} is listed twice", f"domains, value[{index}]")
                found[name] = resource
            self._resources = found
        return self._resources


def _paths(resource: JsonObject) -> tuple[str, ...]:
    """Give where a domain's service configuration records are and, of one that is not verified, its verification records."""
    folder = f"/domains/{quote(str(resource['id']), safe='')}"
    unverified = resource.get("isVerified") is False
    return tuple(f"{folder}/{records}" for records in (SERVICE_RECORDS, VERIFICATION_RECORDS)[: 1 + unverified])


def _is_refused(outcome: Outcome) -> bool:
    """Whether Graph gives no such records for what the domain is, rather than for who asks or how often."""
    if isinstance(outcome, NoReply) or outcome.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}:
        return False
    return HTTPStatus.BAD_REQUEST <= outcome.status < HTTPStatus.INTERNAL_SERVER_ERROR
