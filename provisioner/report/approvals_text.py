"""What was said to a plan, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from plans.approval import Approval, Rejection, Vote
from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.moment import told


def approval_lines(plan_id: str, planner: str, votes: Sequence[Vote]) -> Iterator[Line]:
    """Render approvals and rejections as they were recorded, nothing where there are none: only `apply` verifies them."""
    if not votes:
        return
    made = f" Made by {planner}." if planner else ""
    yield line(Part("Said to this plan", Tone.STRONG), f" (apply verifies each signature).{made}")
    for vote in votes:
        note = f"  {vote.note}" if vote.note else ""
        other = "" if vote.plan == plan_id else f", but another plan, {vote.plan[:12]}"
        match vote:
            case Approval():
                until = f" until {told(vote.expires)}" if vote.expires else ""
                yield line(f"  approved{other} by {vote.principal or 'somebody'}, {told(vote.at)}{until}{note}")
            case Rejection():
                yield line("  ", Part(f"rejected{other} by {vote.by}", Tone.STOPPED), f", {told(vote.at)}{note}")
            case _ as never:
                assert_never(never)
