"""A file system that takes nothing when a schedule writes its files: nothing is left half written, and the rest is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.cli import run
from provisioner.exits import Exit
from tests.provisioner.cli.conftest import PROGRAM
from tests.provisioner.cli.estate import names, settle_in_files

MANY = names(40)
"""So many that a plan of them is larger than the file system."""
Mounted = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def mounted(program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    """A folder with many domains, in which a command line runs once something was mounted at the folder `full`."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    monkeypatch.chdir(tmp_path)
    settle_in_files(tmp_path, "zonefile", MANY)
    Path("full").mkdir()

    def ran(mount: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        script = f'{mount}; "$@"; code=$?; ls -A full; exit $code'
        command = [program("unshare"), "-m", "sh", "-c", script, "sh", *PROGRAM, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return ran


@pytest.mark.parametrize(("option", "room"), [("--out", "size=16k"), ("--metrics", "nr_inodes=1")])
def test_a_file_for_which_there_is_no_room(mounted: Mounted, option: str, room: str) -> None:
    reconcile = ("reconcile", option, "full/file")
    ran = mounted(f"mount -t tmpfs -o {room} tmpfs full", *reconcile)
    assert ran.returncode == Exit.ERROR, ran
    assert "Error: The file full/file cannot be written\n  No space left on device.\n" in ran.stderr
    assert f"{option} FILE\n" in ran.stderr
    assert ran.stdout.endswith("40 need a person. 40 subjects: 40 approval; 0 written.\n")
    assert run(reconcile) == Exit.DONE
    assert Path("full/file").stat().st_size


def test_a_plan_that_waits_no_more_and_cannot_be_removed(mounted: Mounted) -> None:
    reconcile = ("reconcile", "--out", "full/file")
    assert run(reconcile) == Exit.DONE
    assert run(("apply", "full/file", "--auto-approve")) == Exit.DONE
    ran = mounted("mount --bind full full; mount -o remount,ro,bind full", *reconcile)
    assert ran.returncode == Exit.ERROR, ran
    assert "Error: The file full/file cannot be removed\n  Read-only file system.\n" in ran.stderr
    assert run(reconcile) == Exit.DONE
    assert not Path("full/file").exists()
