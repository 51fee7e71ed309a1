"""Signing and counting on the command line, with programs that stand in for OpenSSH's; `tests/lab` has the real ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plans.codec import encode_entry
from provisioner.approval import keygen
from provisioner.cli.clock import now
from provisioner.exits import Exit
from provisioner.manifest import load
from provisioner.planfile import PlanFile
from provisioner.state import State
from provisioner.state.rollouts import Carried
from tests.emulators import openssh
from tests.provisioner.cli import estate, scripted
from tests.provisioner.cli.conftest import Provisioner

Sign = Callable[..., str]


@pytest.fixture
def desk(provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a domain, a plan of four steps of which the second waits, a policy and two people's keys."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(openssh.install(programs)))
    monkeypatch.delenv("FAKE_AGENT", raising=False)
    monkeypatch.delenv("FAKE_GIT", raising=False)
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    policy = "policy: {approvals: {default: 1}, approvers: {file: signers, revoked: revoked}, carry: 30d}\n"
    estate.settle_in_files(folder, "zonefile", estate.names(1), policy)
    scripted.save(folder / "plan.jsonl", estate.names(1), wait=3600)
    for who in ("alice", "bob"):
        Path(who).write_text(f"private {who}")
    Path("signers").write_text("alice,al alice\nbob@example.com bob\n")
    Path("revoked").write_text("mallory")
    return folder


def approve(provisioner: Provisioner, *options: str) -> str:
    ran = provisioner("approve", "plan.jsonl", *options)
    assert ran.code == Exit.DONE, ran.err
    return ran.out


def begin(opened: datetime) -> None:
    """Let the plan's rollout have begun some time ago, on another machine."""
    with PlanFile.read(Path("plan.jsonl")) as plan, State.open(load(Path("provisioner.yaml")).state, now) as state:
        (entry,) = plan.entries()
        carried = Carried(entry.subject, plan.id, encode_entry(entry), opened.astimezone(UTC), ())
        assert state.take_over(state.begin_run("apply", "0.1.0"), carried)


def in_a_moment(**ahead: int) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds")


def test_what_has_begun_keeps_its_approval_until_it_was_carried_long_enough(provisioner: Provisioner, desk: Path) -> None:
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.UNAPPROVED
    assert "as al, alice, with the WORD key alice" in approve(provisioner, "--key", "alice", "--note", "go")
    ended = datetime.now().astimezone() - timedelta(hours=1)
    Path("signers").write_text(f"alice,al valid-before={ended:%Y%m%d%H%M%S} alice\n")
    assert provisioner("apply", "plan.jsonl").code == Exit.UNAPPROVED
    begin(ended - timedelta(hours=1))
    assert provisioner("apply", "plan.jsonl").code == Exit.WAITING
    Path("revoked").write_text("alice")
    refused = provisioner("apply", "plan.jsonl")
    assert refused.code == Exit.UNAPPROVED
    assert "the WORD key alice is revoked in revoked" in refused.err
    Path("revoked").write_text("")
    manifest = Path("provisioner.yaml")
    manifest.write_text(manifest.read_text().replace("carry: 30d", "carry: 0s"))
    late = provisioner("apply", "plan.jsonl")
    assert late.code == Exit.UNAPPROVED
    assert "the WORD key alice is not allowed in signers" in late.err


def test_a_key_that_no_policy_allows_leaves_nothing_behind(provisioner: Provisioner, desk: Path) -> None:
    Path("signers").write_text("bob bob\n!bob alice\n")
    ran = provisioner("approve", "plan.jsonl", "--key", "alice")
    assert ran.code == Exit.UNAPPROVED
    assert "This key may not approve the plan" in ran.err
    Path("signers").unlink()
    assert "There is no file signers" in provisioner("approve", "plan.jsonl", "--key", "alice").err
    assert not Path("plan.jsonl.approvals").exists()


def test_the_agents_key_comes_before_gits(provisioner: Provisioner, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "The SSH agent holds no key" in provisioner("approve", "plan.jsonl").err
    monkeypatch.setenv("FAKE_GIT", "bob")
    assert "as bob@example.com" in approve(provisioner, "--expires", in_a_moment(hours=1))
    monkeypatch.setenv("FAKE_GIT", "key::private bob")
    assert "as bob@example.com" in approve(provisioner)
    monkeypatch.setenv("FAKE_AGENT", "alice")
    assert "as al, alice" in approve(provisioner)
    Path("alice.pub").write_text("public alice")
    assert "as al, alice" in approve(provisioner, "--key", "alice.pub", "--expires", "8h")


def test_under_separate_ones_own_approval_is_taken_and_counts_for_nothing(provisioner: Provisioner, desk: Path) -> None:
    manifest = Path("provisioner.yaml")
    manifest.write_text(manifest.read_text().replace("carry: 30d", "separate: true"))
    assert provisioner("plan", "--out", "plan.jsonl", "--planner", "al").code == Exit.DONE
    assert "counts for nothing: al made the plan" in provisioner("approve", "plan.jsonl", "--key", "alice").err
    assert "made the plan (as al)" in provisioner("apply", "plan.jsonl").err
    assert "Approved." in approve(provisioner, "--key", "bob")
    assert provisioner("apply", "plan.jsonl").code == Exit.DONE


@pytest.mark.parametrize(("key", "told"), [("nobody", "There is no file nobody."), ("bob.pub", "nothing that could be told")])
def test_what_does_not_sign_is_told(provisioner: Provisioner, desk: Path, key: str, told: str) -> None:
    Path("bob.pub").write_text("public bob")
    ran = provisioner("approve", "plan.jsonl", "--key", key)
    assert ran.code == Exit.ERROR
    assert "The plan cannot be signed" in ran.err
    assert told in ran.err


def test_without_the_programs_nothing_is_signed_and_nothing_counts(
    provisioner: Provisioner, desk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    approve(provisioner, "--key", "alice")
    (tmp_path / "bin" / "git").unlink()
    assert "git names no SSH key" in provisioner("approve", "plan.jsonl").err
    monkeypatch.setenv("PATH", str(desk))
    ran = provisioner("approve", "plan.jsonl", "--key", "alice")
    assert (ran.code, "ssh-keygen cannot be run: " in ran.err) == (Exit.ERROR, True)
    ran = provisioner("apply", "plan.jsonl")
    assert (ran.code, "it cannot be verified: ssh-keygen cannot be run" in ran.err) == (Exit.UNAPPROVED, True)


def test_a_program_has_a_deadline() -> None:
    with pytest.raises(keygen.ProgramFailed, match="did not end within"):
        keygen.run(("sleep", "60"), seconds=0.05)
