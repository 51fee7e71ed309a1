"""A state that takes no more, or nothing at all: nothing is written to a zone that the journal does not know of."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import PROGRAM, Provisioner
from tests.provisioner.cli.estate import names, settle_in_files, writes

NOBODY = 65534
FIRST, SECOND = DOMAINS = names(2)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    settle_in_files(tmp_path, "zonefile", DOMAINS)
    return tmp_path


@pytest.mark.parametrize("octets", [1, 12_000, 20_000])
def test_a_disk_that_is_full_stops_before_a_write(provisioner: Provisioner, here: Path, octets: int) -> None:
    assert provisioner("apply", "--auto-approve", "--domain", "d0.example").code == Exit.DONE
    ran = subprocess.run(
        [*PROGRAM, "apply", "--auto-approve"],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("COV")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets)),
    )
    told = ran.stdout + ran.stderr
    assert (ran.returncode, writes(here, SECOND)) == (Exit.ERROR, 0), told
    assert "Traceback" not in told
    if octets > 1:  # else no plan can be made
        assert "the disk did not take or give the data" in told
        assert "then type the same command again" in told
    assert provisioner("apply", "--auto-approve", "--lock-timeout", "1m").code == Exit.DONE
    assert [writes(here, domain) for domain in DOMAINS] == [1, 1]
    assert provisioner("history", "--verify").code == Exit.DONE


@pytest.fixture
def unprivileged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same in a folder of a user without special rights, as whom the test goes on."""
    folder = Path(tempfile.mkdtemp())
    settle_in_files(folder, "zonefile", DOMAINS)
    privileged = os.geteuid() == 0
    if privileged:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    monkeypatch.chdir(folder)
    try:
        yield folder
    finally:
        if privileged:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_a_state_that_can_only_be_read_stops_before_a_write(provisioner: Provisioner, unprivileged: Path) -> None:
    assert provisioner("apply", "--auto-approve", "--domain", "d0.example").code == Exit.DONE
    state = unprivileged / ".provisioner"
    (state / "state.db").chmod(0o400)
    for attempt in (("apply", "--auto-approve"), ("pin", "d0.example", "d0-example.o-v1.mx.microsoft")):
        ran = provisioner(*attempt)
        assert (ran.code, writes(unprivileged, SECOND)) == (Exit.ERROR, 0)
        assert "write" in ran.err
    for path in state.iterdir():
        path.chmod(0o600)
    assert provisioner("apply", "--auto-approve").code == Exit.DONE


def test_a_folder_in_which_no_state_can_be_made_stops_before_a_write(provisioner: Provisioner, unprivileged: Path) -> None:
    unprivileged.chmod(0o500)
    ran = provisioner("apply", "--auto-approve")
    unprivileged.chmod(0o700)
    assert (ran.code, [writes(unprivileged, domain) for domain in DOMAINS]) == (Exit.ERROR, [0, 0])
    assert f"{unprivileged}/.provisioner: Permission denied" in ran.err
