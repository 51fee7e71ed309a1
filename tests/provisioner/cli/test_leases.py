"""`leases` and `unlock`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import Provisioner, Start, end
from tests.provisioner.cli.estate import names, settle_in_files
from tests.provisioner.cli.golden import assert_golden

DOMAINS = names(2)
LEASE = re.compile(r"run \d+ of \S+  since [\d-]+ [\d:]+Z  until [\d-]+ [\d:]+Z")


@pytest.fixture
def here(start: Start, tmp_path: Path) -> Path:
    settle_in_files(tmp_path, "faulty", DOMAINS)
    return tmp_path


@pytest.fixture
def left_over(start: Start, here: Path) -> None:
    """A run that had a zone was killed."""
    end(start("apply", "--auto-approve", "--domain", "d0.example", fault="kill-before 1"))


def test_a_lease_is_told_and_ended_with_a_reason(provisioner: Provisioner, left_over: None) -> None:
    ran = provisioner("leases")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert_golden("leases.txt", LEASE.sub("run <run> of <who>  since <time>  until <time>", ran.out))
    (lease,) = json.loads(provisioner("leases", "--json").out)["leases"]
    assert (lease["zone"]["name"], lease["run"], lease["fencing"]) == ("d0.example.", 1, 1)

    ended = provisioner("unlock", "D0.example", "--reason", "the runner was taken away")
    assert ended.code == Exit.DONE
    assert ended.out == f"Ended. {ran.out}"
    assert re.match(r"Journal: entry \d+, hash [0-9a-f]{64}\n$", ended.err)
    assert provisioner("leases").out == "No zone is leased.\n"
    last = provisioner("history", "--domain", "d0.example").out.splitlines()[-1]
    assert last.endswith("d0.example  unlocked  the runner was taken away")
    assert provisioner("history", "--verify").code == Exit.DONE
    again = provisioner("unlock", "d0.example", "--reason", "twice")
    assert (again.code, again.out) == (Exit.DONE, "No run has a lease of d0.example.\n")


def test_without_a_state_nothing_is_leased_and_none_is_made(provisioner: Provisioner, here: Path) -> None:
    ran = provisioner("unlock", "d0.example", "--reason", "why not")
    assert (ran.code, ran.out) == (Exit.DONE, "")
    assert ran.err.startswith("There is no state yet")
    assert not (here / ".provisioner").exists()


@pytest.mark.parametrize("arguments", [("d0.example",), ("d0.example", "--reason", " "), ("no..name", "--reason", "x"), ()])
def test_a_zone_and_a_reason_have_to_be_named(provisioner: Provisioner, left_over: None, arguments: tuple[str, ...]) -> None:
    ran = provisioner("unlock", *arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert "d0.example" in provisioner("leases").out
