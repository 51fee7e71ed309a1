"""Approvals with OpenSSH's own programs: real keys, a real agent, and the command line as a pipeline runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from plans.codec import encode
from plans.plan import Rollout
from plans.policy import Risk
from provisioner.cli import run
from provisioner.exits import Exit
from provisioner.planfile import PlanFile
from tests.provisioner.cli.conftest import QUICKSTART

POLICY = "approvals: {default: 1}\napprovers: {file: allowed_signers}\n"


@dataclass
class Desk:
    """A folder with the quickstart, where people have keys and a pipeline runs commands."""

    keygen: str
    captured: pytest.CaptureFixture[str]

    def key(self, who: str, passphrase: str = "") -> Path:
        subprocess.run([self.keygen, "-q", "-t", "ed25519", "-N", passphrase, "-C", who, "-f", who], check=True)
        return Path(who)

    def allow(self, who: str, key: Path, options: str = "") -> None:
        public = key.with_suffix(".pub").read_text()
        with Path("allowed_signers").open("a") as file:
            file.write(f"{who} {options}{' ' if options else ''}{public}")

    def policy(self, more: str = "") -> None:
        section = "".join(f"  {line}\n" for line in (POLICY + more).splitlines())
        with Path("provisioner.yaml").open("a") as file:
            file.write(f"policy:\n{section}")

    def plan(self, *options: str, file: str = "plan.jsonl") -> None:
        assert self.run("plan", "--out", file, *options)[0] == Exit.DONE

    def run(self, *arguments: str) -> tuple[int, str]:
        self.captured.readouterr()
        code = run(arguments)
        told = self.captured.readouterr()
        assert "Traceback" not in told.err
        return code, told.out + told.err

    def approve(self, key: Path, *options: str) -> str:
        code, told = self.run("approve", "plan.jsonl", "--key", str(key), *options)
        assert code == Exit.DONE, told
        return told

    def refused(self, *arguments: str, code: Exit = Exit.UNAPPROVED) -> str:
        before = {path: path.read_bytes() for path in Path("zones").iterdir()}
        found, told = self.run(*arguments)
        assert found == code, told
        assert {path: path.read_bytes() for path in Path("zones").iterdir()} == before
        return told


@pytest.fixture
def desk(
    program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    folder = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, folder)
    monkeypatch.chdir(folder)
    for name in ("SSH_AUTH_SOCK", "GITHUB_ACTOR", "BUILD_REQUESTEDFOREMAIL", "BUILD_REQUESTEDFOR", "GITLAB_USER_LOGIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return Desk(program("ssh-keygen"), capsys)


@pytest.fixture
def agent(program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """A running agent; what is given to it is held by nobody else any more."""
    socket = tmp_path / "agent.sock"
    with subprocess.Popen([program("ssh-agent"), "-D", "-a", str(socket)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()  # it listens by now
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))

        def hold(key: Path) -> None:
            subprocess.run([program("ssh-add"), "-q", str(key)], check=True, stdin=subprocess.DEVNULL)
            key.unlink()

        yield hold
        process.terminate()


def test_the_planners_own_approval_does_not_count_and_another_ones_does(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.policy("separate: true")
    alice, bob = desk.key("alice"), desk.key("bob")
    desk.allow("alice@example.com", alice)
    desk.allow("bob@example.com", bob)
    monkeypatch.setenv("GITHUB_ACTOR", "alice")
    desk.plan()
    assert "has no approvals that count: replace-mx needs 1" in desk.refused("apply", "plan.jsonl", "--auto-approve")
    assert "it counts for nothing: alice made the plan" in desk.approve(alice)
    assert "alice@example.com: made the plan (as alice)" in desk.refused("apply", "plan.jsonl")
    told = desk.approve(bob, "--note", "looks right", "--expires", "8h")
    assert "as bob@example.com, with the ED25519 key SHA256:" in told
    shown = desk.run("show", "plan.jsonl")[1]
    assert "Made by alice." in shown
    assert "looks right" in shown
    shutil.rmtree(".provisioner")  # a runner that shares no state has the file alone
    assert desk.run("apply", "plan.jsonl")[0] == Exit.DONE
    kept = [line for line in desk.run("history")[1].splitlines() if "  approved  " in line]
    assert ["alice@example.com" in kept[0], "bob@example.com  looks right" in kept[1]] == [True, True]
    assert desk.run("history", "--verify")[0] == Exit.DONE
    assert desk.run("apply", "plan.jsonl")[0] == Exit.DONE


def test_two_approvals_of_one_person_are_one(desk: Desk) -> None:
    desk.policy()
    Path("provisioner.yaml").write_text(Path("provisioner.yaml").read_text().replace("default: 1", "default: 2"))
    keys = desk.key("office"), desk.key("home"), desk.key("bob")
    for who, key in zip(("alice", "alice", "bob"), keys, strict=True):
        desk.allow(who, key)
    desk.plan()
    desk.approve(keys[0])
    desk.approve(keys[1])
    assert "has 1 approval that counts: replace-mx needs 2" in desk.refused("apply", "plan.jsonl")
    desk.approve(keys[2])
    assert desk.run("apply", "plan.jsonl")[0] == Exit.DONE


def test_a_key_that_is_not_allowed_is_refused_at_once(desk: Desk) -> None:
    desk.policy()
    desk.allow("alice", desk.key("alice"))
    eve = desk.key("eve")
    desk.plan()
    assert "is not allowed in allowed_signers" in desk.refused("approve", "plan.jsonl", "--key", str(eve))
    desk.allow("eve", eve, 'namespaces="git"')
    assert "not permitted for use in signature namespace" in desk.refused("approve", "plan.jsonl", "--key", str(eve))
    Path("allowed_signers").unlink()
    assert "There is no file allowed_signers" in desk.refused("approve", "plan.jsonl", "--key", str(eve))
    assert not Path("plan.jsonl.approvals").exists()
    assert not Path(".provisioner").exists()


def rewrite(change: Callable[[str], str]) -> None:
    path = Path("plan.jsonl.approvals")
    path.write_text(change(path.read_text()))
    shutil.rmtree(".provisioner", ignore_errors=True)  # only the file is left


def test_signatures_that_count_for_nothing_are_told_one_by_one(desk: Desk) -> None:
    desk.policy()
    manifest = Path("provisioner.yaml")
    alice = desk.key("alice")
    desk.allow("alice", alice)
    desk.plan()
    desk.approve(alice)
    given, signers = Path("plan.jsonl.approvals").read_text(), Path("allowed_signers").read_text()

    Path("allowed_signers").write_text(f"bob {desk.key('bob').with_suffix('.pub').read_text()}")
    rewrite(lambda _: given)
    assert "alice, " in (told := desk.refused("apply", "plan.jsonl"))
    assert "is not allowed in allowed_signers: No principal matched\n" in told

    Path("allowed_signers").write_text(signers.replace("alice ", 'alice valid-before="20200101" ', 1))
    assert "key has expired" in desk.refused("apply", "plan.jsonl")

    Path("allowed_signers").write_text(signers)
    rewrite(lambda _: given.replace('"expires":null', '"expires":"2020-01-01T00:00:00Z"'))
    assert "it expired on 2020-01-01 00:00:00Z" in desk.refused("apply", "plan.jsonl")

    desk.plan("--planner", "somebody", file="other.jsonl")
    Path("other.jsonl.approvals").write_text(given)
    assert "it is for another plan" in desk.refused("apply", "other.jsonl")
    theirs = given.split('"plan":"')[1][:64]
    mine = desk.run("show", "other.jsonl", "--json")[1].split('"id": "')[1][:64]
    Path("other.jsonl.approvals").write_text(given.replace(theirs, mine))
    assert "the signature is none for this plan" in desk.refused("apply", "other.jsonl")

    rewrite(lambda _: given)
    written = manifest.read_text()
    manifest.write_text(written.replace("allowed_signers}", "allowed_signers, revoked: revoked}"))
    assert "may be revoked: there is no file revoked" in desk.refused("apply", "plan.jsonl")
    subprocess.run([desk.keygen, "-q", "-k", "-f", "revoked", "alice.pub"], check=True)
    assert "is revoked in revoked" in desk.refused("apply", "plan.jsonl")
    manifest.write_text(written)

    plan = Path("plan.jsonl")
    whole = plan.read_bytes()
    plan.write_bytes(whole.replace(b"contoso-example", b"fabrikam-example", 1))
    assert "The plan file is damaged" in desk.refused("apply", "plan.jsonl", code=Exit.STALE)
    plan.write_bytes(whole)
    assert desk.run("apply", "plan.jsonl")[0] == Exit.DONE


def test_a_pull_request_cannot_talk_its_way_past_a_policy_in_a_file(desk: Desk, tmp_path: Path) -> None:
    alice = desk.key("alice")
    desk.allow("alice", alice)
    safe = tmp_path / "safe"
    safe.mkdir()
    shutil.move("allowed_signers", safe)
    (safe / "policy.yaml").write_text(POLICY)
    with Path("provisioner.yaml").open("a") as file:
        file.write("policy: {approvals: {default: 0}}\n")
    policy = ("--policy", str(safe / "policy.yaml"))
    desk.plan()
    assert "made under another policy" in desk.refused("apply", "plan.jsonl", *policy, "--auto-approve")
    desk.plan(*policy)
    assert "made under another policy" in desk.refused("apply", "plan.jsonl", "--auto-approve")
    assert "needs 1" in desk.refused("apply", "plan.jsonl", *policy, "--auto-approve")
    assert "needs 1" in desk.refused("apply", *policy, "--auto-approve")
    assert "made under another policy" in desk.refused("approve", "plan.jsonl", "--key", str(alice))
    desk.approve(alice, *policy)
    assert desk.run("apply", "plan.jsonl", *policy)[0] == Exit.DONE


def test_without_a_key_the_agents_first_signs_else_gits(desk: Desk, agent: Callable[[Path], None]) -> None:
    desk.policy()
    alice, bob = desk.key("alice"), desk.key("bob", "a passphrase")
    desk.allow("alice", alice)
    desk.plan()
    told = desk.refused("approve", "plan.jsonl", code=Exit.ERROR)
    assert "The SSH agent holds no key, and git names no SSH key" in told
    config = Path(os.environ["GIT_CONFIG_GLOBAL"])
    config.write_text(f"[gpg]\n format = ssh\n[user]\n signingkey = {bob.absolute()}.pub\n")
    assert "does not sign" in desk.refused("approve", "plan.jsonl", code=Exit.ERROR)
    config.write_text(f"[gpg]\n format = ssh\n[user]\n signingkey = {alice.absolute()}\n")
    assert "as alice" in desk.run("approve", "plan.jsonl")[1]
    public = alice.with_suffix(".pub").read_text().strip()
    Path("plan.jsonl.approvals").unlink()
    agent(alice)
    assert "as alice" in desk.run("approve", "plan.jsonl")[1]
    assert "as alice" in desk.approve(Path("alice.pub"))
    config.write_text(f'[gpg]\n format = ssh\n[user]\n signingkey = "key::{public}"\n')
    assert desk.run("apply", "plan.jsonl")[0] == Exit.DONE


@pytest.mark.parametrize(
    ("key", "told"), [("nobody", "There is no file nobody."), ("README.md", "The key README.md does not sign: ")]
)
def test_what_is_no_key_is_told(desk: Desk, key: str, told: str) -> None:
    desk.policy()
    desk.plan()
    Path("README.md").write_text("no key")
    assert told in desk.refused("approve", "plan.jsonl", "--key", key, code=Exit.ERROR)
    assert not Path("plan.jsonl.approvals").exists()


def test_a_schedule_begins_what_it_left_once_somebody_signed_it(desk: Desk) -> None:
    desk.policy("separate: true")
    bob = desk.key("bob")
    desk.allow("bob@example.com", bob)
    assert desk.run("reconcile", "--out", "plan.jsonl")[0] == Exit.DONE
    desk.refused("reconcile", "--out", "plan.jsonl", code=Exit.DONE)
    assert "Approved." in desk.approve(bob)
    code, told = desk.run("reconcile", "--out", "plan.jsonl")
    assert (code, "changed  2 subjects" in told) == (Exit.DONE, True), told
    assert not Path("plan.jsonl").exists()
    assert desk.run("plan", "--detailed-exitcode")[0] == Exit.DONE


def test_no_schedule_takes_a_ds_away_whoever_signed_it(desk: Desk) -> None:
    desk.policy()
    bob = desk.key("bob")
    desk.allow("bob@example.com", bob)
    desk.plan()
    with PlanFile.read(Path("plan.jsonl")) as plan:
        entries = [replace(one, rollout=removing(one.rollout)) for one in plan.entries() if one.rollout]
        Path("plan.jsonl").write_bytes(b"".join(encode(plan.header, entries)))
    desk.approve(bob)
    told = desk.refused("reconcile", "--out", "plan.jsonl", code=Exit.DONE)
    assert "The plan plan.jsonl is not begun" in told
    assert "--confirm contoso.example --confirm fabrikam.example" in told


def removing(rollout: Rollout) -> Rollout:
    """Give a rollout whose steps count as such that take a DS away."""
    return replace(rollout, steps=tuple(replace(step, risk=Risk.REMOVE_DS) for step in rollout.steps))
