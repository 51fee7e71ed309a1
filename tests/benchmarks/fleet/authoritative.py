"""Authoritative DNS for a fleet, all levels on loopback: fast enough not to be what is measured.

A root and one TLD (`example.`) delegate every zone to name servers whose addresses the root knows. Answers come after a
`latency` in seconds; beyond `rate` answers a second and server address every second one is dropped and the others are cut
short, as response-rate limiting does (https://kb.isc.org/docs/aa-01000).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ROOT, TLD = "127.0.61.1", "127.0.61.2"
HOSTS = ("127.0.61.3", "127.0.61.4", "127.0.61.5", "127.0.61.6")
_A, _NS, _SOA, _MX, _OPT = 1, 2, 6, 15, 41
_HEADER = struct.Struct("!HHHHHH")
_TTL = 3600


def name(text: str) -> bytes:
    """Encode a name (RFC 1035 §3.1)."""
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


Found = tuple[list[bytes], list[bytes], bool]
"""Answer, authority, and whether it is authoritative: else a referral."""


@dataclass
class Fleet:
    """Zones by name: the MX host of each, and the names of its servers."""

    mx: Mapping[str, str]
    servers: Mapping[str, tuple[str, ...]]
    latency: float = 0.02
    rate: float | None = None
    answered: int = 0
    limited: int = 0
    _zones: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    _mx: dict[bytes, bytes] = field(default_factory=dict)
    _hosts: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hosts[name("tld.invalid")] = socket.inet_aton(TLD)
        for zone, servers in self.servers.items():
            self._zones[name(zone)] = tuple(map(name, servers))
            self._mx[name(zone)] = struct.pack("!H", 0) + name(self.mx[zone])
            for number, server in enumerate(servers):
                self._hosts[name(server)] = socket.inet_aton(HOSTS[number % len(HOSTS)])

    def reply(self, query: bytes, address: str) -> bytes:
        """Answer a query as the server at an address does."""
        identity, flags, _, _, _, more = _HEADER.unpack_from(query)
        end = 12
        while query[end]:
            end += query[end] + 1
        asked, kind = query[12 : end + 1].lower(), struct.unpack_from("!H", query, end + 1)[0]
        question = query[12 : end + 5]
        answer, authority, is_final = self._find(asked, kind, address)
        extra = b"\0" + struct.pack("!HHIH", _OPT, 1232, 0, 0) if more else b""
        head = _HEADER.pack(
            identity, 0x8000 | (flags & 0x0100) | (0x0400 if is_final else 0), 1, len(answer), len(authority), bool(extra)
        )
        return head + question + b"".join(answer) + b"".join(authority) + extra

    def _find(self, asked: bytes, kind: int, address: str) -> Found:
        if address == ROOT:
            return self._at_root(asked, kind)
        zone = asked
        while zone != b"\0" and zone not in self._zones:
            zone = zone[zone[0] + 1 :]
        if zone == b"\0":
            return [], [_soa(name("example"))], True
        servers = [_record(zone, _NS, server) for server in self._zones[zone]]
        if address == TLD:
            return [], servers, False
        if asked == zone and kind == _NS:
            return servers, [], True
        held = {_MX: _record(b"\xc0\x0c", _MX, self._mx[zone]), _SOA: _soa(zone)} if asked == zone else {}
        return [held[kind]] if kind in held else [], [] if kind in held else [_soa(zone)], True

    def _at_root(self, asked: bytes, kind: int) -> Found:
        if asked in self._hosts:
            return ([_record(b"\xc0\x0c", _A, self._hosts[asked])] if kind == _A else []), [], True
        if asked.endswith(name("example")):
            return [], [_record(name("example"), _NS, name("tld.invalid"))], False
        return ([_record(b"\0", _NS, name("root.invalid"))] if asked == b"\0" else []), [_soa(b"\0")], True


def _record(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, _TTL, len(data)) + data


def _soa(owner: bytes) -> bytes:
    return _record(owner, _SOA, name("ns.invalid") + name("host.invalid") + struct.pack("!IIIII", 1, 7200, 900, 1209600, 300))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, fleet: Fleet, address: str) -> None:
        self._fleet = fleet
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._tokens = fleet.rate or 0.0
        self._filled = self._loop.time()
        self._slip = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._fleet.reply(data, self._address)
        if not self._may():
            self._fleet.limited += 1
            self._slip = not self._slip
            if not self._slip:
                return
            reply = reply[:2] + bytes([reply[2] | 0x02]) + reply[3:6] + b"\0" * 6 + _question(reply)
        self._fleet.answered += 1
        self._loop.call_later(self._fleet.latency, self._transport.sendto, reply, addr)  # type: ignore[attr-defined]  # of a datagram

    def _may(self) -> bool:
        rate = self._fleet.rate
        if rate is None:
            return True
        now = self._loop.time()
        self._tokens = min(rate, self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _question(reply: bytes) -> bytes:
    end = 12
    while reply[end]:
        end += reply[end] + 1
    return reply[12 : end + 5]


async def _tcp(fleet: Fleet, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            reply = fleet.reply(await reader.readexactly(length), address)
            await asyncio.sleep(fleet.latency)
            fleet.answered += 1
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve(fleet: Fleet, addresses: Iterable[str] = (ROOT, TLD, *HOSTS)) -> int:
    """Serve on every address until the loop ends, and give the port, which is the same at all of them."""
    loop = asyncio.get_running_loop()
    port = 0
    for address in addresses:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 2**20)
        udp.bind((address, port))
        port = udp.getsockname()[1]
        await loop.create_datagram_endpoint(lambda at=address: _Udp(fleet, at), sock=udp)  # type: ignore[misc]  # bound now

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at: str = address) -> None:
            await _tcp(fleet, at, reader, writer)

        await asyncio.start_server(talk, address, port)
    return port
