"""An unverified domain on its way to a working MX, over three runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.emulators import graph
from tests.provisioner.cli.conftest import Provisioner
from tests.provisioner.cli.golden import assert_golden

TOKEN = "opaque-token-of-a-test"
PROOF = "MS=ms48151623"
ZONE = """$ORIGIN newcomer.example.
$TTL 1h
@   IN SOA ns1.dns.example. hostmaster.newcomer.example. ( 7 4h 1h 14d 5m )
    IN NS  ns1.dns.example.
    IN TXT "v=spf1 -all"   ; until mail is set up
www IN A   192.0.2.7
"""


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[graph.GraphEmulator]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAPH_TOKEN", TOKEN)
    emulator = graph.GraphEmulator(TOKEN)
    emulator.hold_unverified("newcomer.example", PROOF)
    with graph.running(emulator) as running:
        Path("zones").mkdir()
        Path("zones/newcomer.example.zone").write_text(ZONE)
        Path("provisioner.yaml").write_text(
            "version: 1\n"
            "credentials: {test: {type: token, token: {env: GRAPH_TOKEN}}}\n"
            "tenants: {contoso: {id: contoso.onmicrosoft.com, credential: test}}\n"
            "providers: {files: {type: zonefile, directory: zones}}\n"
            "defaults: {provider: files, verify: dns}\n"
            f"graph: {{endpoint: '{running.url}'}}\n"
            "domains: {newcomer.example: {tenant: contoso}}\n"
        )
        yield running


def zone() -> str:
    return Path("zones/newcomer.example.zone").read_text()


def test_three_runs_bring_a_new_domain_to_its_mx(provisioner: Provisioner, tenant: graph.GraphEmulator) -> None:
    first = provisioner("apply", "--auto-approve")
    assert first.code == Exit.WAITING
    told = re.sub(r"read [\d-]+ [\d:]+Z", "read <time>", first.out.replace(tenant.url, "https://graph.example"))
    assert_golden("onboarding_first.txt", told)
    assert f'    IN TXT "v=spf1 -all"   ; until mail is set up\n    IN TXT "{PROOF}"\n' in zone()

    tenant.verify("newcomer.example")
    second = provisioner("apply", "--auto-approve")
    assert second.code == Exit.WAITING
    assert "waits at  manual  * BY HAND  Turn on Exchange for newcomer.example" in second.out
    assert zone().count("\n") == ZONE.count("\n") + 1

    tenant.enable_email("newcomer.example")
    third = provisioner("apply", "--auto-approve")
    assert third.code == Exit.DONE
    assert "mail.protection.outlook.com." in zone()
    done = provisioner("plan", "--detailed-exitcode")
    assert (done.code, done.out) == (Exit.DONE, "No changes. The MX of 1 domain is what Microsoft Graph asks for.\n")
    assert TOKEN not in f"{first.out}{second.out}{third.out}{first.err}{second.err}{third.err}"


def test_the_same_plan_walks_on_as_far_as_it_goes(provisioner: Provisioner, tenant: graph.GraphEmulator) -> None:
    assert provisioner("plan", "--out", "plan.jsonl", "--detailed-exitcode").code == Exit.PENDING
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING
    tenant.verify("newcomer.example")
    ran = provisioner("apply", "plan.jsonl", "--auto-approve", "--json")
    assert ran.code == Exit.WAITING
    (told,) = (json.loads(line) for line in ran.out.splitlines())
    assert (told["standing"], told["waiting"]["risk"]) == ("waiting", "manual")
    assert "supportedServices" in told["waiting"]["action"]["copy"][0]
    tenant.enable_email("newcomer.example")
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
    assert provisioner("apply", "--auto-approve").code == Exit.DONE
    assert "mail.protection.outlook.com." in zone()


def test_by_hand_the_record_is_printed_and_nothing_written(provisioner: Provisioner, tenant: graph.GraphEmulator) -> None:
    manifest = Path("provisioner.yaml")
    manifest.write_text(manifest.read_text().replace(", verify: dns", ""))
    ran = provisioner("apply", "--auto-approve")
    assert ran.code == Exit.WAITING
    assert f'newcomer.example. 3600 IN TXT "{PROOF}"' in ran.out
    assert f"name newcomer.example, type TXT, TTL 3600, value {PROOF}" in ran.out
    assert zone() == ZONE


def test_a_zone_that_is_not_here_is_named_only_when_it_is_needed(provisioner: Provisioner, tenant: graph.GraphEmulator) -> None:
    Path("zones/newcomer.example.zone").unlink()
    ran = provisioner("plan", "--strict")
    assert ran.code == Exit.REFUSED
    assert "zone-not-found" in ran.out
    manifest = Path("provisioner.yaml")
    manifest.write_text(manifest.read_text().replace(", verify: dns", ""))
    assert provisioner("plan", "--strict").code == Exit.DONE


def test_an_export_tells_the_same_way(provisioner: Provisioner, tenant: graph.GraphEmulator) -> None:
    assert provisioner("export", "--tenant", "contoso", "--out", "saved.json").code == Exit.DONE
    live = json.loads(provisioner("plan", "--json").out)["entries"][0]["rollout"]
    manifest = Path("provisioner.yaml")
    manifest.write_text(manifest.read_text().replace("{id: contoso.onmicrosoft.com, credential: test}", "{export: saved.json}"))
    assert json.loads(provisioner("plan", "--json").out)["entries"][0]["rollout"] == live


def test_a_domain_that_only_a_glob_chose_is_left_alone(provisioner: Provisioner, tenant: graph.GraphEmulator) -> None:
    manifest = Path("provisioner.yaml")
    text = manifest.read_text().replace("credential: test}}", "credential: test, domains: all}}")
    manifest.write_text(text.replace("domains: {newcomer.example: {tenant: contoso}}\n", ""))
    ran = provisioner("plan", "--strict")
    assert ran.code == Exit.REFUSED
    assert "domain-not-verified" in ran.out
