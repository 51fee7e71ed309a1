"""Which servers the parents of many zones name, asked for all of them at once.

What is not told readily is not told at all: `lookup` asks for one zone with more patience, and says why there is no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from plans.values import Name
from provisioner.desired.private_loop import PrivateLoop
from provisioner.dns.answers import Lame
from provisioner.dns.client import Patience, Unanswered
from provisioner.dns.crawl import Crawl, ended
from provisioner.dns.peers import Peers
from provisioner.dns.roots import Servers
from provisioner.targets import Target

AT_ONCE = 200
"""So many zones are looked for together."""
WHOLE, WHOLE_EACH = 30.0, 0.01
"""Seconds for all zones, and what each of them adds."""


class Parents:
    """Asks from the root for the delegations of zones while its context lasts, in the order in which they are given.

    `roots` is where the search begins, `target` says where a server's address is asked. Several threads may take what comes.
    """

    def __init__(
        self,
        zones: Collection[Name],
        roots: Callable[[], Servers],
        target: Callable[[str], Target],
        patience: Patience | None = None,
    ) -> None:
        self._told: dict[Name, Future[Servers | None]] = {zone: Future() for zone in zones}
        self._where = roots, target
        self._patience = patience or Patience()
        self._loop = PrivateLoop()

    def __enter__(self) -> Self:
        self._loop.__enter__()
        self._work = self._loop.run(self._started())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.run(ended([self._work]))
        self._loop.__exit__(kind, error, trace)

    def of(self, zone: Name) -> Servers | None:
        """Wait for the servers that a zone's parent names, each with its addresses; None: they are not told readily."""
        return self._told[zone].result() if zone in self._told else None

    async def _started(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._all())

    async def _all(self) -> None:
        """Look for all zones; whatever becomes of it, nobody waits in vain."""
        roots, target = self._where
        crawl = Crawl(Peers(self._patience), roots, (), target)
        left = iter(self._told.items())
        try:
            async with asyncio.timeout(WHOLE + WHOLE_EACH * len(self._told)), asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(self._told))):
                    group.create_task(_look(crawl, left))
        except TimeoutError:
            pass
        finally:
            for told in self._told.values():
                if not told.done():
                    told.set_result(None)
            await crawl.close()


async def _look(crawl: Crawl, left: Iterator[tuple[Name, Future[Servers | None]]]) -> None:
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
