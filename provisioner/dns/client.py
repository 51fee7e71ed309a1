"""One question to one server: over UDP first, over TCP where UDP will not do, and never without a deadline.

What an attacker off the path would have to guess: the message's id, the source port, and the case of every letter in the
name (the server sends the name back as it was asked). Datagrams that are no answer to the question are passed over, and the
real one is waited for. A server that does not keep the case, and an answer that is cut short, are asked again over TCP.
"""

from __future__ import annotations

import errno
import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from plans.values import Name
from provisioner.targets import Target

EDNS_OCTETS = 1232
"""The largest datagram that we take: small enough for any path without fragments (https://www.dnsflagday.net/2020/)."""

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL})
"""What the system says when it has no way to an address; EINVAL of a link-local one (RFC 4007)."""
_NO_EDNS = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP})
"""What servers say that do not know EDNS (RFC 6891 §7)."""
_LONGEST_DATAGRAM = 65535
_NOT_ASKED = "one to something that was not asked"


class Reason(StrEnum):
    """Why there is no answer."""

    NO_ROUTE = "no-route"
    """This machine has no way to the address; nothing was sent."""
    SILENT = "silent"
    """Nothing came within the deadline that was an answer to the question."""
    REFUSED = "refused"
    """The network or the host said that nobody is there, or the connection broke."""
    MALFORMED = "malformed"
    """What came over a connection is no answer to the question."""


class Unanswered(Exception):
    """A server gave no answer; the text says why, in words that follow its name."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for each datagram that is sent, one after the other, and for a connection with its answer."""

    udp: tuple[float, ...] = (1.5, 3.0)
    tcp: float = 5.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How something is asked.

    `recurse`: the server is to find it elsewhere (RD). `dnssec`: the signatures are to come with it, whether or not the server
    thinks them valid (DO and CD, RFC 4035 §3). `tcp`: over TCP from the first.
    """

    recurse: bool = False
    dnssec: bool = False
    tcp: bool = False


PLAIN = Wish()


class Client:
    """Asks servers. Holds no state: any number of threads may use it."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._random = random.SystemRandom()

    def ask(self, at: Target, owner: Name, kind: str, wish: Wish = PLAIN) -> dns.message.Message:
        """Ask for the records of one name and type.

        Every record of the answer is in an RRset of its own. Whatever the response code, it is an answer. Raises `Unanswered`.
        """
        answer = None
        if self._patience.udp and not wish.tcp:
            answer = self._by_udp(at, owner, kind, wish)
        if answer is None:
            answer = self._by_tcp(at, self._query(owner, kind, wish))
        if answer.rcode() in _NO_EDNS and answer.edns < 0:
            answer = self._by_tcp(at, self._query(owner, kind, wish, edns=False))
        return answer

    def _query(self, owner: Name, kind: str, wish: Wish, *, edns: bool = True) -> dns.message.QueryMessage:
        labels = dns.name.from_text(owner).labels
        mixed = dns.name.Name([self._mixed(label) for label in labels])
        flags = (dns.flags.RD if wish.recurse else 0) | (dns.flags.CD if wish.dnssec else 0)
        query = dns.message.make_query(mixed, dns.rdatatype.from_text(kind), use_edns=False, flags=flags)
        if edns:
            query.use_edns(0, dns.flags.DO if wish.dnssec else 0, EDNS_OCTETS)
        return query

    def _mixed(self, label: bytes) -> bytes:
        """Give a label with its letters in upper and lower case at random."""
        upper = self._random.getrandbits(8 * len(label) + 1)
        swapped = label.upper(), label.lower()
        return bytes(swapped[upper >> place & 1][place] for place in range(len(label)))

    def _by_udp(self, at: Target, owner: Name, kind: str, wish: Wish) -> dns.message.Message | None:
        """Give the answer, None where it must be asked for over TCP."""
        met = ""
        for seconds in self._patience.udp:
            query = self._query(owner, kind, wish)
            with _to(at) as wire:
                try:
                    return _exchange(wire, query, time.monotonic() + seconds)
                except _Late as late:
                    met = str(late) or met
        beside = f", only {met}" if met else ""
        raise Unanswered(Reason.SILENT, f"no answer in {sum(self._patience.udp):g} s{beside}")

    def _by_tcp(self, at: Target, query: dns.message.QueryMessage) -> dns.message.Message:
        end = time.monotonic() + self._patience.tcp
        octets = query.to_wire(prepend_length=True)
        try:
            with socket.socket(family(at), socket.SOCK_STREAM) as wire:
                wire.settimeout(_left(end))
                wire.connect((at.host, at.port))
                wire.sendall(octets)
                length = int.from_bytes(_read(wire, 2, end), "big")
                answer = dns.message.from_wire(_read(wire, length, end), one_rr_per_rrset=True, raise_on_truncation=True)
        except TimeoutError:
            raise Unanswered(Reason.SILENT, f"no answer over TCP in {self._patience.tcp:g} s") from None
        except OSError as error:
            raise Unanswered(Reason.REFUSED, f"no answer over TCP: {_told(error)}") from None
        except dns.message.Truncated:
            raise Unanswered(Reason.MALFORMED, "an answer cut short over TCP as well") from None
        except (dns.exception.DNSException, EOFError, ValueError) as error:
            raise Unanswered(Reason.MALFORMED, f"no DNS answer over TCP: {type(error).__name__}") from None
        if not query.is_response(answer):
            raise Unanswered(Reason.MALFORMED, "an answer over TCP to something that was not asked")
        return answer


