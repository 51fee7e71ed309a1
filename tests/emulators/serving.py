"""Providers' zones in a public DNS of their own on loopback, answered from what an emulator holds when it is asked.

The root and the registries above the zones delegate to the name servers that the provider's API names; each has an address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from plans.values import Key, Name, RRset, ancestors, parse_value, rrset
from providers.conformance import Record
from providers.contract import Reader
from tests.emulators.dns import DnsWorld, dns_world, zone_text

ROOT, REGISTRY = "127.0.55.1", "127.0.55.2"
POOL = tuple(f"127.0.55.{host}" for host in range(11, 19))
"""The addresses of name servers: so many of them there can be."""
HINTS = f". 3600 NS a.root.\na.root. 3600 A {ROOT}\n"
"""The text of the file that `hints` under `resolver` names."""


class Account(Protocol):
    """Tells all records of a zone at this moment, but for the SOA record and the NS records at the apex."""

    def records(self, zone: Name) -> Collection[Record]: ...


class PublicDns:
    """Who is delegated what, and who serves it. `world` has the port and the questions, and takes faults."""

    def __init__(self, world: DnsWorld) -> None:
        self.world = world
        self._addresses: dict[Name, str] = {}
        self._delegated: dict[Name, list[Name]] = {}
        self._hosted: dict[Name, tuple[Callable[[], list[RRset]], list[Name]]] = {}
        world.serve(".", self._root, ROOT)

    def host(self, provider: Reader, account: Account, zones: Collection[Name]) -> None:
        """Serve zones from the records of an account, and delegate them, by the servers that the provider names for each."""
        for zone, found in provider.zones(zones).items():
            servers = sorted(provider.name_servers(found))
            self._hosted[zone] = partial(_zone, zone, servers, account), servers
            self.publish(zone)
            self.delegate(zone, *servers)

    def delegate(self, zone: Name, *servers: Name) -> None:
        """Let the zone's parent name these servers, and no others."""
        self._delegated[zone] = [server for server in servers if self.address(server)]
        parent = ancestors(zone)[0]
        self.world.serve(parent, partial(self._registry, parent), REGISTRY)

    def hold_back(self, zone: Name, *servers: Name) -> None:
        """Let servers, all where none is named, go on answering with what they would answer now, until `publish`."""
        view, hosts = self._hosted[zone]
        now = view()
        self.world.serve(zone, lambda: now, *map(self.address, servers or hosts))

    def publish(self, zone: Name) -> None:
        """Let all servers of a zone answer with what is held when they are asked."""
        view, hosts = self._hosted[zone]
        self.world.serve(zone, view, *map(self.address, hosts))

    def address(self, server: Name) -> str:
        """Give a name server's address; one that nobody asked for before gets the next of the pool."""
        if server not in self._addresses:
            self._addresses[server] = POOL[len(self._addresses)]
        return self._addresses[server]

    def _root(self) -> list[RRset]:
        """Give the root zone, in which the names of all servers lie: none needs a zone above it for its address alone."""
        parents = {ancestors(zone)[0] for zone in self._delegated}
        delegations = [f"{parent} NS ns.registry." for parent in parents]
        addresses = [f"{server} A {address}" for server, address in self._addresses.items()]
        return zone_text(".", "\n".join([HINTS, f"ns.registry. A {REGISTRY}", *delegations, *addresses]))

    def _registry(self, parent: Name) -> list[RRset]:
        below = {zone: servers for zone, servers in self._delegated.items() if ancestors(zone)[0] == parent}
        delegations = [f"{zone} NS {server}" for zone, servers in below.items() for server in servers]
        return zone_text(parent, "\n".join(["@ NS ns.registry.", *delegations]))


@contextmanager
def public_dns() -> Iterator[PublicDns]:
    """Serve a root that delegates nothing yet, until the block ends."""
    with dns_world(ROOT, REGISTRY, *POOL) as world:
        yield PublicDns(world)


def _zone(zone: Name, servers: Iterable[Name], account: Account) -> list[RRset]:
    """Give the sets of a zone; one whose records differ in their TTLs has the lowest (RFC 2181 §5.2)."""
    held: dict[Key, list[Record]] = defaultdict(list)
    for record in account.records(zone):
        held[Key(record.owner, record.type)].append(record)
    sets = [
        rrset(key.owner, key.type, min(one.ttl for one in of_key), [parse_value(key.type, one.value) for one in of_key])
        for key, of_key in held.items()
    ]
    return [*zone_text(zone, "\n".join(f"@ NS {server}" for server in servers)), *sets]
