"""One registry that delegates as many zones as anybody asks for, all to the same few servers, on loopback.

The root and `example.` are at an address each; whatever is asked for right below `example.` is a zone. All of them are alike.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset

from plans.values import Name, name
from tests.emulators.dns_sockets import serving

ROOT, REGISTRY = "127.0.56.1", "127.0.56.2"
SERVERS = ("127.0.56.11", "127.0.56.12")
HINTS = f". 3600 NS a.root.\na.root. 3600 A {ROOT}\n"
"""The text of the file that `hints` under `resolver` names."""

Refuses = Callable[[str, str, int], str]
"""Says what becomes of a question by address, name and how often that address was asked for it: `drop`, `cut`, or nothing."""


class ManyZones:
    """The zones. `mx` is each one's MX set after its name and TTL, `refuses` may change that an answer is given.

    `asked` counts the questions by address, name and type.
    """

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self.port = 0
        self.asked: Counter[tuple[str, str, str]] = Counter()
        self.mx: Callable[[Name], str] = lambda zone: f"0 {zone.removesuffix('.').replace('.', '-')}.mail.test."
        self.refuses: Refuses = lambda _address, _name, _times: ""
        self._hosts = hosts
        self._lock = threading.Lock()

    def at(self, address: str) -> int:
        """Give how many questions came to an address."""
        return sum(count for (at, *_), count in self.asked.items() if at == address)

    def replies(self, octets: bytes, address: str, *, tcp: bool) -> list[bytes]:
        """Give what an address sends back."""
        reply = dns.message.make_response(dns.message.from_wire(octets), our_payload=1232)
        question = reply.question[0]
        owner, kind = Name(question.name.canonicalize().to_text()), dns.rdatatype.to_text(question.rdtype)
        with self._lock:
            self.asked[address, owner, kind] += 1
            how = "" if tcp else self.refuses(address, owner, self.asked[address, owner, kind])
        if how == "drop":
            return []
        if how == "cut":
            reply.flags |= dns.flags.TC
        elif address == ROOT:
            self._refer(reply, "example.", {"ns.registry.": REGISTRY})
        elif address == REGISTRY:
            self._refer(reply, owner, self._hosts)
        else:
            reply.flags |= dns.flags.AA
            held = {"MX": self.mx(owner)} | ({"A": self._hosts[owner]} if owner in self._hosts else {})
            if kind in held:
                reply.answer = [dns.rrset.from_text(question.name, 3600, "IN", kind, held[kind])]
            else:
                reply.authority = [
                    dns.rrset.from_text(question.name, 3600, "IN", "SOA", "ns.registry. host.registry. 1 2 3 4 5")
                ]
        return [reply.to_wire()]

    @staticmethod
    def _refer(reply: dns.message.Message, zone: str, hosts: Mapping[str, str]) -> None:
        reply.authority = [dns.rrset.from_text(zone, 3600, "IN", "NS", *hosts)]
        reply.additional = [dns.rrset.from_text(host, 3600, "IN", "A", address) for host, address in hosts.items()]


@contextmanager
def many_zones() -> Iterator[ManyZones]:
    """Serve them until the block ends."""
    hosts = {f"ns{number}.example.": address for number, address in enumerate(SERVERS)}
    zones = ManyZones(hosts)
    with serving((ROOT, REGISTRY, *SERVERS), zones.replies) as zones.port:
        yield zones


def names(count: int) -> list[Name]:
    """Give names of so many zones."""
    return [name(f"d{number}.example") for number in range(count)]
