"""`status`: where each rollout stands, as the state alone tells it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from plans.values import Name, name
from provisioner.exits import Exit
from tests.provisioner.cli import scripted
from tests.provisioner.cli.conftest import Provisioner, Start, end
from tests.provisioner.cli.estate import names, settle_in_files
from tests.provisioner.cli.golden import assert_golden

WAITING, DONE, KILLED = DOMAINS = names(3)
HOST = "d0-example.o-v1.mx.microsoft"


@pytest.fixture
def here(start: Start, tmp_path: Path) -> Path:
    settle_in_files(tmp_path, "faulty", DOMAINS)
    return tmp_path


def walk(provisioner: Provisioner, domain: Name, *, wait: int = 0) -> Exit:
    scripted.save(Path("plan.jsonl"), [domain], wait)
    return Exit(provisioner("apply", "plan.jsonl", "--auto-approve").code)


def timeless(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<time>", text)


@pytest.fixture
def half_way(provisioner: Provisioner, start: Start, here: Path) -> None:
    """One rollout that waits, one that is finished, one whose run was killed in the middle of a write, and a pin."""
    assert walk(provisioner, WAITING, wait=7200) == Exit.WAITING
    assert walk(provisioner, DONE) == Exit.DONE
    scripted.save(Path("plan.jsonl"), [KILLED])
    end(start("apply", "plan.jsonl", "--auto-approve", fault="kill-after 2"))
    provisioner("pin", "d1.example", HOST)


def test_each_open_rollout_is_told_with_what_it_waits_for(provisioner: Provisioner, half_way: None) -> None:
    ran = provisioner("status")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert_golden("status.txt", timeless(ran.out))
    assert "d1.example  (domain" in provisioner("status", "--all").out


def test_nothing_is_asked_and_nothing_is_written(provisioner: Provisioner, half_way: None, here: Path) -> None:
    told = provisioner("status").out
    held = (here / ".provisioner" / "state.db").read_bytes()
    for zone in (here / "zones").iterdir():
        zone.unlink()
    (here / "graph.json").unlink()
    assert provisioner("status").out == told
    assert (here / ".provisioner" / "state.db").read_bytes() == held


def test_globs_choose_rollouts_and_pins(provisioner: Provisioner, half_way: None) -> None:
    assert provisioner("status", "D0.*.").out.splitlines()[-1] == "1 rollout, 0 pinned."
    assert provisioner("status", "d1.example", "d2.*").out.splitlines()[-1] == "1 rollout, 1 pinned."
    assert provisioner("status", "nobody.example").out == "0 rollouts, 0 pinned.\n"


def test_json_is_one_document_of_the_same(provisioner: Provisioner, half_way: None) -> None:
    document = json.loads(provisioner("status", "--json", "--all").out)
    assert document["pins"] == {"d1.example.": f"{HOST}."}
    waiting, done, killed = document["rollouts"]
    assert (waiting["subject"], waiting["steps"], waiting["outcome"]) == ("d0.example", 4, None)
    at = waiting["at"]
    assert (at["step"], at["write"], at["does"]["risk"]) == (2, "not begun", "add-mx")
    (wait,) = at["waits"]
    assert wait["until"] > wait["since"] >= waiting["opened"]
    assert (done["outcome"], done["at"]) == ("finished", None)
    assert killed["at"]["write"] == "begun, and it is not known what became of it"


def test_a_condition_that_is_not_held_any_more_has_no_time(provisioner: Provisioner, here: Path) -> None:
    assert walk(provisioner, WAITING, wait=7200) == Exit.WAITING
    zone = here / "zones" / "d0.example.zone"
    first = zone.read_text()
    zone.write_text(first.replace(" 60 IN MX", " 61 IN MX"))
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.STALE
    assert ": not seen so far" in provisioner("status").out
    zone.write_text(first)
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING
    assert ": until " in provisioner("status").out


@pytest.mark.parametrize("command", ["status", "history", "leases"])
def test_without_a_state_that_is_said_and_none_is_made(provisioner: Provisioner, here: Path, command: str) -> None:
    ran = provisioner(command)
    assert (ran.code, ran.out) == (Exit.DONE, "")
    assert ran.err == f"There is no state yet; the first apply makes it: sqlite:///{here}/.provisioner/state.db\n"
    assert all(not value for value in json.loads(provisioner(command, "--json").out).values())
    assert not (here / ".provisioner").exists()


def test_the_same_name_can_have_pins_and_no_rollout(provisioner: Provisioner, here: Path) -> None:
    provisioner("pin", "d0.example", HOST)
    assert provisioner("status").out == f"d0.example  pinned to {HOST}.\n0 rollouts, 1 pinned.\n"
    assert name("d0.example") == WAITING
