"""Runners without a disk: open rollouts and pins go in a file from one run to the next."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from provisioner.cli.world import RUNNERS
from provisioner.exits import Exit
from tests.provisioner.cli import scripted
from tests.provisioner.cli.conftest import Provisioner, Ran, Start, end
from tests.provisioner.cli.estate import names, settle_in_files, writes, zone_file
from tests.provisioner.cli.faulty import await_write, let_go

(DOMAIN,) = names(1)
KEPT = ("--state-artifact", "state.jsonl")
APPLY = ("apply", "plan.jsonl", "--auto-approve", "--json", *KEPT)
HOST = "d0-example.o-v1.mx.microsoft"


@pytest.fixture
def here(start: Start, tmp_path: Path) -> Path:
    settle_in_files(tmp_path, "faulty", [DOMAIN])
    scripted.save(tmp_path / "plan.jsonl", [DOMAIN], wait=3600)
    return tmp_path


def until(ran: Ran) -> str:
    (unmet,) = json.loads(ran.out)["unmet"]
    return str(unmet["until"])


def new_runner() -> None:
    shutil.rmtree(".provisioner")


def test_waits_go_on_where_the_last_runner_saw_them_begin(provisioner: Provisioner, here: Path) -> None:
    provisioner("pin", "d0.example", HOST)
    first = provisioner(*APPLY)
    assert (first.code, writes(here, DOMAIN)) == (Exit.WAITING, 1)
    opened = json.loads(provisioner("status", "--json").out)["rollouts"][0]["opened"]
    for _ in range(2):
        new_runner()
        again = provisioner(*APPLY)
        assert (again.code, until(again)) == (Exit.WAITING, until(first))
        assert "Taken from state.jsonl: 1 open rollout.\n" in again.err
    status = json.loads(provisioner("status", "--json").out)
    assert (status["rollouts"][0]["opened"], status["pins"]) == (opened, {f"{DOMAIN}": f"{HOST}."})
    assert provisioner("history", "--verify").code == Exit.DONE


def test_a_plan_knows_what_the_last_runner_began(provisioner: Provisioner, here: Path) -> None:
    provisioner(*APPLY)
    new_runner()
    ran = provisioner("plan", *KEPT)
    assert (ran.code, "rollout-open" in ran.out) == (Exit.REFUSED, True)
    assert "Taken from state.jsonl: 1 open rollout.\n" in ran.err
    assert provisioner("status").out.endswith("1 rollout, 0 pinned.\n")
    assert provisioner("plan", *KEPT).err == ""


def test_the_file_is_left_by_a_run_that_fails_or_is_stopped(provisioner: Provisioner, start: Start, here: Path) -> None:
    scripted.save(here / "plan.jsonl", [DOMAIN])
    process = start(*APPLY, fault="hold-before 2")
    await_write()
    process.send_signal(signal.SIGTERM)
    let_go()
    assert end(process).code == Exit.INTERRUPTED
    new_runner()
    zone = zone_file(here, DOMAIN)
    right = zone.read_text()
    zone.write_text(right.replace(" 60 IN MX 0 ", " 60 IN MX 7 "))
    assert provisioner(*APPLY).code == Exit.STALE
    zone.write_text(right)
    new_runner()
    assert provisioner(*APPLY).code == Exit.DONE
    assert writes(here, DOMAIN) == scripted.STEPS
    assert Path("state.jsonl").read_text().count("\n") == 2  # nothing is open any more


def test_a_damaged_file_stops_everything(provisioner: Provisioner, here: Path) -> None:
    provisioner(*APPLY)
    new_runner()
    damaged = Path("state.jsonl").read_text().replace('"met"', '"seen"')
    Path("state.jsonl").write_text(damaged)
    for arguments in (APPLY, ("plan", *KEPT)):
        ran = provisioner(*arguments)
        assert (ran.code, ran.out) == (Exit.ERROR, "")
        assert "The state artifact state.jsonl cannot be used" in ran.err
        assert "its last line does not fit the lines before it" in ran.err
    assert not Path(".provisioner").exists()
    assert Path("state.jsonl").read_text() == damaged


def test_a_file_that_cannot_be_left_makes_a_good_run_none(provisioner: Provisioner, here: Path) -> None:
    ran = provisioner(*APPLY[:-1], "nowhere/state.jsonl")
    assert (ran.code, writes(here, DOMAIN)) == (Exit.ERROR, 1)
    assert "The file nowhere/state.jsonl cannot be written" in ran.err


@pytest.mark.parametrize("variable", RUNNERS)
def test_on_a_runner_a_state_that_will_be_lost_is_warned_of(
    provisioner: Provisioner, here: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    plain = APPLY[:-2]
    assert "Warning: " not in provisioner(*plain).err
    monkeypatch.setenv(variable, "true")
    ran = provisioner(*plain)
    assert (ran.code, "Warning: rollouts are open, and the state (" in ran.err) == (Exit.WAITING, True)
    assert "PostgreSQL" in ran.err
    assert "--state-artifact FILE" in ran.err
    assert "Warning: " not in provisioner(*APPLY).err
    manifest = Path("provisioner.yaml")
    manifest.write_text(f"{manifest.read_text()}state: sqlite:///kept/state.db\n")
    assert "Warning: " not in provisioner(*plain).err
