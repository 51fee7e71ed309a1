"""Postfix presents the certificate whose TLSA record we make, and OpenSSL makes the same record of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.dane import Dane, verdict
from plans.facts import Secured, Security
from plans.values import name, rrset
from provisioner.desired.certificate import MailCertificate, read_certificate
from provisioner.probe.smtp import SmtpProbe
from tests.lab.conftest import free_port

HOST = name("mx.example")
ADDRESS = "127.0.0.1"
KEYS = {"rsa": ["-newkey", "rsa:2048"], "ecdsa": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/maillog
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
myhostname = mx.example
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_session_cache_database =
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
"""


@pytest.fixture(params=KEYS)
def made(request: pytest.FixtureRequest, tmp_path: Path, program: Callable[[str], str]) -> tuple[Path, Path]:
    """A key, and a certificate that OpenSSL made with it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=mx.example", "-addext", "subjectAltName=DNS:mx.example"]
    out = ["-nodes", "-days", "30", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([program("openssl"), "req", "-x509", *KEYS[request.param], *subject, *out], check=True, capture_output=True)
    return key, certificate


def by_openssl(program: Callable[[str], str], certificate: Path) -> str:
    """Make the association of 3 1 1 as administrators do."""
    openssl = program("openssl")
    public = subprocess.run([openssl, "x509", "-in", str(certificate), "-noout", "-pubkey"], check=True, capture_output=True)
    der = subprocess.run([openssl, "pkey", "-pubin", "-outform", "DER"], input=public.stdout, check=True, capture_output=True)
    digest = subprocess.run([openssl, "dgst", "-sha256", "-r"], input=der.stdout, check=True, capture_output=True)
    return digest.stdout.decode().split()[0]


@contextmanager
def postfix(program: Callable[[str], str], made: tuple[Path, Path]) -> Iterator[int]:
    command = [program("postfix"), "-c"]
    if os.geteuid() != 0:
        pytest.skip("only root may start Postfix")
    port = free_port()
    with tempfile.TemporaryDirectory() as temporary:  # where the user that Postfix becomes may go
        folder = Path(temporary)
        folder.chmod(0o755)
        (folder / "queue").mkdir()
        (folder / "main.cf").write_text(MAIN.format(folder=folder, key=made[0], certificate=made[1]))
        (folder / "master.cf").write_text(MASTER.format(port=port))
        (folder / "data").mkdir()
        subprocess.run(["chown", "postfix", str(folder / "data")], check=True)  # noqa: S607 - wherever it is
        command.append(str(folder))
        started = subprocess.run([*command, "start"], check=False, capture_output=True, text=True)
        assert started.returncode == 0, started.stderr
        try:
            yield port
        finally:
            subprocess.run([*command, "stop"], check=True, capture_output=True)


def test_postfix_presents_the_key_of_the_record(program: Callable[[str], str], made: tuple[Path, Path]) -> None:
    certificate = read_certificate(made[1], HOST, datetime.now(UTC))
    assert certificate.tlsa.association == by_openssl(program, made[1])
    with postfix(program, made) as port:
        presented = SmtpProbe(port=port).sessions(HOST, [ADDRESS])
    assert presented[ADDRESS].accepts
    assert (presented[ADDRESS].names, presented[ADDRESS].not_after) == (certificate.names, certificate.not_after)
    assert verdict(published(certificate), presented) is Dane.VERIFIED


def published(certificate: MailCertificate) -> Secured:
    return Secured(rrset("_25._tcp.mx.example", "TLSA", 300, [certificate.tlsa]), Security.SECURE)
