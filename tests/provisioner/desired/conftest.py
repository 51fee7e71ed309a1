"""What the tests of desired state share: a Graph, a login service, tenants, and time that passes at once."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from plans.desired import Cloud
from provisioner.desired.clouds import endpoint
from provisioner.desired.credential import Login
from provisioner.desired.graph import GraphSource
from provisioner.manifest.model import BearerToken, Credential, LiveTenant, Location, Method, Secret
from tests.emulators import certificate, graph, login
from tests.emulators.login import jwt

TENANT = "11111111-2222-3333-4444-555555555555"
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
WHERE = Location(Path("provisioner.yaml"), 7)


@pytest.fixture
def token() -> str:
    return jwt(tid=TENANT, exp=int(time.time()) + 3600, appid="99999999-8888-7777-6666-555555555555")


@pytest.fixture
def emulator(token: str) -> Iterator[graph.GraphEmulator]:
    with graph.running(graph.GraphEmulator(token)) as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    """Give the seconds that were waited, each wait of them over at once."""
    return []


@pytest.fixture
def credential(monkeypatch: pytest.MonkeyPatch, token: str) -> Credential:
    monkeypatch.setenv("GRAPH_TOKEN", token)
    return Credential("test", BearerToken(Secret(WHERE, env="GRAPH_TOKEN")), WHERE)


@pytest.fixture
def open_graph(emulator: graph.GraphEmulator, credential: Credential, pauses: list[float]) -> Callable[..., GraphSource]:
    """Open a tenant whose answers come from the emulator."""

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    def opened(tenant: str = TENANT, timeout: float = 10.0, patience: float = 600.0) -> GraphSource:
        live = LiveTenant("contoso", tenant, credential, Cloud.GLOBAL, WHERE)
        at, by = endpoint(emulator.url, Cloud.GLOBAL), Login(credential, tenant, Cloud.GLOBAL)
        return GraphSource(live, at, by, NOW, sleep=sleep, timeout=timeout, patience=patience)

    return opened


@dataclass(frozen=True)
class Certificates:
    """A certificate for 127.0.0.1 that signs itself, with its key: as PEM, as a file, and as a server's context."""

    pem: bytes
    file: Path
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    server = certificate.make(file, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    return Certificates(file.read_bytes(), file, server)


@pytest.fixture
def login_service() -> Iterator[login.LoginEmulator]:
    """Serve without TLS, as the look-up of a tenant's id is allowed to ask on loopback."""
    with login.running(login.LoginEmulator()) as running:
        yield running


@pytest.fixture
def tls_login_service(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[login.LoginEmulator]:
    """Serve with TLS, as azure-identity insists, and let both HTTP clients trust the certificate."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.file))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    with login.running(login.LoginEmulator(), certificates.server) as running:
        running.tenants[TENANT] = TENANT
        running.token = jwt(tid=TENANT, exp=int(time.time()) + 3600)
        yield running


@pytest.fixture
def credential_of() -> Callable[[Method], Credential]:
    return lambda method: Credential("partner", method, WHERE)
