"""A run that is killed anywhere, any number of times: the next one ends right, and no step is written twice."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from provisioner.cli.clock import now
from provisioner.exits import Exit
from provisioner.manifest import load
from provisioner.state import State
from tests.provisioner.cli import scripted
from tests.provisioner.cli.conftest import AnyMoment, Provisioner, Start, end, unlock
from tests.provisioner.cli.estate import names, settle_in_files, writes

TIMES = int(os.environ.get("KILLED_TIMES", "5"))
"""How often a run is killed at a moment that chance chooses."""
DOMAINS = names(4)
APPLY_JSON = ("apply", "plan.jsonl", "--auto-approve", "--json")
of_any_step = pytest.mark.parametrize("step", range(1, scripted.STEPS + 1))


@pytest.fixture
def four_zones(start: Start, state_line: str, tmp_path: Path) -> Path:
    settle_in_files(tmp_path, "faulty", DOMAINS, state_line)
    return tmp_path


def expect_whole(provisioner: Provisioner) -> None:
    verified = provisioner("history", "--verify")
    assert (verified.code, verified.err) == (Exit.DONE, ""), verified


def until(out: str) -> str:
    """Give the time until which the one domain of an apply waits."""
    (told,) = map(json.loads, out.splitlines())
    (unmet,) = told["unmet"]
    return str(unmet["until"])


@of_any_step
@pytest.mark.parametrize("when", ["before", "after"])
def test_between_any_two_writes(provisioner: Provisioner, start: Start, four_zones: Path, step: int, when: str) -> None:
    domain = DOMAINS[0]
    scripted.save(four_zones / "plan.jsonl", [domain])
    assert end(start(*APPLY_JSON, fault=f"kill-{when} {step}")).code == -signal.SIGKILL
    assert writes(four_zones, domain) == step - (when == "before")
    expect_whole(provisioner)
    assert provisioner(*APPLY_JSON).code == Exit.LOCKED
    assert unlock(provisioner) == 1
    assert provisioner(*APPLY_JSON).code == Exit.DONE
    assert writes(four_zones, domain) == scripted.STEPS
    expect_whole(provisioner)


def test_at_any_moment(provisioner: Provisioner, start: Start, four_zones: Path) -> None:
    fresh = {path: path.read_bytes() for path in (four_zones / "zones").iterdir()}
    moment = AnyMoment()
    for _ in range(TIMES + 1):
        for path, zone in fresh.items():
            path.write_bytes(zone)
        scripted.save(four_zones / "plan.jsonl", DOMAINS, wait=0)
        moment.kill(start(*APPLY_JSON))
        expect_whole(provisioner)
        unlock(provisioner)
        again = provisioner(*APPLY_JSON)
        assert again.code == Exit.DONE, again
        assert {writes(four_zones, domain) for domain in DOMAINS} == {scripted.STEPS}
        expect_whole(provisioner)


def test_a_state_that_is_gone_makes_the_wait_start_again(
    provisioner: Provisioner, four_zones: Path, lose_state: Callable[[], None]
) -> None:
    domain = DOMAINS[0]
    scripted.save(four_zones / "plan.jsonl", [domain], wait=3600)
    first = provisioner(*APPLY_JSON)
    assert (first.code, writes(four_zones, domain)) == (Exit.WAITING, 1)
    assert until(provisioner(*APPLY_JSON).out) == until(first.out)
    with State.open(load(Path("provisioner.yaml")).state, now) as state:
        before = state.now()
    lose_state()
    again = provisioner(*APPLY_JSON)
    assert (again.code, writes(four_zones, domain)) == (Exit.WAITING, 1)
    assert datetime.fromisoformat(until(again.out)) >= before + timedelta(hours=1)


@pytest.mark.parametrize("step", range(2, scripted.STEPS))
def test_without_its_state_a_rollout_that_is_half_done_is_not_taken_for_over(
    provisioner: Provisioner, start: Start, four_zones: Path, lose_state: Callable[[], None], step: int
) -> None:
    domain = DOMAINS[0]
    scripted.save(four_zones / "plan.jsonl", [domain])
    assert end(start(*APPLY_JSON, fault=f"kill-after {step}")).code == -signal.SIGKILL
    lose_state()
    assert provisioner(*APPLY_JSON).code == Exit.STALE
    assert writes(four_zones, domain) == step
