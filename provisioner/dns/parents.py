"""Which servers the parents of many zones name, asked for all of them at once.

What is not told readily is not told at all: `lookup` asks for one zone with more patience, and says why there is no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from plans.values import Name
from provisioner.dns.answers import Lame
from provisioner.dns.client import Patience, Unanswered
from provisioner.dns.crawl import Crawl, ended
from provisioner.dns.peers import Peers
from provisioner.dns.roots import Servers
from provisioner.private_loop import PrivateLoop
from provisioner.targets import Target

MANY = 32
"""From so many zones on, it is worth the while to begin to ask for all of them at once."""
AT_ONCE = 200
"""So many zones are looked for together."""
WHOLE, WHOLE_EACH = 30.0, 0.01
"""Seconds for all zones that are expected together, and what each of them adds."""

_Expected = Future[Servers | None]


class Parents:
    """Asks from the root for the delegations of zones that are expected, in the order in which they are given.

    `roots` is where the search begins, `target` says where a server's address is asked. A context manager, whose event loop
    ends with it; several threads may take what comes. What was found of zones above and of servers is remembered until then.
    """

    def __init__(self, roots: Callable[[], Servers], target: Callable[[str], Target], patience: Patience | None = None) -> None:
        self._told: dict[Name, _Expected] = {}
        self._where = roots, target
        self._patience = patience or Patience()
        self._loop: PrivateLoop | None = None
        self._work: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._loop:
            try:
                self._loop.run(self._ended())
            finally:
                self._loop.__exit__(kind, error, trace)

    def expect(self, zones: Collection[Name]) -> None:
        """Begin to look for those of the zones that nobody expected yet, where they are many. For one thread."""
        new = [zone for zone in zones if zone not in self._told]
        if len(new) < MANY:
            return
        if self._loop is None:
            self._loop = PrivateLoop().__enter__()
            self._loop.run(self._begun())
        expected: list[tuple[Name, _Expected]] = [(zone, Future()) for zone in new]
        self._told |= expected
        self._loop.run(self._started(expected))

    def delegation(self, zone: Name) -> Servers | None:
        """Wait for the servers that a zone's parent names, each with its addresses, once; None: they are not told readily."""
        told = self._told.pop(zone, None)
        return told.result() if told else None

    def addresses(self, host: Name) -> frozenset[str] | None:
        """Wait for the addresses of a server; None: they are not told readily."""
        return self._loop.run(self._addresses(host)) if self._loop else None

    async def _begun(self) -> None:
        roots, target = self._where
        self._crawl = Crawl(Peers(self._patience), roots, (), target)

    async def _ended(self) -> None:
        try:
            await ended(self._work)
        finally:
            await self._crawl.close()

    async def _started(self, expected: Sequence[tuple[Name, _Expected]]) -> None:
        self._work.append(asyncio.create_task(self._all(expected)))

    async def _all(self, expected: Sequence[tuple[Name, _Expected]]) -> None:
        """Look for all that are expected together; whatever becomes of it, nobody waits in vain."""
        left = iter(expected)
        try:
            async with asyncio.timeout(WHOLE + WHOLE_EACH * len(expected)), asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(expected))):
                    group.create_task(_look(self._crawl, left))
        except TimeoutError:
            pass
        finally:
            for _, told in expected:
                if not told.done():
                    told.set_result(None)

    async def _addresses(self, host: Name) -> frozenset[str] | None:
        try:
            return await self._crawl.addresses(host) or None  # an alias too has none, and that is said by whoever looks closer
        except Unanswered:
            return None


async def _look(crawl: Crawl, left: Iterator[tuple[Name, _Expected]]) -> None:
    for zone, told in left:
        told.set_result(await _delegation(crawl, zone))


async def _delegation(crawl: Crawl, zone: Name) -> Servers | None:
    """Find a zone's servers; one without any address is left to whoever looks closer."""
    try:
        found = await crawl.enclosing(zone)
        servers = await crawl.servers(found) if found.zone == zone else {}
    except (Unanswered, Lame):
        return None
    return servers if servers and all(servers.values()) else None
