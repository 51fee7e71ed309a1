"""A mail server on loopback that talks SMTP with STARTTLS, or whatever a test lets it say instead."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from plans.values import Name
from tests.emulators.talking import Talker, drain, say

HOST = Name("mx.example.")


@dataclass
class MailServer(Talker):
    """What the server says, piece by piece; a None among the pieces closes the connection, an empty reply is silence.

    `tls` None: `handshake` is said instead of one, whatever the client says. `heard` are the commands of all sessions,
    `asked_for` the names that clients sent as SNI, `at` the addresses at which sessions began. Each session begins with a call
    of `at_first`.
    """

    tls: ssl.SSLContext | None = None
    greeting: Iterable[bytes | None] = (b"220 mx.example ESMTP\r\n",)
    hello: Iterable[bytes | None] = (b"250-mx.example\r\n250-PIPELINING\r\n", b"250 StartTLS\r\n")
    start: Iterable[bytes | None] = (b"220 2.0.0 go ahead\r\n",)
    handshake: Iterable[bytes | None] = ()
    leave: Iterable[bytes | None] = (b"221 2.0.0 bye\r\n",)
    heard: list[bytes] = field(default_factory=list)
    asked_for: list[str | None] = field(default_factory=list)
    at: list[str] = field(default_factory=list)
    at_first: Callable[[], object] | None = None

    def __post_init__(self) -> None:
        if self.tls:
            self.tls.sni_callback = lambda _, asked, __: self.asked_for.append(asked)

    def talk(self, connection: socket.socket) -> None:
        """Hold one session."""
        self.at.append(connection.getsockname()[0])
        if self.at_first:
            self.at_first()
        if say(connection, self.greeting):
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        while command := _line(connection):
            self.heard.append(command)
            match command.partition(b" ")[0].upper():
                case b"EHLO":
                    goes_on = say(connection, self.hello)
                case b"STARTTLS":
                    goes_on = say(connection, self.start)
                    if goes_on and b"220" in b"".join(piece or b"" for piece in self.start):
                        self._protect(connection)
                        return
                case _:
                    say(connection, self.leave)
                    goes_on = False
            if not goes_on:
                return

    def _protect(self, connection: socket.socket) -> None:
        if self.tls:
            with self.tls.wrap_socket(connection, server_side=True) as protected:
                self._converse(protected)
        elif say(connection, self.handshake):
            drain(connection)


def _line(connection: socket.socket) -> bytes:
    """Take one line, octet by octet: what follows it may be a handshake."""
    line = b""
    while not line.endswith(b"\n"):
        octet = connection.recv(1)
        if not octet:
            return b""
        line += octet
    return line.rstrip()
