"""BIND's opinion of the zone files that were edited."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.cli import run
from provisioner.exits import Exit
from tests.lab.conftest import ROOT, Named

ZONES = ("contoso.example", "fabrikam.example")


@pytest.fixture
def quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "quickstart"
    shutil.copytree(ROOT / "examples" / "quickstart", folder)
    monkeypatch.chdir(folder)
    return folder


def compiled(compiler: str, zone: str, file: Path) -> set[str]:
    """Give a zone's records as BIND reads them, one canonical line each."""
    ran = subprocess.run(
        [compiler, "-i", "none", "-k", "ignore", "-o", "-", zone, str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {" ".join(line.split()) for line in ran.stdout.splitlines() if line and not line.startswith(("zone ", "OK", ";"))}


def test_bind_reads_the_same_records_but_for_the_mx_and_the_serial(quickstart: Path, program: Callable[[str], str]) -> None:
    compiler = program("named-compilezone")
    before = {zone: compiled(compiler, zone, quickstart / "zones" / f"{zone}.zone") for zone in ZONES}
    assert run(["apply", "--auto-approve"]) == Exit.DONE
    for zone in ZONES:
        after = compiled(compiler, zone, quickstart / "zones" / f"{zone}.zone")
        changed = before[zone] ^ after
        assert sorted({line.split()[3] for line in changed}) == ["MX", "SOA"]
        assert len(changed) == 4


def test_bind_serves_what_was_applied(quickstart: Path, named: Callable[[dict[str, Path]], Named]) -> None:
    files = {zone: quickstart / "zones" / f"{zone}.zone" for zone in ZONES}
    old = named(files)
    assert old.ask("contoso.example", "MX") == ["0 contoso-example.mail.protection.outlook.com."]
    assert run(["apply", "--auto-approve"]) == Exit.DONE
    new = named(files)
    assert new.ask("contoso.example", "MX") == ["0 contoso-example.o-v1.mx.microsoft."]
    assert new.ask("fabrikam.example", "MX") == ["0 fabrikam-example.mail.protection.outlook.com."]
    assert new.ask("plc01.plant.fabrikam.example", "A") == old.ask("plc01.plant.fabrikam.example", "A")
