"""A registry that delegates the zones of many operators, each to the servers of its own, on loopback.

The root and `example.` are at an address each, whatever is delegated lies right below `example.`. What a zone holds is asked
for anew at each question; it costs the same however many zones there are.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from plans.values import Name
from tests.emulators.dns_sockets import serving

ROOT, REGISTRY = "127.0.57.1", "127.0.57.2"
ADDRESSES = tuple(f"127.0.57.{host}" for host in range(11, 27))
"""The addresses of the operators' servers: so many of them there can be."""
HINTS = f". 3600 NS a.root.\na.root. 3600 A {ROOT}\n"
"""The text of the file that `hints` under `resolver` names."""

Mx = Sequence[tuple[int, str]]
"""The MX records of a zone: the TTL and the value of each."""


class DelegatedZones:
    """The zones: `served` gives a zone's MX where an operator holds it, None where none does; `servers` are those delegated to.

    `silent` says of an address and a name whether no answer is given.
    """

    def __init__(self, served: Callable[[Name], Mx | None]) -> None:
        self.port = 0
        self.asked: Counter[str] = Counter()
        self.servers: dict[Name, Sequence[Name]] = {}
        self.silent: Callable[[str, Name], bool] = lambda _address, _name: False
        self._served = served
        self._hosts: dict[Name, str] = {}
        self._made: dict[object, bytes] = {}
        self._lock = threading.Lock()

    def delegate(self, zone: Name, servers: Sequence[Name]) -> None:
        """Let the registry name these servers for a zone; one that nobody named before gets the next address."""
        self.servers[zone] = servers
        self._made.clear()
        for server in servers:
            self._hosts.setdefault(server, ADDRESSES[len(self._hosts)])

    def hosts_of(self, zone: Name) -> frozenset[str]:
        """Give the addresses of the servers to which a zone is delegated."""
        return frozenset(self._hosts[server] for server in self.servers.get(zone, ()))

    def replies(self, octets: bytes, address: str, *, tcp: bool) -> list[bytes]:  # noqa: ARG002 - both are answered alike
        """Give what an address sends back: made once as long as nothing changes, since the same is asked again and again."""
        end = octets.index(b"\0", 12) + 5  # of the question, whose name may be spelt in any case
        owner, kind = _question(octets[12:end].lower())
        with self._lock:
            self.asked[kind] += 1
        if self.silent(address, owner):
            return []
        held = self._held(address, owner)
        key = octets[2:12], octets[12:end].lower(), octets[end:], address, held
        with self._lock:
            made = self._made.get(key)
        if made is None:
            made = self._reply(octets, address, owner, kind, held)
            with self._lock:
                self._made[key] = made
        return [octets[:2] + made[2:12] + octets[12:end] + made[end:]]

    def _held(self, address: str, owner: Name) -> tuple[tuple[int, str], ...] | None:
        """Give the MX that an address serves; None: it serves no such zone."""
        held = self._served(owner) if address in self.hosts_of(owner) else None
        return None if held is None else tuple(held)

    def _reply(self, octets: bytes, address: str, owner: Name, kind: str, held: Mx | None) -> bytes:
        reply = dns.message.make_response(dns.message.from_wire(octets), our_payload=1232)
        if address == ROOT:
            self._at_root(reply, owner, kind)
        elif address == REGISTRY:
            self._at_registry(reply, owner)
        else:
            self._at_operator(reply, owner, kind, held)
        return reply.to_wire()

    def _at_root(self, reply: dns.message.Message, owner: Name, kind: str) -> None:
        if owner.endswith("example."):
            _refer(reply, "example.", {"ns.registry.": REGISTRY})
        elif kind == "A" and owner in self._hosts:
            _answer(reply, "A", [(3600, self._hosts[owner])])
        else:
            _deny(reply, ".")

    def _at_registry(self, reply: dns.message.Message, owner: Name) -> None:
        if owner in self.servers:
            _refer(reply, owner, dict.fromkeys(self.servers[owner], ""))
        else:
            _deny(reply, "example.")

    def _at_operator(self, reply: dns.message.Message, owner: Name, kind: str, held: Mx | None) -> None:
        if held is None:
            reply.set_rcode(dns.rcode.REFUSED)
        elif kind == "MX" and held:
            _answer(reply, "MX", held)
        elif kind == "NS":
            _answer(reply, "NS", [(3600, server) for server in self.servers[owner]])
        else:
            _deny(reply, owner)


@lru_cache(100_000)
def _question(octets: bytes) -> tuple[Name, str]:
    """Give the name and the type of a question in lower case."""
    kind = int.from_bytes(octets[-4:-2])
    return Name(dns.name.from_wire(octets, 0)[0].to_text()), dns.rdatatype.to_text(dns.rdatatype.RdataType.make(kind))


def _refer(reply: dns.message.Message, zone: str, hosts: Mapping[str, str]) -> None:
    reply.authority = [dns.rrset.from_text(zone, 3600, "IN", "NS", *hosts)]
    reply.additional = [dns.rrset.from_text(host, 3600, "IN", "A", address) for host, address in hosts.items() if address]


def _answer(reply: dns.message.Message, kind: str, records: Mx) -> None:
    """Answer with a set; one whose records differ in their TTLs has the lowest (RFC 2181 §5.2)."""
    reply.flags |= dns.flags.AA
    ttl = min(ttl for ttl, _ in records)
    reply.answer = [dns.rrset.from_text(reply.question[0].name, ttl, "IN", kind, *(value for _, value in records))]


def _deny(reply: dns.message.Message, apex: str) -> None:
    """Say that nothing of the type is there."""
    reply.flags |= dns.flags.AA
    reply.authority = [dns.rrset.from_text(apex, 300, "IN", "SOA", "ns.invalid. host.invalid. 1 3600 600 86400 300")]


@contextmanager
def delegated_zones(served: Callable[[Name], Mx | None]) -> Iterator[DelegatedZones]:
    """Serve a registry that delegates nothing yet, until the block ends."""
    zones = DelegatedZones(served)
    with serving((ROOT, REGISTRY, *ADDRESSES), zones.replies) as zones.port:
        yield zones
