"""What `approve`, `reject`, `show` and `apply` have in common: what was said to a plan, and keeping what is said now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plans.approval import Approval, Vote, due
from plans.problem import Problem
from provisioner.approval import gate, record
from provisioner.approval.gate import Asked
from provisioner.approval.signers import verify
from provisioner.bounds import forbids
from provisioner.cli.clock import now
from provisioner.manifest.model import Manifest
from provisioner.planfile import PlanFile

if TYPE_CHECKING:
    from provisioner.state import Run, State


def asked(plan: PlanFile, file: Path | None) -> Asked:
    """Say for which plan approval is asked; `file` None: it was made just now."""
    return Asked(plan.id, file, plan.header.planner, plan.header.policy)


def said(manifest: Manifest, plan: Asked) -> tuple[Vote, ...]:
    """Give what the state and the file beside the plan hold of approvals and rejections. Raises `Problem`."""
    with _peeked(manifest) as state:
        return record.votes(plan.id, plan.file, state)


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether a plan may be applied: what is missing, if anything is, and what is to be kept once it is.

    `forbidden`: why policy lets nobody apply it now, whoever approved it.
    `approvals` are those that the state does not have yet; `by_option`: nobody signed, and nobody is asked.
    """

    missing: Problem | None = None
    approvals: tuple[Approval, ...] = ()
    by_option: bool = False
    forbidden: Problem | None = None

    def keep(self, state: State, run: Run, plan_id: str) -> None:
        """Record by whose leave a run applies a plan. Raises `StateUnavailable`."""
        for approval in self.approvals:
            state.approve(run, approval)
        if self.by_option:
            state.auto_approve(run, plan_id)


def leave(manifest: Manifest, opened: PlanFile, file: Path | None, *, auto_approve: bool) -> Leave:
    """Look whether a plan may be applied. Raises `Problem`: the state or the file of approvals cannot be read."""
    if not opened.totals.steps:
        return Leave()
    plan, policy, at = asked(opened, file), manifest.policy, now()
    with _peeked(manifest) as state:
        begun = state.begun(plan.id) if state else {}
        kept = state.approvals(plan.id) if state else ()
        votes = record.votes(plan.id, file, state)
    needed = due(opened.entries(), begun, opened.header.expires, policy.carry, at)
    missing = gate.missing(plan, needed, policy, votes, verify, at, auto_approve=auto_approve)
    news = [vote for vote in votes if vote not in kept]
    found = () if missing else gate.verified(plan, policy, news, verify, at)
    by_option = auto_approve and bool(needed.fresh) and not policy.approvals.asked(needed.fresh)
    return Leave(missing, found, by_option, forbids(manifest, opened, begun, at))


def keep(manifest: Manifest, plan_file: Path, vote: Vote) -> None:
    """Keep what somebody says to a plan, in the file beside it and in the state. Raises `Problem`."""
    from importlib.metadata import version

    from provisioner.exits import Exit
    from provisioner.state import State

    record.add(record.beside(plan_file), vote)
    with State.open(manifest.state, now) as state:
        if isinstance(vote, Approval):
            run = state.begin_run("approve", version("provisioner"))
            state.approve(run, vote)
        else:
            run = state.begin_run("reject", version("provisioner"))
            state.reject(run, vote)
        run.finish(Exit.DONE)


@contextmanager
def _peeked(manifest: Manifest) -> Iterator[State | None]:
    """Open the state for reading alone; None: there is none yet. Raises `StateUnavailable`."""
    from provisioner.state import State

    state = State.peek(manifest.state, now)
    with state or nullcontext():
        yield state
