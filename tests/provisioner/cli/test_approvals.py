"""Approval on the command line, as far as no key is needed; `tests/lab` does the same with real ones."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import Provisioner

SIGNED = json.dumps({"signature": "x", "principal": "alice", "note": "", "at": "2026-01-01T00:00:00Z", "expires": None})


@pytest.fixture
def plan(provisioner: Provisioner, quickstart: Path) -> str:
    """A saved plan, and its id."""
    assert provisioner("plan", "--out", "plan.jsonl", "--planner", "alice").code == Exit.DONE
    header, *_, end = Path("plan.jsonl").read_text().splitlines()
    assert json.loads(header)["plan"]["planner"] == "alice"
    return str(json.loads(end)["end"]["digest"])


def demand(more: str = "") -> None:
    with Path("provisioner.yaml").open("a") as file:
        file.write(f"policy: {{approvals: {{default: 1}}{more}}}\n")


def zones() -> list[bytes]:
    return [path.read_bytes() for path in sorted(Path("zones").iterdir())]


def test_a_rejected_plan_is_applied_by_nobody(provisioner: Provisioner, plan: str) -> None:
    before = zones()
    ran = provisioner("reject", "plan.jsonl", "--note", "not on a \x1b[31mFriday")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert f"Plan {plan[:12]} is not applied any more" in ran.out
    ran = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert ran.code == Exit.UNAPPROVED
    assert "rejected it on" in ran.err
    assert "not on a \\u001b[31mFriday" in ran.err
    assert provisioner("approve", "plan.jsonl").code == Exit.UNAPPROVED
    assert "rejected by " in provisioner("show", "plan.jsonl").out
    (said,) = json.loads(provisioner("show", "plan.jsonl", "--json").out)["approvals"]
    assert (said["kind"], said["plan"]) == ("rejection", plan)
    assert "  rejected  " in provisioner("history").out
    Path("plan.jsonl.approvals").unlink()  # the state knows it as well
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.UNAPPROVED
    assert zones() == before


def test_who_applied_without_asking_is_in_the_journal(provisioner: Provisioner, plan: str) -> None:
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
    entries = json.loads(provisioner("history", "--json").out)["entries"]
    assert [(one["body"], one["run"]) for one in entries if one["kind"] == "auto-approved"] == [({"plan": plan}, 1)]


def test_where_the_policy_names_no_approvers_nobody_can_approve(provisioner: Provisioner, quickstart: Path) -> None:
    demand()
    before = zones()
    provisioner("plan", "--out", "plan.jsonl")
    for arguments in (("apply", "plan.jsonl", "--auto-approve"), ("apply", "--auto-approve"), ("approve", "plan.jsonl")):
        ran = provisioner(*arguments)
        assert ran.code == Exit.UNAPPROVED
        assert "names no approvers" in ran.err
    assert zones() == before


@pytest.mark.parametrize("arguments", [("apply", "plan.jsonl"), ("show", "plan.jsonl"), ("approve", "plan.jsonl")])
def test_a_damaged_file_of_approvals_is_refused(provisioner: Provisioner, plan: str, arguments: tuple[str, ...]) -> None:
    demand(", approvers: {file: allowed_signers}")
    Path("plan.jsonl.approvals").write_text(SIGNED + "\n")
    ran = provisioner(*arguments)
    assert ran.code == Exit.UNAPPROVED
    assert "Line 1 is no approval as provisioner writes it." in ran.err


def test_a_plan_can_be_looked_at_where_there_is_no_manifest(provisioner: Provisioner, plan: str) -> None:
    line = json.dumps({"plan": "b" * 64, **json.loads(SIGNED), "kind": "approval"}, separators=(",", ":"))
    Path("plan.jsonl.approvals").write_text(line.replace("null", '"2026-02-01T00:00:00Z"') + "\n")
    Path("provisioner.yaml").unlink()
    told = provisioner("show", "plan.jsonl").out
    assert "Said to this plan (apply verifies each signature). Made by alice." in told
    another = f"approved, but another plan, {'b' * 12} by alice, 2026-01-01 00:00:00Z until 2026-02-01 00:00:00Z"
    assert another in told


def test_under_separate_nobody_approves_what_nobody_made(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ACTOR", "BUILD_REQUESTEDFOREMAIL", "BUILD_REQUESTEDFOR", "GITLAB_USER_LOGIN", "GITLAB_USER_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    demand(", approvers: {file: allowed_signers}, separate: true")
    provisioner("plan", "--out", "plan.jsonl")
    for command in ("apply", "approve"):
        ran = provisioner(command, "plan.jsonl")
        assert ran.code == Exit.UNAPPROVED
        assert "plan --planner NAME" in ran.err


@pytest.mark.parametrize(
    ("expires", "told"),
    [("2020-01-01", "would have expired already"), ("0s", "would have expired already"), ("soon", "no time")],
)
def test_an_approval_ends_after_now(provisioner: Provisioner, plan: str, expires: str, told: str) -> None:
    ran = provisioner("approve", "plan.jsonl", "--expires", expires)
    assert ran.code == Exit.USAGE
    assert told in ran.err


def test_a_policy_file_takes_the_place_of_the_manifests_section(provisioner: Provisioner, quickstart: Path) -> None:
    Path("policy.yaml").write_text("expires: 8h\n")
    provisioner("plan", "--out", "plan.jsonl", "--policy", "policy.yaml")
    header = json.loads(Path("plan.jsonl").read_text().splitlines()[0])["plan"]
    created, expires = (datetime.fromisoformat(header[key]) for key in ("created", "expires"))
    assert expires - created == timedelta(hours=8)
    assert header["policy"] == sha256(b"expires: 8h\n").hexdigest()
    ran = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert ran.code == Exit.UNAPPROVED
    assert "made under another policy" in ran.err
