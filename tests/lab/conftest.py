"""Real servers from Debian, on ports of their own on loopback."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from tests.lab.dane.servers import PATIENCE
from tests.lab.postgres_server import PostgresServer, binaries

ROOT = Path(__file__).parents[2]


@pytest.fixture
def program() -> Callable[[str], str]:
    """Find a program, or skip the test where it is not installed."""

    def found(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
        if path is None:
            pytest.skip(f"{name} is not installed")
        return path

    return found


def free_port() -> int:
    """Choose a port on which nobody listens, and which no system hands out to whoever asks for any port."""
    while True:
        port = secrets.randbelow(12000) + 20000
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram, suppress(OSError):
            stream.bind(("127.0.0.1", port))
            datagram.bind(("127.0.0.1", port))
            return port


class Named:
    """A running BIND that serves master files of a folder."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, name: str, kind: str) -> list[str]:
        """Ask for a set over TCP, and give its values as text."""
        query = dns.message.make_query(name, kind)
        response = dns.query.tcp(query, "127.0.0.1", port=self.port, timeout=PATIENCE)
        assert response.rcode() == dns.rcode.NOERROR
        return sorted(str(rdata) for rrset in response.answer for rdata in rrset)


@pytest.fixture
def named(tmp_path: Path, program: Callable[[str], str]) -> Iterator[Callable[[dict[str, Path]], Named]]:
    """Start BIND 9 over the given zones and files; several may run one after the other."""
    path = program("named")

    @contextmanager
    def running(zones: dict[str, Path]) -> Iterator[Named]:
        port = free_port()
        folder = tmp_path / f"named-{port}"
        folder.mkdir()
        served = "".join(
            f'zone "{zone}" {{ type primary; file "{file}"; check-names ignore; }};\n' for zone, file in zones.items()
        )
        (folder / "named.conf").write_text(
            f'options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n'
            f'  pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key"; recursion no; notify no; }};\n'
            f"controls {{ }};\n{served}"
        )
        log = (folder / "log").open("wb")
        process = subprocess.Popen([path, "-g", "-c", str(folder / "named.conf")], stdout=log, stderr=log)
        try:
            server = Named(port)
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    server.ask(next(iter(zones)), "SOA")
                    break
                except (OSError, dns.exception.DNSException, AssertionError):
                    assert process.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < deadline, (folder / "log").read_text()
                    time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)
            log.close()

    with ExitStack() as servers:
        yield lambda zones: servers.enter_context(running(zones))


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs; the test is skipped where it is not installed."""
    found = binaries()
    if found is None:
        pytest.skip("postgresql is not installed")
    return found


@pytest.fixture(scope="session")
def postgres(postgres_programs: Path) -> Iterator[PostgresServer]:
    """A running PostgreSQL, for all tests that do not stop it; each makes databases of its own in it."""
    server = PostgresServer(postgres_programs)
    server.start()
    yield server
    server.stop()
    server.remove()
