"""The examples of schedules: what they call exists, and the quickstart goes through it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from provisioner.cli import run
from provisioner.exits import Exit
from tests.docs.pipelines import QUICKSTART

EXAMPLES = Path(__file__).parents[2] / "examples" / "schedules"
SERVICE, TIMER, CRON, CRONJOB = (
    EXAMPLES / name for name in ("provisioner@.service", "provisioner@.timer", "provisioner.cron", "cronjob.yaml")
)


@pytest.fixture
def quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a copy of the quickstart."""
    shutil.copytree(QUICKSTART, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def of_systemd() -> list[str]:
    (line,) = re.findall(r"^ExecStart=/usr/bin/env (.*)$", SERVICE.read_text(), re.MULTILINE)
    return shlex.split(line)


def of_cron() -> list[str]:
    (line,) = re.findall(r"^[\d*/ ]+ provisioner cd \S+ && (.*) \|\|", CRON.read_text(), re.MULTILINE)
    return shlex.split(line)


def of_kubernetes() -> list[str]:
    (container,) = yaml.safe_load(CRONJOB.read_text())["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return [str(word) for word in container["command"]]


@pytest.mark.usefixtures("quickstart")
@pytest.mark.parametrize("command", [of_systemd(), of_cron(), of_kubernetes()], ids=["systemd", "cron", "kubernetes"])
def test_its_command_runs(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    here = {"/fleet/provisioner.yaml": "provisioner.yaml", "/pending/cf.jsonl": "pending.jsonl", "cf": "files"}
    assert command[0] == "provisioner"
    assert run([here.get(word, word) for word in command[1:]]) == Exit.DONE
    assert "2 approval" in capsys.readouterr().out


@pytest.mark.usefixtures("quickstart")
def test_the_variable_of_the_service_is_an_option_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = re.findall(r"^Environment=(\w+)=", SERVICE.read_text(), re.MULTILINE)
    monkeypatch.setenv(line, "elsewhere.jsonl")
    assert run(["reconcile"]) == Exit.DONE
    assert Path("elsewhere.jsonl").exists()


def test_a_cron_job_does_not_start_while_another_one_runs_and_gives_it_time_to_stop() -> None:
    job = yaml.safe_load(CRONJOB.read_text())
    assert (job["apiVersion"], job["kind"], job["spec"]["concurrencyPolicy"]) == ("batch/v1", "CronJob", "Forbid")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > 7
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_every_example_is_explained() -> None:
    told = (EXAMPLES / "README.md").read_text()
    assert all(f"({path.name})" in told for path in EXAMPLES.iterdir() if path.name != "README.md")
