"""Talking to one name server over TCP (RFC 7766), every message signed (TSIG, RFC 8945) and every exchange with a deadline."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

from plans.values import Name
from providers.contract import AuthFailed, ProviderError, Rejected, Unavailable, Unsupported, ZoneNotFound
from providers.limiter import Limiter, Meter

READ_BY_TRANSFER = "Add `read: axfr` to the provider in the manifest, and let the key transfer the zone."
_PEER = {
    dns.tsig.PeerBadKey: "BADKEY: it knows no key of that name, or, as Knot DNS says it, the key may not do this in this zone",
    dns.tsig.PeerBadSignature: "BADSIG: its secret for that name, or the algorithm, is another one",
    dns.tsig.PeerBadTime: "BADTIME: the clocks of the two machines differ by more than 300 s",
}
_REFUSALS = frozenset({dns.rcode.REFUSED, dns.rcode.NOTAUTH, dns.rcode.FORMERR, dns.rcode.NOTIMP})
"""What servers may say without a signature, since they say it before they do anything."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: for one answer, for a whole transfer, and until an accepted update must be seen."""

    answer: float = 10.0
    transfer: float = 120.0
    seen: float = 5.0


class Lost(Exception):
    """A message was sent, and no answer came that can be trusted: what became of it is not known. The text says why."""


class Server:
    """A name server as one provider of the manifest names it. `key` reads the secret, when it is first needed."""

    def __init__(
        self,
        label: str,
        address: tuple[str, int],
        key: Callable[[], dns.tsig.Key],
        limiter: Limiter,
        meter: Meter,
        deadlines: Deadlines,
    ) -> None:
        self.label = label
        self.limiter, self.meter, self.deadlines = limiter, meter, deadlines
        self._address = address
        self._read_key = key

    def __str__(self) -> str:
        host, port = self._address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @cached_property
    def key(self) -> dns.tsig.Key:
        """The key that signs. Raises `Problem`."""
        return self._read_key()

    @property
    def key_name(self) -> str:
        """The name of the key as a sentence holds it, without the final dot. Raises `Problem`."""
        return self.key.name.to_text(omit_final_dot=True)

    def connect(self) -> socket.socket:
        """Open a connection. Raises `Unavailable`."""
        try:
            return socket.create_connection(self._address, self.deadlines.answer)
        except OSError as error:
            headline = f"The name server of provider {self.label} cannot be reached"
            reason = error.strerror or str(error)
            mend = "See that it runs and that TCP to it is open from this machine, then run again."
            raise Unavailable(headline, f"{self} over TCP: {reason}", mend) from error

    def auth_failed(self, reason: str) -> AuthFailed:
        """Make the error for a key that the server does not take."""
        return AuthFailed(
            f"The name server of provider {self.label} does not accept the key",
            f"{self} and the key {self.key_name}: {reason}.",
            "Compare name, algorithm, secret and grants at the server with the provider's `tsig`, and the clocks.",
        )

    def rejected(self, what: str, answer: str) -> Rejected:
        """Make the error for an answer that a question should not get."""
        return Rejected(
            f"The name server of provider {self.label} gives an answer that makes no sense",
            f"{self} answers {answer} to {what}.",
            "Make sure that `server` and `port` name the zones' primary server.",
        )


