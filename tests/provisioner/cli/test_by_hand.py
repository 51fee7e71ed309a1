"""A zone that somebody else keeps: read at its own servers, changed by a person, seen to be done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.emulators.dns import DnsWorld, dns_world
from tests.provisioner.cli.conftest import Provisioner

ROOT = "127.0.54.1"
THEIRS = "127.0.54.2"
ZONE = """contoso.example. 300 IN SOA ns1.contoso.example. hostmaster.contoso.example. 1 7200 3600 1209600 300
contoso.example. 300 IN NS ns1.contoso.example.
ns1.contoso.example. 300 IN A 127.0.54.2
contoso.example. 300 IN MX 0 {host}.
"""
OLD, NEW = "contoso-example.mail.protection.outlook.com", "contoso-example.o-v1.mx.microsoft"


@pytest.fixture
def theirs(quickstart: Path) -> Iterator[DnsWorld]:
    with dns_world(ROOT, THEIRS) as world:
        root = f". 300 IN SOA ns1. host. 1 7200 3600 1209600 300\n. 300 IN NS ns1.\nns1. 300 IN A {ROOT}\n"
        delegated = f"contoso.example. 300 IN NS ns1.contoso.example.\nns1.contoso.example. 300 IN A {THEIRS}\n"
        world.serve(".", root + delegated, ROOT)
        world.serve("contoso.example.", ZONE.format(host=OLD), THEIRS)
        (quickstart / "root.hints").write_text(f". 300 IN NS ns1.\nns1. 300 IN A {ROOT}\n")
        manifest = quickstart / "provisioner.yaml"
        text = manifest.read_text().replace("files: {type: zonefile, directory: zones}", "theirs: {type: manual}")
        text = text.replace("provider: files", "provider: theirs")
        manifest.write_text(f"{text}resolver: {{hints: root.hints, port: {world.port}}}\n")
        yield world


def test_the_change_is_printed_waited_for_and_seen(provisioner: Provisioner, theirs: DnsWorld) -> None:
    planned = provisioner("plan", "--domain", "contoso.example", "--out", "plan.jsonl")
    assert planned.code == Exit.DONE, planned.out
    assert f"       remove  contoso.example. 300 IN MX 0 {OLD}.\n" in planned.out
    assert f"       have    contoso.example. 300 IN MX 0 {NEW}.\n" in planned.out
    assert f"       in a form:  name contoso.example, type MX, TTL 300, priority 0, mail server {NEW}.\n" in planned.out

    first = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert first.code == Exit.WAITING
    assert "waits at  replace-mx  * BY HAND  At the DNS provider of contoso.example." in first.out
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING

    theirs.serve("contoso.example.", ZONE.format(host=NEW), THEIRS)
    last = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert (last.code, "1 done; 0 written" in last.out) == (Exit.DONE, True)
    again = provisioner("plan", "--domain", "contoso.example", "--detailed-exitcode")
    assert (again.code, "No changes." in again.out) == (Exit.DONE, True)


def test_a_domain_whose_parent_says_nothing_of_it_does_not_stop_the_others(provisioner: Provisioner, theirs: DnsWorld) -> None:
    planned = provisioner("plan", "--strict")
    assert planned.code in {Exit.REFUSED, Exit.ERROR}
    assert "1 step: 0 to add, 0 to change" in planned.out
    assert "fabrikam.example" in planned.out[planned.out.index("Not planned:") :]