@contextmanager
def _to(at: Target) -> Iterator[socket.socket]:
    """Open a datagram socket that is bound to one peer, for which the system must know a way; nothing is sent."""
    try:
        with socket.socket(family(at), socket.SOCK_DGRAM) as wire:
            wire.connect((at.host, at.port))
            yield wire
    except OSError as error:
        raise unreached(error) from None


def unreached(error: OSError) -> Unanswered:
    """Say why a datagram did not get there, or its answer not back."""
    if error.errno in _NO_ROUTE:
        return Unanswered(Reason.NO_ROUTE, "no route to it from this machine")
    return Unanswered(Reason.REFUSED, _told(error))


def family(at: Target) -> socket.AddressFamily:
    """Give the family of sockets for an address."""
    return socket.AF_INET6 if ":" in at.host else socket.AF_INET


class _Late(Exception):
    """The answer did not come in time; the text says what came that is none."""


def _exchange(wire: socket.socket, query: dns.message.QueryMessage, end: float) -> dns.message.Message | None:
    """Send a question and wait for the answer; None: it must be asked for over TCP. Raises `_Late` and `OSError`."""
    wire.send(query.to_wire())
    met = ""
    while (left := end - time.monotonic()) > 0:
        wire.settimeout(left)
        try:
            octets = wire.recv(_LONGEST_DATAGRAM)
        except TimeoutError:
            break
        try:
            answer = dns.message.from_wire(octets, one_rr_per_rrset=True, raise_on_truncation=True)
        except dns.message.Truncated as cut_short:
            if query.is_response(cut_short.kwargs["message"]):
                return None
            met = _NOT_ASKED
        except (dns.exception.DNSException, ValueError):
            met = "something that is no DNS message"
        else:
            if query.is_response(answer):
                return answer if _keeps_case(query, answer) else None
            met = _NOT_ASKED
    raise _Late(met)


def _keeps_case(query: dns.message.Message, answer: dns.message.Message) -> bool:
    """Whether the name came back letter by letter; an error may come without the question (RFC 1035 §4.1.1)."""
    return not answer.question or answer.question[0].name.labels == query.question[0].name.labels


def _read(wire: socket.socket, count: int, end: float) -> bytes:
    octets = b""
    while len(octets) < count:
        wire.settimeout(_left(end))
        part = wire.recv(count - len(octets))
        if not part:
            raise EOFError
        octets += part
    return octets


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _told(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