class Session:
    """The questions of one call: one connection for all of them, another one where the server closes it between two."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None) -> None:
        self._close()

    @property
    def server(self) -> Server:
        """Whom this session talks to."""
        return self._server

    def ask(self, owner: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message:
        """Ask, without recursion; the answer's RRsets have one record each. Raises `ProviderError`.

        Every RCODE is given but for those that give no answer for now (SERVFAIL) or concern the key.
        """
        query = dns.message.make_query(owner, kind, flags=0)
        what = f"the question {owner} {dns.rdatatype.to_text(kind)}"
        try:
            answer = self._ask(query)
        except Lost as lost:
            raise self._silent(what, str(lost)) from None
        if answer.rcode() == dns.rcode.SERVFAIL:
            raise self._silent(what, "SERVFAIL")
        if answer.rcode() == dns.rcode.NOTAUTH:
            raise self._server.auth_failed("NOTAUTH: it does not take the signature")
        if answer.flags & dns.flags.TC:
            detail = f"{self._server}: the answer to {what} does not fit into a message."
            raise Unsupported("A name holds more than one answer can tell", detail, READ_BY_TRANSFER)
        return answer

    def update(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        """Send an update once, over a connection of its own (RFC 2136 §6.2), and give the server's RCODE.

        Raises:
            Lost: it was sent, and may have been done.
            ProviderError: it was not sent, or not taken because of the key.

        """
        wire = self._signed(message)
        self._server.limiter.acquire()
        with self._server.connect() as connection:
            self._server.meter.called("rfc2136:update")
            return self._exchange(connection, message, wire, self._server.deadlines.answer).rcode()

    def transfer(self, zone: Name) -> Iterator[dns.rrset.RRset]:
        """Give all records of a zone (AXFR, RFC 5936), one in each RRset, while they arrive; the first and last is the SOA.

        Raises `ProviderError`, and where that happens after some records, what came before is not to be used.
        """
        query = dns.message.make_query(zone, dns.rdatatype.AXFR, flags=0)
        wire = self._signed(query)
        self._server.limiter.acquire()
        try:
            with self._server.connect() as connection:
                self._server.meter.called("rfc2136:transfer")
                yield from self._transferred(connection, query, wire, zone)
        except Lost as lost:
            raise self._silent(f"the transfer of {zone}", str(lost)) from None

    def _transferred(
        self, connection: socket.socket, query: dns.message.Message, wire: bytes, zone: Name
    ) -> Iterator[dns.rrset.RRset]:
        end = time.monotonic() + self._server.deadlines.transfer
        apex = dns.name.from_text(zone)
        starts, context, signed = 0, None, True
        _send(connection, wire, end)
        while starts < 2:  # noqa: PLR2004 - the SOA stands at both ends
            answer = self._parse(query, _receive(connection, end), context, multi=True)
            if not query.is_response(answer, xfr_continuation=starts > 0):
                raise Lost("an answer to something else")
            self._require_transfer(answer, zone)
            for record in answer.answer:
                at_end = record.rdtype == dns.rdatatype.SOA and record.name == apex
                if starts == 0 and not at_end:
                    raise self._server.rejected(f"the transfer of {zone}", "without an SOA at its beginning")
                starts += at_end
                yield record
            context, signed = answer.tsig_ctx, answer.had_tsig
        if not signed:
            raise Lost("the last message is not signed")

    def _require_transfer(self, answer: dns.message.Message, zone: Name) -> None:
        rcode = dns.rcode.to_text(answer.rcode())
        match answer.rcode():
            case dns.rcode.NOERROR:
                return
            case dns.rcode.REFUSED:
                raise AuthFailed(
                    f"Zone {zone} may not be transferred",
                    f"{self._server} answers {rcode} to the key {self._server.key_name}.",
                    "Grant it at the server (BIND: allow-transfer), or take `read: axfr` out of the manifest.",
                )
            case dns.rcode.NOTAUTH:
                raise zone_not_found(self._server, zone, rcode)
            case dns.rcode.SERVFAIL:
                raise Lost(rcode)
            case _:
                raise self._server.rejected(f"the transfer of {zone}", rcode)

    def _ask(self, query: dns.message.Message) -> dns.message.Message:
        wire = self._signed(query)
        self._server.limiter.acquire()
        reused = self._connection is not None
        while True:
            self._connection = self._connection or self._server.connect()
            self._server.meter.called("rfc2136:query")
            try:
                return self._exchange(self._connection, query, wire, self._server.deadlines.answer)
            except (Lost, ProviderError) as error:
                self._close()
                if not reused or not isinstance(error, _Closed):
                    raise
                reused = False

    def _signed(self, message: dns.message.Message) -> bytes:
        message.use_tsig(self._server.key)
        try:
            return message.to_wire()
        except dns.exception.TooBig:
            detail = f"{self._server}: together they need more than 65,535 octets."
            raise Unsupported("The changes do not fit into one update", detail, "Hand over fewer changes at once.") from None

    def _exchange(
        self, connection: socket.socket, message: dns.message.Message, wire: bytes, seconds: float
    ) -> dns.message.Message:
        end = time.monotonic() + seconds
        _send(connection, wire, end)
        answer = self._parse(message, _receive(connection, end))
        if not message.is_response(answer):
            raise Lost("an answer to something else")
        return answer

    def _parse(
        self, message: dns.message.Message, wire: bytes, context: dns.tsig.HMACTSig | None = None, *, multi: bool = False
    ) -> dns.message.Message:
        try:
            return dns.message.from_wire(
                wire,
                keyring=self._server.key,
                request_mac=message.mac,
                xfr=multi,
                tsig_ctx=context,
                multi=multi,
                one_rr_per_rrset=True,
            )
        except dns.tsig.PeerError as error:
            raise self._server.auth_failed(_PEER.get(type(error), str(error))) from None
        except (dns.exception.DNSException, ValueError, struct.error) as error:
            if refusal := _unsigned_refusal(wire):
                return refusal
            raise Lost(f"an answer that cannot be trusted: {str(error) or type(error).__name__}") from None

    def _silent(self, what: str, reason: str) -> Unavailable:
        headline = f"The name server of provider {self._server.label} gives no answer"
        return Unavailable(headline, f"{self._server}, {what}: {reason}.", "See to the server, or wait, then run again.")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Closed(Lost):
    """The connection was closed before any octet of the answer came."""


def zone_not_found(server: Server, zone: Name, answer: str) -> ZoneNotFound:
    """Make the error for a zone that a server does not serve, or not to this key."""
    return ZoneNotFound(
        f"Zone {zone} is not at provider {server.label}",
        f"{server} answers {answer} for it: it does not hold the zone, or does not show it to the key {server.key_name}.",
        "Make sure that `server` names the zone's primary server and that its access lists have the key.",
    )


def _unsigned_refusal(wire: bytes) -> dns.message.Message | None:
    """Give an answer that a server may send unsigned, since it came of nothing that was done; None: it is none."""
    try:
        answer = dns.message.from_wire(wire, keyring=False)
    except (dns.exception.DNSException, ValueError, struct.error):
        return None
    return answer if answer.rcode() in _REFUSALS and answer.tsig is None else None


def _send(connection: socket.socket, wire: bytes, end: float) -> None:
    try:
        connection.settimeout(_left(end))
        connection.sendall(struct.pack("!H", len(wire)) + wire)
    except OSError as error:
        raise _Closed(error.strerror or "the connection broke") from None


def _receive(connection: socket.socket, end: float) -> bytes:
    (length,) = struct.unpack("!H", _read(connection, 2, end, first=True))
    return _read(connection, length, end)


def _read(connection: socket.socket, count: int, end: float, *, first: bool = False) -> bytes:
    octets = b""
    while len(octets) < count:
        try:
            connection.settimeout(_left(end))
            more = connection.recv(count - len(octets))
        except TimeoutError:
            raise Lost("no answer in time") from None
        except OSError as error:
            raise _Closed(error.strerror or "the connection broke") from None
        if not more:
            lost = _Closed if first and not octets else Lost
            raise lost("the server closed the connection")
        octets += more
    return octets


def _left(end: float) -> float:
    """Give the seconds that are left. Raises `TimeoutError` where none are."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
