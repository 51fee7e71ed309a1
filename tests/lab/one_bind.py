"""One BIND that is another server at each of several addresses, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plans.values import name
from provisioner.dns.client import Client, Patience, Unanswered
from provisioner.targets import Target
from tests.lab.dane.servers import PATIENCE


@contextmanager
def running(program: str, folder: Path, root: Target) -> Iterator[None]:
    """Start BIND by the `named.conf` in a folder, and wait until it answers as the root's server."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-g", "-c", str(folder / "named.conf")], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                with suppress(Unanswered):
                    Client(Patience((0.5,), 1.0)).ask(root, name("."), "SOA")
                    break
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


def relayed(bind: int) -> Callable[..., list[bytes]]:
    """Pass messages on to BIND from the address to which they came, and its answers back.

    BIND listens at addresses of interfaces only, of which loopback has one; by the sender's it knows which server to be.
    """

    def replies(octets: bytes, address: str, *, tcp: bool) -> list[bytes]:
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as wire, suppress(OSError):
            wire.bind((address, 0))
            wire.settimeout(PATIENCE)
            wire.connect(("127.0.0.1", bind))
            wire.sendall(len(octets).to_bytes(2, "big") + octets if tcp else octets)
            if not tcp:
                return [wire.recv(65535)]
            with wire.makefile("rb") as stream:
                return [stream.read(int.from_bytes(stream.read(2), "big"))]
        return []

    return replies
