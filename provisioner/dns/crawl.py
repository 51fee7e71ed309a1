"""Finding the zones of thousands of names at once, and the addresses of their servers: what `zones` does, in an event loop.

What several names have in common, such as the zone above them or a server, is looked for once, while whoever else needs it
waits; what could not be found stays so for as long as the loop.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Coroutine
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache, partial
from typing import TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
from dns.rdatatype import RdataType

from plans.problem import Problem
from plans.values import Name, is_at_or_below
from provisioner.dns import answers
from provisioner.dns.answers import Delegated, Lame
from provisioner.dns.client import Reason, Unanswered
from provisioner.dns.octets import referral
from provisioner.dns.peers import KNOWN, Peers
from provisioner.dns.roots import Servers
from provisioner.dns.zones import DEEPEST, ROOT, parent
from provisioner.targets import Target

MOST_TRIES = 3
"""So many servers of a zone are tried for what one of them can tell."""
LONGEST = 15.0
"""Seconds for one thing that names have in common."""

_FOUND = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})
_T = TypeVar("_T")
_LOOKING_FOR: ContextVar[tuple[Name, ...]] = ContextVar("_LOOKING_FOR", default=())
"""The hosts whose addresses are being looked for, one for the sake of the other."""


class Crawl:
    """Finds zones and addresses through some peers: from the root, whose servers `roots` gives, or through `forwarders`.

    `target` says where an address is asked. Who is done with it calls `close`.
    """

    def __init__(
        self, peers: Peers, roots: Callable[[], Servers], forwarders: tuple[Target, ...], target: Callable[[str], Target]
    ) -> None:
        self._peers = peers
        self._roots = roots
        self._forwarders = forwarders
        self._target = lru_cache(KNOWN)(target)
        self._random = random.Random()  # noqa: S311 - in which order servers are asked is no secret
        self._running: set[asyncio.Task[object]] = set()
        self._zone = lru_cache(KNOWN)(lambda name: self._started(self._find(name)))
        self._host = lru_cache(KNOWN)(lambda host, kind: self._started(self._look_up(host, kind)))

    async def close(self) -> None:
        """End what is under way. Raises what broke it."""
        try:
            await ended(self._running)
        finally:
            await self._peers.close()

    async def enclosing(self, name: Name) -> Delegated:
        """Give the zone that a name lies in. Raises `Unanswered`."""
        return await _told(self._zone(name))

    async def ask(self, zone: Delegated, server: Name, owner: Name, kind: RdataType) -> bytes:
        """Ask one server of a zone, at one of its addresses to which there is a way, IPv4 first. Raises `Unanswered`."""
        for family in (RdataType.A, RdataType.AAAA):
            known = zone.glue.get(server)
            found = await self._addresses(server, family) if known is None else _of_family(known, family)
            for address in self._mixed(found):
                try:
                    return await self._peers.ask(self._target(address), owner, kind)
                except Unanswered as why:
                    if why.reason is not Reason.NO_ROUTE:
                        raise
        raise Unanswered(Reason.NO_ROUTE, f"{server} has no address to which there is a way")

    async def servers(self, zone: Delegated) -> Servers:
        """Give every server of a zone with its addresses: the glue, else they are looked up. Raises `Unanswered`."""
        others = sorted(zone.servers - zone.glue.keys())
        told = await asyncio.gather(*map(self.addresses, others))
        return {**zone.glue, **dict(zip(others, told, strict=True))}

    async def addresses(self, host: Name) -> frozenset[str]:
        """Give all addresses of a host; none also where it is an alias. Raises `Unanswered`."""
        of_family = await asyncio.gather(*(self._addresses(host, family) for family in (RdataType.A, RdataType.AAAA)))
        return frozenset[str]().union(*of_family)

    def _mixed(self, some: frozenset[_T]) -> list[_T]:
        return self._random.sample(list(some), len(some)) if len(some) > 1 else list(some)

    def _started(self, work: Coroutine[object, object, _T]) -> asyncio.Task[_T | Unanswered]:
        task = asyncio.get_running_loop().create_task(_caught(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _find(self, name: Name) -> Delegated:
        if self._forwarders:
            return await self._found_by_forwarder(name)
        if name == ROOT:
            roots = self._roots()
            return Delegated(ROOT, frozenset(roots), roots)
        above = await self.enclosing(parent(name))
        found = await self._first(above, name, RdataType.NS, partial(_step, zone=above.zone, name=name))
        if found is None:
            return above
        return await self._with_addresses(above, found) if found.at_parent else found

    async def _with_addresses(self, above: Delegated, found: Delegated) -> Delegated:
        """Complete a delegation whose servers have names in the zone: who was asked for it holds that zone too."""
        glue = dict(found.glue)
        for server in found.servers - glue.keys():
            if is_at_or_below(server, found.zone):
                read = partial(_hosts, zone=found.zone, host=server)
                told = [await self._first(above, server, family, read) for family in (RdataType.A, RdataType.AAAA)]
                glue[server] = told[0] | told[1]
        return replace(found, glue=glue)

    async def _first(self, zone: Delegated, owner: Name, kind: RdataType, read: Callable[[bytes], _T]) -> _T:
        """Ask one server of a zone after the other until `read` takes an answer (no `Lame`). Raises `Unanswered`."""
        why = "it has no servers"
        for server in sorted(self._mixed(zone.servers), key=lambda one: one not in zone.glue)[:MOST_TRIES]:
            try:
                return read(await self.ask(zone, server, owner, kind))
            except (Unanswered, Lame) as met:
                why = f"{server}: {met}"
        raise Unanswered(Reason.SILENT, f"no server of {zone.zone} answers for {owner}: {why}")

    async def _addresses(self, host: Name, family: RdataType) -> frozenset[str]:
        looking_for = _LOOKING_FOR.get()
        if host in looking_for or len(looking_for) >= DEEPEST:
            raise Unanswered(Reason.NO_ROUTE, f"the addresses of {' → '.join([*looking_for, host])} depend on each other")
        return await _told(self._host(host, family))

    async def _look_up(self, host: Name, family: RdataType) -> frozenset[str]:
        _LOOKING_FOR.set((*_LOOKING_FOR.get(), host))  # of this task, and of those that it starts
        if self._forwarders:
            return _hosts(await self._by_forwarder(host, family), None, host)
        zone = await self.enclosing(host)
        return await self._first(zone, host, family, partial(_hosts, zone=zone.zone, host=host))

    async def _found_by_forwarder(self, name: Name) -> Delegated:
        message = read_message(await self._by_forwarder(name, RdataType.NS))
        if servers := answers.names(message, name):
            return Delegated(name, servers)
        denier = None if message.answer else answers.denied_by(message)
        if denier is None or not dns.name.from_text(name).is_subdomain(denier) or denier.to_text() == name:
            raise Lame("a forwarder names neither its servers nor the zone that it lies in")
        return await self.enclosing(Name(denier.to_text()))

    async def _by_forwarder(self, owner: Name, kind: RdataType) -> bytes:
        """Give what the first of the recursive servers found that could. Raises `Unanswered`."""
        why = ""
        for at in self._forwarders:
            try:
                octets = await self._peers.ask(at, owner, kind, recurse=True)
                message = read_message(octets)
            except (Unanswered, Lame) as met:
                why = f"{at}: {met}"
                continue
            if message.rcode() in _FOUND and message.flags & dns.flags.RA:
                return octets
            why = f"{at}: {dns.rcode.to_text(message.rcode())}"
        raise Unanswered(Reason.SILENT, f"no forwarder answers for {owner} {kind.name}: {why}")


async def ended(work: Collection[asyncio.Task[object]]) -> None:
    """End tasks that may be over, and wait until they are. Raises what broke one of them."""
    for task in work:
        task.cancel()
    for told in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(told, Exception):
            raise told


async def _caught(work: Coroutine[object, object, _T]) -> _T | Unanswered:
    """Give what comes of some work, or why nothing does: nobody need be there to hear of a failure."""
    try:
        async with asyncio.timeout(LONGEST):
            return await work
    except Unanswered as why:
        return why
    except TimeoutError:
        return Unanswered(Reason.SILENT, f"not found in {LONGEST:g} s")
    except (Lame, Problem) as why:
        return Unanswered(Reason.MALFORMED, str(why))


async def _told(task: asyncio.Task[_T | Unanswered]) -> _T:
    """Wait for work that others wait for too: that one of them gives up is nothing to the others. Raises `Unanswered`."""
    told = task.result() if task.done() else await asyncio.shield(task)
    if isinstance(told, Unanswered):
        raise Unanswered(told.reason, str(told))
    return told


def _step(octets: bytes, zone: Name, name: Name) -> Delegated | None:
    return referral(octets, zone, name) or answers.step(read_message(octets), zone, name)


def _hosts(octets: bytes, zone: Name | None, host: Name) -> frozenset[str]:
    return answers.addresses(read_message(octets), zone, host) or frozenset()


def read_message(octets: bytes) -> dns.message.Message:
    """Read a message in full. Raises `Lame`."""
    try:
        return dns.message.from_wire(octets, one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError) as error:
        raise Lame(f"answers with no DNS message: {type(error).__name__}") from None


def _of_family(addresses: frozenset[str], family: RdataType) -> frozenset[str]:
    return frozenset(one for one in addresses if (":" in one) is (family is RdataType.AAAA))
