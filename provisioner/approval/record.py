"""`PLAN.approvals`: what was said to a plan, beside it, for whoever applies it without the state in which it is kept too.

JSON Lines, a line for each approval or rejection. The file proves nothing: signatures are verified where they are to count.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from plans.approval import Approval, Rejection, Vote
from plans.problem import Problem
from provisioner.approval.problems import ApprovalMissing
from provisioner.files import write_whole

if TYPE_CHECKING:
    from provisioner.state import State  # its import takes a while, and who reads a file alone needs none

LARGEST = 2**20
"""Octets that the file may have."""


def beside(plan_file: Path) -> Path:
    """Give the file that belongs to a plan's."""
    return plan_file.with_name(f"{plan_file.name}.approvals")


def votes(plan_id: str, plan_file: Path | None, state: State | None) -> tuple[Vote, ...]:
    """Give what the state and the file beside the plan say of it, each thing once; the file may tell of other plans too.

    Raises:
        ApprovalMissing: the file is damaged.
        StateUnavailable: the state cannot be read.

    """
    kept = state.approvals(plan_id) if state else ()
    return tuple(dict.fromkeys([*kept, *(read(beside(plan_file)) if plan_file else ())]))


def read(path: Path) -> tuple[Vote, ...]:
    """Read a file of approvals; where there is none, nobody said anything.

    Raises:
        ApprovalMissing: it cannot be read, or a line of it is none that `add` writes.

    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unusable(path, f"{error.strerror or error}.") from error
    if len(content) > LARGEST:
        raise _unusable(path, f"It is larger than {LARGEST // 2**20} MiB.")
    return tuple(_decode(path, number, line) for number, line in enumerate(content.splitlines(keepends=True), 1))


def add(path: Path, vote: Vote) -> None:
    """Add to a file of approvals, or begin one. Raises `ApprovalMissing` as `read` does, and `Problem`."""
    said = read(path)
    if vote in said:
        return
    try:
        write_whole(path, [encode(one) for one in (*said, vote)])
    except Problem as problem:
        mend = "Put the plan into a folder that you may write to, then type the same command again."
        raise Problem(problem.headline, problem.detail, mend) from problem


def _decode(path: Path, number: int, line: bytes) -> Vote:
    vote: Vote | None = None
    with suppress(ValidationError, RecursionError):
        vote = _adapter().validate_json(line, strict=True)
    if vote is None or encode(vote) != line:
        raise _unusable(path, f"Line {number} is no approval as provisioner writes it.")
    return vote


def encode(vote: Vote) -> bytes:
    """Give the line of an approval or a rejection."""
    return _adapter().dump_json(vote) + b"\n"


@cache
def _adapter() -> TypeAdapter[Approval | Rejection]:
    return TypeAdapter(Approval | Rejection)


def _unusable(path: Path, what: str) -> ApprovalMissing:
    return ApprovalMissing(
        f"The approvals in {path} cannot be used",
        f"{what} Nothing of the file was taken.",
        "Delete the file, and have the plan approved again:  provisioner approve PLAN",
    )
