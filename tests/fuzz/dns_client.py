"""DNS messages as they come: a server that lies over UDP before the true answer comes, and over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rdatatype
from hypothesis import strategies as st

from plans.values import name
from provisioner.dns.client import Client, Patience, Unanswered, Wish
from provisioner.dns.peers import Peers
from provisioner.targets import Target
from tests.emulators.dns_sockets import serving
from tests.fuzz.dns_samples import wires
from tests.fuzz.harness import Read, Reader, samples

HOST = "127.0.0.1"
OWNER = name("contoso.example")
_PATIENCE = Patience((5.0,), 5.0)


@contextmanager
def _opened() -> Iterator[Read]:
    lie = [b""]

    def replies(octets: bytes, address: str, *, tcp: bool) -> list[bytes]:
        told = _to_question(lie[0], octets)
        return [told] if tcp else [told, _true(octets)]

    with serving([HOST], replies) as port:
        at = Target(HOST, port)

        def read(octets: bytes) -> bool:
            lie[0] = octets
            client = Client(_PATIENCE)
            return all([_asked(client, at, Wish(tcp=tcp)) for tcp in (False, True)] + [_by_many(at)])

        yield read


def _asked(client: Client, at: Target, wish: Wish) -> bool:
    try:
        client.ask(at, OWNER, "MX", wish)
    except Unanswered:
        return False
    return True


def _by_many(at: Target) -> bool:
    try:
        return bool(asyncio.run(Peers(_PATIENCE).ask(at, OWNER, dns.rdatatype.MX)))
    except Unanswered:
        return False


def _to_question(lie: bytes, query: bytes) -> bytes:
    """Give a lie the id of a question and the case of its name, where it has one at that place: nobody has to guess here."""
    asked = dns.message.from_wire(query)
    question = query[12 : 12 + len(OWNER) + 1 + 4]
    told = query[:2] + lie[2:]
    return told[:12] + question + told[12 + len(question) :] if asked.question and lie[4:6] == b"\0\1" else told


def _true(query: bytes) -> bytes:
    reply = dns.message.make_response(dns.message.from_wire(query))
    reply.flags |= dns.flags.AA
    return reply.to_wire()


def _inputs() -> st.SearchStrategy[bytes]:
    return wires(samples(READER.name))


READER = Reader("dns-client", _opened, _inputs, (), 40)
