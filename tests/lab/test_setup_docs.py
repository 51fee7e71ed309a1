"""BIND and OpenSSL take what the setup pages tell to copy."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.exception
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import dns.zone
import pytest

from tests.lab.conftest import ROOT, free_port
from tests.lab.dane.servers import PATIENCE

PAGES = ROOT / "docs" / "setup"
ZONE = """\
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
@ MX 10 old
ns A 127.0.0.1
old A 127.0.0.1
"""


def snippet(page: str, language: str, holding: str) -> str:
    text = (PAGES / page).read_text(encoding="utf-8")
    (found,) = (body for body in re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) if holding in body)
    return str(found)


def shell(program: Callable[[str], str], commands: str, folder: Path, **variables: str) -> str:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ran = subprocess.run(
        [program("bash"), "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={"PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def configured(tmp_path: Path, program: Callable[[str], str]) -> Path:
    """The key and the zone of bind.md, in a folder instead of /etc/bind and /var/lib/bind."""
    program("tsig-keygen")
    make_key = next(line for line in snippet("bind.md", "bash", "tsig-keygen").splitlines() if line.startswith("tsig-keygen"))
    shell(program, make_key.replace("/etc/bind", str(tmp_path)), tmp_path)
    (tmp_path / "example.com.zone").write_text(ZONE)
    zone = (
        snippet("bind.md", "named", "update-policy").replace("/etc/bind", str(tmp_path)).replace("/var/lib/bind", str(tmp_path))
    )
    (tmp_path / "zone.conf").write_text(zone)
    return tmp_path


@pytest.fixture
def port(configured: Path, program: Callable[[str], str]) -> Iterator[int]:
    """A BIND that runs with them."""
    chosen = free_port()
    configuration = configured / "named.conf"
    configuration.write_text(
        f'options {{ directory "{configured}"; listen-on port {chosen} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n'
        f'  pid-file "{configured}/named.pid"; session-keyfile "{configured}/session.key"; recursion no; notify no; }};\n'
        f'controls {{ }};\ninclude "{configured}/zone.conf";\n'
    )
    with (configured / "log").open("wb") as log:
        process = subprocess.Popen([program("named"), "-g", "-c", str(configuration)], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + PATIENCE
            while b" running\n" not in (configured / "log").read_bytes():
                assert process.poll() is None, (configured / "log").read_text()
                assert time.monotonic() < deadline, (configured / "log").read_text()
                time.sleep(0.1)
            yield chosen
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


def keyring(folder: Path) -> dict[str, str]:
    """Give the key of the file under its name."""
    text = (folder / "provisioner.key").read_text()
    key = re.search(r'key "([^"]+)" \{\s*algorithm hmac-sha256;\s*secret "([^"]+)";', text)
    assert key, text
    return {key[1]: key[2]}


def test_bind_takes_the_configuration(configured: Path, program: Callable[[str], str]) -> None:
    ran = subprocess.run(
        [program("named-checkconf"), "-z", str(configured / "zone.conf")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "zone example.com/IN: loaded serial 1" in ran.stdout


@pytest.mark.parametrize(
    ("kind", "value", "answer"),
    [
        ("MX", "0 new.example.net.", dns.rcode.NOERROR),
        ("DS", f"1 13 2 {'ab' * 32}", dns.rcode.NOERROR),
        ("TLSA", f"3 1 1 {'ab' * 32}", dns.rcode.NOERROR),
        ("TXT", '"MS=ms00000000"', dns.rcode.NOERROR),
        ("A", "192.0.2.99", dns.rcode.REFUSED),
        ("NS", "ns.example.net.", dns.rcode.REFUSED),
    ],
)
def test_the_key_may_change_what_the_page_says_and_nothing_else(
    configured: Path, port: int, kind: str, value: str, answer: dns.rcode.Rcode
) -> None:
    update = dns.update.UpdateMessage("example.com", keyring=dns.tsigkeyring.from_text(keyring(configured)))
    update.add("try", 60, kind, value)
    assert dns.query.tcp(update, "127.0.0.1", port=port, timeout=PATIENCE).rcode() == answer


def test_only_the_key_may_read_the_whole_zone(configured: Path, port: int) -> None:
    zone = dns.zone.Zone("example.com")
    with pytest.raises(dns.exception.DNSException):
        dns.query.inbound_xfr("127.0.0.1", zone, port=port, timeout=PATIENCE)
    query = dns.message.make_query("example.com", "AXFR")
    query.use_tsig(dns.tsigkeyring.from_text(keyring(configured)))
    dns.query.inbound_xfr("127.0.0.1", zone, query, port=port, timeout=PATIENCE)
    assert zone.get_rdataset("@", "MX") is not None


def test_the_certificate_is_one_with_which_an_app_can_log_in(tmp_path: Path, program: Callable[[str], str]) -> None:
    program("openssl")
    shell(program, snippet("microsoft-graph.md", "bash", "openssl req"), tmp_path)
    from azure.identity import CertificateCredential  # noqa: PLC0415 - heavy

    made = tmp_path / "partner.pem"
    assert made.stat().st_mode & 0o077 == 0
    CertificateCredential("contoso.onmicrosoft.com", "app", certificate_path=str(made)).close()
    assert "PRIVATE KEY" not in (tmp_path / "cert.pem").read_text()


def test_the_loop_prints_a_page_of_consent_for_each_tenant(tmp_path: Path, program: Callable[[str], str]) -> None:
    (tmp_path / "tenants.txt").write_text(
        "# customers\ncontoso.onmicrosoft.com\n\n5d6a1f0e-7b0c-4b5e-9d61-0f6f2f1c9a10  Fabrikam\n"
    )
    printed = shell(program, snippet("microsoft-graph.md", "bash", "tenants.txt"), tmp_path, APP="app-id")
    assert printed.splitlines() == [
        "https://login.microsoftonline.com/contoso.onmicrosoft.com/adminconsent?client_id=app-id",
        "https://login.microsoftonline.com/5d6a1f0e-7b0c-4b5e-9d61-0f6f2f1c9a10/adminconsent?client_id=app-id",
    ]
