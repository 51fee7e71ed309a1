"""What the servers of many zones answer, asked all at once: enough to see that a key is as it should be.

For each key every name server that its parent (or a forwarder) names for the zone is asked, at one of its addresses, IPv4
first; one of them after the other, so that the first which does not answer, or not as those before it, ends the matter. That
costs a question a server where all is well. What it cannot show: that every address of a server answers alike, that the zone
is where somebody thinks it is, or that an answer was not made up for the occasion (a wildcard, a set chosen by where the
question comes from). Whoever wants to write looks closer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import Self

import dns.rdatatype

from plans.facts import NoAnswer
from plans.observation import Observation
from plans.values import Key, Live, Name
from provisioner.dns import answers
from provisioner.dns.answers import Lame
from provisioner.dns.client import Patience, Unanswered
from provisioner.dns.crawl import Crawl, ended, read_message
from provisioner.dns.octets import is_alike, mx_set
from provisioner.dns.peers import Peers
from provisioner.dns.roots import Servers
from provisioner.private_loop import PrivateLoop
from provisioner.targets import Target

PATIENCE = Patience(udp=(0.5, 1.0, 1.5), tcp=5.0)
"""Whoever does not answer in that time costs a look at the provider, and nothing else."""
AT_ONCE = 400
"""So many keys are looked at together."""
MOST_SERVERS = 13
"""A zone with more is left to whoever looks closer."""
LONGEST = 20.0
"""Seconds for one key."""
WHOLE, WHOLE_EACH = 60.0, 0.01
"""Seconds for all keys of one call where nobody says, and what each of them adds."""


class Survey:
    """Asks public DNS for many keys. A context manager, whose event loop ends with it; for one thread.

    `roots` and `forwarders` are where the search for zones begins, `target` says where a server's address is asked. What was
    found of zones above and of servers is remembered for as long as it lasts, up to a bound.
    """

    def __init__(
        self,
        roots: Callable[[], Servers],
        forwarders: tuple[Target, ...],
        target: Callable[[str], Target],
        patience: Patience = PATIENCE,
    ) -> None:
        self._where = roots, forwarders, target
        self._patience = patience
        self._loop = PrivateLoop()
        self._random = random.Random()  # noqa: S311 - in which order servers are asked is no secret

    def __enter__(self) -> Self:
        self._loop.__enter__()
        self._crawl = Crawl(Peers(self._patience), *self._where)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.run(self._crawl.close())
        self._loop.__exit__(kind, error, trace)

    def observe(self, keys: Collection[Key], seconds: float | None = None) -> Iterator[Observation]:
        """Give what is told of each key, as it comes in; who does not answer in time is one that gave no answer.

        `seconds` is the time for all of them; None: by their number.
        """
        results: asyncio.Queue[Observation | None] = asyncio.Queue()
        time = WHOLE + WHOLE_EACH * len(keys) if seconds is None else seconds
        work = self._loop.run(self._started(keys, time, results))
        try:
            while True:
                for one in self._loop.run(_some(results)):
                    if one is None:
                        return
                    yield one
        finally:
            self._loop.run(ended([work]))

    async def _started(
        self, keys: Collection[Key], time: float, results: asyncio.Queue[Observation | None]
    ) -> asyncio.Task[None]:
        return asyncio.create_task(self._all(keys, asyncio.get_running_loop().time() + time, results))

    async def _all(self, keys: Collection[Key], end: float, results: asyncio.Queue[Observation | None]) -> None:
        """Look at all keys, so many at once, and put what comes of it into the results; None is the end."""
        left = iter(keys)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(keys))):
                    group.create_task(self._work(left, end, results))
        finally:
            results.put_nowait(None)

    async def _work(self, left: Iterator[Key], end: float, results: asyncio.Queue[Observation | None]) -> None:
        for key in left:
            results.put_nowait(await self._observed(key, end))

    async def _observed(self, key: Key, end: float) -> Observation:
        told: list[Live | NoAnswer] = []
        try:
            async with asyncio.timeout_at(min(end, asyncio.get_running_loop().time() + LONGEST)):
                await self._ask(key, told)
        except TimeoutError:
            told.append(NoAnswer("not told in time"))
        except (Unanswered, Lame) as why:
            told.append(NoAnswer(str(why)))
        return Observation(key, tuple(told))

    async def _ask(self, key: Key, told: list[Live | NoAnswer]) -> None:
        """Gather what one server after the other tells. Raises `Unanswered` and `Lame`."""
        zone = await self._crawl.enclosing(key.owner)
        if len(zone.servers) > MOST_SERVERS:
            raise Lame(f"{zone.zone} has {len(zone.servers)} servers")
        kind = dns.rdatatype.from_text(key.type)
        before = b""
        for server in self._random.sample(sorted(zone.servers), len(zone.servers)):
            octets = await self._crawl.ask(zone, server, key.owner, kind)
            told.append(told[-1] if before and is_alike(octets, before) else _read(octets, zone.zone, key))
            if told[-1] != told[0]:
                return
            before = octets


def _read(octets: bytes, zone: Name, key: Key) -> Live:
    """Read a server's answer. Raises `Lame`."""
    return mx_set(octets, key) or answers.key(read_message(octets), zone, key).held


async def _some(results: asyncio.Queue[Observation | None]) -> list[Observation | None]:
    """Give all that came in, at least one."""
    came = [await results.get()]
    while not results.empty():
        came.append(results.get_nowait())
    return came
