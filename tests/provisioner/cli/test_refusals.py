"""Bad input for which no signed zone is needed: each is found as the table says, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from plans.values import name
from providers.conformance import Record
from tests.emulators import dns_update, graph
from tests.emulators.authority import NOW, Authority, issue
from tests.emulators.serving import HINTS, public_dns
from tests.lab.dane import test_refused_inputs as of_the_lab
from tests.providers.test_rfc2136_conformance import PrimaryBench
from tests.provisioner.cli import refusal_table
from tests.provisioner.cli.conftest import Provisioner
from tests.provisioner.cli.refusal_table import TABLE, codes

ZONE, HOST = "contoso.example", "mx1.contoso.example"
ASKED = "contoso-example.o-v1.mx.microsoft"
MANIFEST = """version: 1
tenants: {{contoso: {{export: graph.json}}}}
resolver: {{hints: root.hints, port: {port}}}
providers: {{dns: {{type: rfc2136, server: 127.0.0.1, port: {primary}, tsig: {{file: update.key}}, zones: [{zone}]}}}}
domains: {{{domain}: {{tenant: contoso, provider: dns}}}}
mail_hosts: {{{host}}}
"""


@dataclass
class Input:
    """What is fed in: the domain, the records of its zone besides what is always there, and the mail host's file, if any."""

    domain: str = ZONE
    records: list[tuple[str, str, str]] = field(default_factory=lambda: [(ZONE, "MX", f"0 {ASKED}.")])
    certificate: bytes = b""


def _certificate(made: Callable[[], bytes]) -> Callable[[], Input]:
    return lambda: Input(certificate=made())


def _mx(domain: str, *records: tuple[str, str, str]) -> Callable[[], Input]:
    return lambda: Input(domain, list(records))


INPUTS: Mapping[str, Callable[[], Input]] = {
    "certificate that has ended": _certificate(lambda: issue(HOST, not_after=NOW - timedelta(days=1)).pem),
    "certificate for other names": _certificate(lambda: issue("mx2.contoso.example").pem),
    "file that is no PEM": _certificate(lambda: issue(HOST).der),
    "file with the private key": _certificate(lambda: issue(HOST).private_pem),
    "certificate before one that did not issue it": _certificate(lambda: issue(HOST).pem + Authority().own.pem),
    "certificate and the public key of another": _certificate(lambda: issue(HOST).pem + issue(HOST).public_pem),
    "key that not every sender can check": _certificate(lambda: issue(HOST, key=ed25519.Ed25519PrivateKey.generate()).pem),
    "CNAME at the owner of the MX set": _mx(f"sub.{ZONE}", (f"sub.{ZONE}", "CNAME", f"www.{ZONE}.")),
    "wildcard that a first MX would shadow": _mx(f"sub.{ZONE}", (f"*.{ZONE}", "MX", "10 mx.contoso.example.")),
}


@pytest.mark.parametrize("label", INPUTS)
def test_bad_input(label: str, provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row, given, zone = TABLE[label], INPUTS[label](), name(ZONE)
    monkeypatch.chdir(tmp_path)
    primary = dns_update.Primary()
    bench = PrimaryBench(primary, "query")
    seeded = [Record.of(f"www.{ZONE}", "A", 300, "192.0.2.20"), Record.of(HOST, "A", 300, "127.0.55.99")]
    records = [*seeded, *(Record.of(owner, kind, 300, value) for owner, kind, value in given.records)]
    with dns_update.running(primary), public_dns() as dns:
        dns.host(bench.open({zone: records}), bench, [zone])
        settle(tmp_path, given, dns.world.port, primary.port)
        planned = provisioner("plan", "--strict", "--detailed-exitcode", "--out", "bad.plan")
        assert (planned.code, row.code in codes(planned.out), row.says in planned.out) == (row.plan, True, True), planned.out
        applied = provisioner("apply", "bad.plan", "--auto-approve")
        assert (applied.code, not primary.updated) == (row.apply, True), applied.out


def settle(folder: Path, given: Input, port: int, primary: int) -> None:
    """Write what the program reads."""
    entry = {"domain": graph.resource(given.domain), "serviceConfigurationRecords": [graph.mx(given.domain, ASKED)]}
    head = {"format": "provisioner-export", "version": 1, "tenant": "t", "cloud": "global"}
    tail = {"endpoint": "https://graph.microsoft.com", "read_at": "2026-11-24T02:24:10Z", "domains": [entry]}
    (folder / "graph.json").write_text(json.dumps(head | tail))
    (folder / "root.hints").write_text(HINTS)
    (folder / "update.key").write_text(dns_update.KEY_FILE)
    (folder / "mx1.pem").write_bytes(given.certificate)
    host = f"{HOST}: {{provider: dns, certificate: {{file: mx1.pem}}}}" if given.certificate else ""
    (folder / "provisioner.yaml").write_text(
        MANIFEST.format(port=port, primary=primary, zone=ZONE, domain=given.domain, host=host)
    )


def test_every_row_of_the_table_is_brought_about_once() -> None:
    brought = [*INPUTS, *of_the_lab.INPUTS]
    assert sorted(brought) == sorted(TABLE)
    assert len(set(brought)) == len(brought)


def test_the_table_can_be_printed_and_users_find_it_in_the_documentation() -> None:
    told = "\n".join(refusal_table.rendered())
    assert f"\n{told}\n" in (Path(__file__).parents[3] / "docs" / "refusals.md").read_text(encoding="utf-8")
