"""A run that is killed at any point leaves something that the next one finishes, and nothing is written twice."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import Provisioner

PLUGIN = '''
import os
import signal
from dataclasses import replace

from providers import zonefile


class Mortal:
    """A zone file provider whose process is killed around its first write, unless `survive` exists."""

    def __init__(self, inner, when):
        self._inner = inner
        self._when = when
        self.zones, self.read, self.canonical = inner.zones, inner.read, inner.canonical

    def apply(self, base, changes):
        mortal = not os.path.exists("survive")
        if mortal and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        outcomes = self._inner.apply(base, changes)
        if mortal:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcomes


def _open(label, options, context):
    return Mortal(zonefile.ADAPTER.open(label, options, context), os.environ.get("MORTAL", "after"))


ADAPTER = replace(zonefile.ADAPTER, open=_open)
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Install a third party's adapter: a distribution that its entry point makes known."""
    folder = tmp_path / "site"
    information = folder / "mortal-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "mortal.py").write_text(PLUGIN)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: mortal\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[provisioner.providers]\nmortal = mortal:ADAPTER\n")
    return folder


Spawn = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def mortal_quickstart(quickstart: Path) -> Path:
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("type: zonefile", "type: mortal"))
    return quickstart


def serial_and_mx(folder: Path) -> tuple[bool, bool]:
    """Say whether fabrikam's serial was raised exactly once, and whether its MX is the new one."""
    zone = (folder / "zones" / "fabrikam.example.zone").read_text()
    return "48214 " in zone, "fabrikam-example.mail.protection.outlook.com." in zone


@pytest.mark.parametrize(("when", "written"), [("before", False), ("after", True)])
@pytest.mark.parametrize("with_plan", [True, False])
def test_killed_around_the_write_and_run_again(
    spawn: Spawn,
    mortal_quickstart: Path,
    plugin: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
    written: bool,
    with_plan: bool,
) -> None:
    monkeypatch.setenv("MORTAL", when)
    arguments = ["apply", "--auto-approve", "--exclude-domain", "contoso.example"]
    if with_plan:
        assert spawn("plan", *arguments[2:], "--out", "plan.jsonl", python_path=str(plugin)).returncode == Exit.DONE
        arguments = ["apply", "plan.jsonl", "--auto-approve"]
    killed = spawn(*arguments, python_path=str(plugin))
    assert killed.returncode == -9
    assert serial_and_mx(mortal_quickstart) == (written, written)

    (mortal_quickstart / "survive").touch()
    again = spawn(*arguments, python_path=str(plugin))
    assert (again.returncode, again.stderr) == (Exit.DONE, "")
    assert serial_and_mx(mortal_quickstart) == (True, True)

    planned = spawn("plan", "--domain", "fabrikam.example", "--detailed-exitcode", python_path=str(plugin))
    assert planned.returncode == Exit.DONE
    assert "No changes" in planned.stdout


def test_killed_and_then_edited_by_somebody_is_stale(
    spawn: Spawn, mortal_quickstart: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORTAL", "before")
    spawn("plan", "--domain", "fabrikam.example", "--out", "plan.jsonl", python_path=str(plugin))
    assert spawn("apply", "plan.jsonl", "--auto-approve", python_path=str(plugin)).returncode == -9
    zone = mortal_quickstart / "zones" / "fabrikam.example.zone"
    zone.write_text(zone.read_text().replace("5 fabrikam-example.mail.eo", "7 fabrikam-example.mail.eo"))
    (mortal_quickstart / "survive").touch()
    again = spawn("apply", "plan.jsonl", "--auto-approve", python_path=str(plugin))
    assert again.returncode == Exit.STALE
    newer = spawn("apply", "--domain", "fabrikam.example", "--auto-approve", python_path=str(plugin))
    assert (newer.returncode, newer.stderr) == (Exit.DONE, "")
    assert serial_and_mx(mortal_quickstart) == (True, True)
    old = spawn("apply", "plan.jsonl", "--auto-approve", python_path=str(plugin))
    assert old.returncode == Exit.STALE
    assert "superseded" in old.stdout


def test_a_provider_in_the_plan_that_is_not_installed_here(provisioner: Provisioner, mortal_quickstart: Path) -> None:
    ran = provisioner("plan")
    assert ran.code == Exit.ERROR
    assert "mortal" in ran.err
