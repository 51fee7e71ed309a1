"""Pinning the host that Microsoft assigned, while Graph still answers the legacy one."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import Provisioner

HOST = "fabrikam-example.o-v1.mx.microsoft"


def test_a_pinned_host_is_planned_and_the_line_to_commit_is_printed(provisioner: Provisioner, quickstart: Path) -> None:
    ran = provisioner("pin", "fabrikam.example", HOST)
    assert ran.code == Exit.DONE
    assert f"exchange: {HOST}\n" in ran.out
    assert "provisioner.yaml:" in ran.out
    planned = provisioner("plan", "--domain", "fabrikam.example")
    assert planned.code == Exit.DONE
    assert f"Pinned is {HOST}.  (the state)" in planned.out
    assert "i notice: pinned" in planned.out
    assert f"+ 0 {HOST}. ttl=14400" in planned.out
    assert provisioner("apply", "--domain", "fabrikam.example", "--auto-approve").code == Exit.DONE
    again = provisioner("plan", "--domain", "fabrikam.example", "--detailed-exitcode")
    assert again.code == Exit.DONE
    assert "No changes." in again.out


def test_a_pin_in_the_manifest_must_not_differ_from_the_one_in_the_state(provisioner: Provisioner, quickstart: Path) -> None:
    manifest = quickstart / "provisioner.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("fabrikam.example: {", f"fabrikam.example: {{exchange: {HOST}, "))
    assert f"+ 0 {HOST}. ttl=14400" in provisioner("plan").out
    provisioner("pin", "fabrikam.example", HOST)
    assert f"+ 0 {HOST}. ttl=14400" in provisioner("plan").out
    provisioner("pin", "fabrikam.example", HOST.replace("o-v1", "a-v1"))
    ran = provisioner("plan", "--strict")
    assert ran.code == Exit.REFUSED
    assert "pins-differ" in ran.out


def test_forgetting_drops_the_pin_and_leaves_the_zone_alone(provisioner: Provisioner, quickstart: Path) -> None:
    provisioner("pin", "fabrikam.example", HOST)
    ran = provisioner("forget", "Fabrikam.Example.")
    assert ran.code == Exit.DONE
    assert "Its pinned host is dropped." in ran.out
    assert "It still stands in the manifest" in ran.out
    assert HOST not in provisioner("plan").out
    again = provisioner("forget", "fabrikam.example")
    assert (again.code, again.out.splitlines()[0]) == (Exit.DONE, "Nothing was kept of fabrikam.example.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("pin", "fabrikam..example", HOST),
        ("pin", "fabrikam.example", "fabrikam-example.mail.protection.outlook.com"),
        ("pin", "fabrikam.example", "mx.gateway.example"),
        ("pin", "fabrikam.example", "mx.microsoft"),
        ("pin", "fabrikam.example", "not a host"),
        ("forget", ""),
    ],
)
def test_what_cannot_be_pinned_is_wrong_usage(provisioner: Provisioner, quickstart: Path, arguments: tuple[str, ...]) -> None:
    ran = provisioner(*arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert not (quickstart / ".provisioner").exists()
