"""Signing a plan with an SSH key: a file's, one that the agent holds, or one in hardware."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plans.problem import Problem
from provisioner.approval.keygen import NAMESPACE, ProgramFailed, Ran, held, message, run

PATIENCE = 120.0
"""Seconds for a person to give a passphrase, or to touch a key."""


def sign(plan_id: str, key: Path | None) -> str:
    """Sign a plan's id and give the signature, armored.

    `key` is a file with a private key, or with a public one whose private half the agent holds. None: the first key of the
    agent; where there is none, git's `user.signingkey`.

    Raises:
        Problem: no key can be found, or it does not sign.

    """
    try:
        with _key(key) as file:
            command = ("ssh-keygen", "-Y", "sign", "-f", str(file), "-n", NAMESPACE)
            signed = run(command, message(plan_id), PATIENCE)
            if signed.code != 0:
                raise _failed(f"The key {key or file.name} does not sign: {_complaint(signed)}")
    except ProgramFailed as error:
        raise _failed(f"{error}.") from error
    return signed.out


@contextmanager
def _key(key: Path | None) -> Iterator[Path]:
    """Give the file of the key to sign with. Raises `Problem` and `ProgramFailed`."""
    if key:
        if not key.is_file():
            raise _failed(f"There is no file {key}.")
        yield key.absolute()
        return
    public = _first_of_agent()
    if public:
        with held(public) as file:
            yield file
        return
    said = _of_git()
    if said is None:
        raise _failed("The SSH agent holds no key, and git names no SSH key (gpg.format ssh, user.signingkey).")
    literal = said.removeprefix("key::")
    if literal != said or said.startswith(("ssh-", "sk-", "ecdsa-")):
        with held(f"{literal}\n") as file:
            yield file
        return
    with _key(Path(said)) as file:
        yield file


def _first_of_agent() -> str:
    """Give the public half of the agent's first key; empty: there is no agent, or it holds none."""
    listed = run(("ssh-add", "-L"))
    return f"{listed.out.splitlines()[0]}\n" if listed.code == 0 and listed.out.strip() else ""


def _of_git() -> str | None:
    """Give the file or the public key with which git signs; None: it signs with none of SSH's."""
    try:
        kind = run(("git", "config", "--get", "gpg.format")).out.strip()
        key = run(("git", "config", "--type=path", "--get", "user.signingkey")).out.strip()
    except ProgramFailed:
        return None  # whoever signs plans need not have git
    return key if kind == "ssh" and key else None


def _complaint(signed: Ran) -> str:
    return signed.reason.removeprefix("Signing data on standard input").strip() or f"ssh-keygen ended with {signed.code}"


def _failed(what: str) -> Problem:
    return Problem(
        "The plan cannot be signed",
        f"{what} Nothing was approved.",
        "Name your private key, or a public one whose private half the agent holds:  provisioner approve PLAN --key FILE",
    )
