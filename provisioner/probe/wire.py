"""A connection to a server that may be hostile: it is over at a deadline, and after so many octets."""

from __future__ import annotations

import io
import socket
import ssl
import time
from typing import TYPE_CHECKING

from provisioner.desired.foreign_text import scrub
from provisioner.targets import Target

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class TooMuch(OSError):
    """The server sent more than is taken."""


def told(error: Exception) -> str:
    """Tell in a few words what went wrong on a wire: TLS's own, the system's, or the error's."""
    words: str | None
    match error:
        case TimeoutError():
            words = "it takes too long"
        case ssl.SSLCertVerificationError():
            words = error.verify_message
        case ssl.SSLError(reason=str()):
            words = error.reason.lower().replace("_", " ")
        case OSError(strerror=str()):
            words = error.strerror
        case _:
            words = str(error)
    return scrub(words or "") or type(error).__name__


def connect(at: Target, patience: float, most: int) -> Wire:
    """Connect by TCP; `patience` in seconds and `most` in octets are for the whole wire. Raises `OSError`."""
    deadline = time.monotonic() + patience
    return Wire(socket.create_connection((at.host, at.port), timeout=patience), deadline, most)


class Wire(io.RawIOBase):
    """A TCP connection, with TLS from `start_tls` on.

    The deadline counts for everything together, however often something comes in between. All that does not come about raises
    `OSError`: `TimeoutError` at the deadline, `TooMuch` beyond `most` octets, `ssl.SSLError` where TLS fails.
    """

    def __init__(self, connection: socket.socket, deadline: float, most: int) -> None:
        super().__init__()
        self._socket = connection
        self._deadline = deadline
        self._left = most

    def start_tls(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLSocket:
        """Shake hands, with `server_name` as SNI (RFC 6066 §3). Raises `ValueError` where that is none."""
        server_name.encode("idna")  # `wrap_socket` does the same, but leaves an open socket behind where it fails
        self._socket.settimeout(self._remaining())
        self._socket = tls = context.wrap_socket(self._socket, server_hostname=server_name)
        return tls

    @property
    def here(self) -> str:
        """The address of this end."""
        return str(self._socket.getsockname()[0])

    def send(self, octets: bytes) -> None:
        """Send all of it."""
        self._socket.settimeout(self._remaining())
        self._socket.sendall(octets)

    def hasten(self, seconds: float) -> None:
        """Wait no longer than `seconds` from now on."""
        self._deadline = min(self._deadline, time.monotonic() + seconds)

    def readable(self) -> bool:
        """Whether this can be read from: always."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Take what has come, at least one octet unless the server has closed its side."""
        self._socket.settimeout(self._remaining())
        count = self._socket.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise TooMuch("it sends too much")
        return count

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        super().close()

    def _remaining(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining
