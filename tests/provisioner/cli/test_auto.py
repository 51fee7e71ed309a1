"""A manifest that names no provider for its domains: each is found at the one that is delegated to, or at nobody's of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.emulators import dns_update, outside
from tests.emulators.dns import DnsWorld, dns_world
from tests.emulators.dns_update import KEY_FILE, Fault, Primary
from tests.provisioner.cli.conftest import Provisioner
from tests.provisioner.cli.golden import assert_golden

ROOT, HOST, OTHER = (f"127.0.58.{host}" for host in (1, 2, 3))
OLD, NEW = "contoso-example.mail.protection.outlook.com", "contoso-example.o-v1.mx.microsoft"
ROOT_ZONE = f""". 300 IN SOA ns1. host. 1 7200 3600 1209600 300
. 300 IN NS ns1.
ns1. 300 IN A {ROOT}
contoso.example. 300 IN NS {{server}}.contoso.example.
{{server}}.contoso.example. 300 IN A {{host}}
"""
ZONE = """contoso.example. 300 IN SOA ns1.contoso.example. hostmaster.contoso.example. 1 7200 3600 1209600 300
contoso.example. 300 IN NS {server}.contoso.example.
{server}.contoso.example. 300 IN A {host}
ns1.contoso.example. 300 IN A {first}
contoso.example. 300 IN MX 0 {mx}.
"""
MANIFEST = """version: 1
tenants:
  contoso: {{export: graph/contoso.json}}
providers: {providers}
domains:
  contoso.example: {{tenant: contoso, strategy: direct}}
resolver: {{hints: root.hints, port: {port}}}
"""


@pytest.fixture
def world(quickstart: Path) -> Iterator[DnsWorld]:
    """Public DNS, in which contoso.example is served at HOST, and a manifest without any provider."""
    with dns_world(ROOT, HOST, OTHER) as made:
        delegate(made, "ns1", HOST)
        (quickstart / "root.hints").write_text(f". 300 IN NS ns1.\nns1. 300 IN A {ROOT}\n")
        (quickstart / "provisioner.yaml").write_text(MANIFEST.format(providers="{}", port=made.port))
        yield made


@pytest.fixture
def primary(world: DnsWorld, quickstart: Path) -> Iterator[Primary]:
    """A primary server that holds the zone, and that the manifest names beside files."""
    with dns_update.running(Primary()) as made:
        made.add_zone("contoso.example")
        made.put("contoso.example", "contoso.example", "NS", 300, "ns1.contoso.example.")
        made.put("contoso.example", "contoso.example", "MX", 300, f"0 {OLD}.")
        (quickstart / "update.key").write_text(KEY_FILE)
        bind = f"{{type: rfc2136, server: 127.0.0.1, port: {made.port}, tsig: {{file: update.key}}}}"
        providers = f"{{bind: {bind}, files: {{type: zonefile, directory: zones}}}}"
        (quickstart / "provisioner.yaml").write_text(MANIFEST.format(providers=providers, port=world.port))
        yield made


def delegate(world: DnsWorld, server: str, host: str, mx: str = OLD) -> None:
    """Let the parent name a server for the zone, which serves it with that MX."""
    world.serve(".", ROOT_ZONE.format(server=server, host=host), ROOT)
    world.serve("contoso.example.", ZONE.format(server=server, host=host, first=HOST, mx=mx), host)


@pytest.mark.usefixtures("primary")
def test_the_provider_that_is_delegated_to_is_written_to(provisioner: Provisioner, world: DnsWorld) -> None:
    planned = provisioner("plan", "--out", "plan.jsonl")
    assert planned.code == Exit.DONE, planned.out
    assert "contoso.example  (provider bind, tenant contoso)\n" in planned.out
    applied = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert (applied.code, "1 waiting; 1 written" in applied.out) == (Exit.WAITING, True), applied.out
    delegate(world, "ns1", HOST, NEW)
    applied = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert (applied.code, "1 done; 0 written" in applied.out) == (Exit.DONE, True), applied.out
    again = provisioner("plan", "--detailed-exitcode")
    assert (again.code, "No changes." in again.out) == (Exit.DONE, True)


@pytest.mark.usefixtures("primary")
def test_a_provider_that_is_not_delegated_to_is_left_alone(provisioner: Provisioner, world: DnsWorld) -> None:
    delegate(world, "ns2", OTHER)
    planned = provisioner("plan")
    assert planned.code == Exit.DONE, planned.out
    assert "BY HAND" in planned.out
    assert f"       have    contoso.example. 300 IN MX 0 {NEW}.\n" in planned.out


def test_a_provider_that_does_not_answer_is_an_error_and_nobody_is_asked_to_write(
    provisioner: Provisioner, primary: Primary
) -> None:
    primary.fail("query", *[Fault.SERVFAIL] * 9)
    planned = provisioner("plan")
    assert planned.code == Exit.ERROR
    assert "zone-unreadable" in planned.out
    assert "BY HAND" not in planned.out


@pytest.mark.parametrize(("providers", "label"), [("{}", "manual"), ("{theirs: {type: manual}}", "theirs")])
def test_without_a_provider_to_write_to_a_person_writes_and_the_plan_is_walked_all_the_same(
    provisioner: Provisioner, world: DnsWorld, providers: str, label: str
) -> None:
    Path("provisioner.yaml").write_text(MANIFEST.format(providers=providers, port=world.port))
    planned = provisioner("plan", "--out", "plan.jsonl")
    assert planned.code == Exit.DONE, planned.out
    assert f"{label}, read back, holds" in planned.out
    assert f"       have    contoso.example. 300 IN MX 0 {NEW}.\n" in planned.out
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING
    delegate(world, "ns1", HOST, NEW)
    done = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert (done.code, "1 done; 0 written" in done.out) == (Exit.DONE, True), done.out


def test_the_quickstart_needs_no_provider_at_its_domains(provisioner: Provisioner, quickstart: Path) -> None:
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("defaults: {provider: files}\n", ""))
    assert_golden("plan.txt", provisioner("plan", "--out", "plan.jsonl").out)


@pytest.mark.usefixtures("primary")
def test_doctor_counts_a_domain_for_the_providers_that_hold_it_and_tells_the_rest(provisioner: Provisioner) -> None:
    manifest = Path("provisioner.yaml")
    lost = "domains:\n  lost.example: {tenant: contoso}\n"
    manifest.write_text(manifest.read_text().replace("domains:\n", lost))
    with outside.dns_server() as dns:
        ran = provisioner("doctor", "--dns-target", dns)
    assert ran.code == Exit.DONE, ran.out
    assert "unknown  provider bind     1 zone (contoso.example) may or may not be written" in ran.out
    assert "ok       provider files    no domain of the manifest is there; its zones can be listed\n" in ran.out
    assert "unknown  provider auto     no provider that was asked holds the zone of 1 domain (lost.example)\n" in ran.out


def test_doctor_tells_nothing_of_auto_where_every_domain_was_found(provisioner: Provisioner, quickstart: Path) -> None:
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("defaults: {provider: files}\n", ""))
    ran = provisioner("doctor", "--offline")
    assert "provider files    2 zones (contoso.example, fabrikam.example) can be read and written\n" in ran.out
    assert "provider auto" not in ran.out
