"""The first hour with this program, typed as its own words say: from an empty folder to a plan of forty domains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.emulators import graph, outside
from tests.emulators.login import jwt
from tests.provisioner.cli.conftest import Provisioner

GUID = "11111111-2222-3333-4444-555555555555"
DOMAINS = [f"customer{number:02}.example" for number in range(40)]
RIGHT = 38
"""So many of them have the MX that Graph asks for; one has none, one another of Microsoft's."""


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[graph.GraphEmulator]:
    """A tenant of forty domains, somebody's table of them in a spreadsheet's CSV, and their zones."""
    monkeypatch.chdir(tmp_path)
    Path("zones").mkdir()
    for number, domain in enumerate(DOMAINS):
        host = f"{domain.replace('.', '-')}.mail.protection.outlook.com."
        mx = "" if number == 38 else f"@ IN MX 0 {host}\n" if number < RIGHT else "@ IN MX 0 old-example.mail.eo.outlook.com.\n"
        Path("zones", f"{domain}.zone").write_text(
            f"$ORIGIN {domain}.\n$TTL 3600\n@ IN SOA ns1.example. admin.example. 1 7200 3600 1209600 3600\n"
            f"@ IN NS ns1.example.\n{mx}"
        )
    rows = "".join(f"contoso;{domain.upper()}\r\n" for domain in reversed(DOMAINS))
    Path("customers.csv").write_bytes(b"\xef\xbb\xbf" + f"tenant;domain\r\n{rows}".encode())
    with graph.running(graph.GraphEmulator(jwt(tid=GUID, exp=4102444800))) as emulator:
        emulator.hold(*DOMAINS, "forgotten.example")
        monkeypatch.setenv("GRAPH_TOKEN", emulator.token)
        yield emulator


def edit(emulator: graph.GraphEmulator) -> None:
    """Edit the manifest as its comments say: take the signs away and put our own names in."""
    path = Path("provisioner.yaml")
    text = path.read_text()
    for section, line in (
        ("credentials", "partner: {type: token, token: {env: GRAPH_TOKEN}}"),
        ("tenants", f"contoso: {{id: {GUID}, credential: partner}}"),
        ("providers", "files: {type: zonefile, directory: zones}"),
        ("defaults", "provider: files"),
    ):
        text, edits = re.subn(rf"^{section}: {{}}\n#  .*$", f"{section}:\n  {line}", text, flags=re.MULTILINE)
        assert edits == 1
    path.write_text(f"{text}\ninclude: [fleet/customers.yaml]\ngraph: {{endpoint: '{emulator.url}'}}\n")


def test_from_an_empty_folder_to_a_plan(provisioner: Provisioner, tenant: graph.GraphEmulator) -> None:
    told = []

    def typed(line: str) -> str:
        command = line.split()
        assert command.pop(0) == "provisioner"
        ran = provisioner(*command)
        assert ran.code == Exit.DONE, ran.err + ran.out
        told.append(ran.out + ran.err)
        return ran.out

    typed("provisioner init")
    written = typed("provisioner import customers.csv --out fleet/customers.yaml")
    assert "fleet/customers.yaml has 40 domains" in written
    assert "include: [fleet/customers.yaml]" in written
    assert Path("fleet/customers.yaml").read_text().splitlines()[:2] == ["domains:", "  customer00.example: {tenant: contoso}"]

    edit(tenant)
    following = written.splitlines()[-1].removeprefix("Next: ")
    assert typed(following) == "Valid. provisioner.yaml: 1 tenant, 1 provider, 40 domains.\n"

    offline = typed("provisioner doctor --offline")
    assert "ok       provider files" in offline
    assert "  40 zones (customer00.example, " in offline
    assert tenant.seen == []
    with outside.dns_server() as dns:
        assert "41 domains can be read from http://127.0.0.1" in typed(f"provisioner doctor --dns-target {dns}")

    plan = typed("provisioner plan")
    assert f" {RIGHT} in sync." in plan
    assert "+ CREATE customer38.example. MX" in plan
    assert "customer39.example" in plan

    found = typed("provisioner discover --tenant contoso")
    assert found == "domains:\n  forgotten.example: {tenant: contoso}  # no provider here holds its zone\n"
    assert tenant.token not in "".join(told)
