"""Whether a plan may be applied: the one place in which policy, approvals and rejections meet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from plans.approval import Approval, Due, Refused, Rejection, Signed, Vote, people
from plans.policy import Risk
from plans.problem import Problem
from provisioner.approval.problems import ApprovalMissing, NobodyApproved
from provisioner.approval.signers import Verdict, Verify
from provisioner.manifest.model import Approvers, Policy

_SHORT = 12
"""Digits of a plan's id that messages show."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A plan for which approval is asked: its id, its file (None: it was made just now), and what its header says."""

    id: str
    file: Path | None
    planner: str
    policy: str

    def __str__(self) -> str:
        return f"Plan {self.id[:_SHORT]}"

    @property
    def mend(self) -> str:
        """The command by which somebody approves it."""
        if self.file is None:
            return "Save a plan, and have it approved:  provisioner plan --out PLAN;  provisioner approve PLAN"
        return f"Have it approved:  provisioner approve {self.file}"


def missing(
    plan: Asked, due: Due, policy: Policy, votes: Sequence[Vote], verify: Verify, now: datetime, *, auto_approve: bool = False
) -> Problem | None:
    """Say what is missing before a plan may be applied; None: nothing is.

    `due` says what of it needs approval, `verify` whose the signatures among the `votes` are. `NobodyApproved` is given where
    the policy asks for no signature, and there is none, and `auto_approve` does not stand for one.
    """
    if not (due.fresh or due.carried):
        return None
    refused = another_policy(plan, policy) or rejected(plan, votes)
    if refused:
        return refused
    asked = policy.approvals.asked(due.fresh), policy.approvals.asked(due.carried)
    if any(asked) and (impossible := nobody_may(plan, policy)):
        return impossible
    for needed, at in zip(asked, (now, due.since or now), strict=True):
        if needed:
            count = _Count(plan, policy, votes, verify, at)
            if max(needed.values()) > len(count.people):
                return _too_few(plan, needed, count)
    if not due.fresh or asked[0] or auto_approve or _Count(plan, policy, votes, verify, now).people:
        return None
    return NobodyApproved(
        "Nobody approved the plan",
        f"{plan} has no approval that counts, and the policy asks for nobody's signature. Nothing was written.",
        plan.mend,
    )


def lapsed(
    plan_id: str, risks: Collection[Risk], since: datetime, policy: Policy, votes: Sequence[Vote], verify: Verify, now: datetime
) -> ApprovalMissing | None:
    """Say why a rollout that has begun at a time may not be walked on without a new approval; None: it may.

    Who made the plan was looked at when it began, and is not known any more.
    """
    if policy.unattended.issuperset(risks):
        return None
    plan = Asked(plan_id, None, "", policy.digest)
    refused = rejected(plan, votes)
    if refused:
        return refused
    if now >= since + policy.carry:
        return ApprovalMissing(
            "The approval of the rollout has lapsed",
            f"It has begun on {since:%Y-%m-%d %H:%M:%SZ}, and {policy.rule('carry')} carries an approval no longer.",
            plan.mend,
        )
    needed = policy.approvals.asked(risks)
    count = _Count(plan, replace(policy, separate=False), votes, verify, since) if needed else None
    return _too_few(plan, needed, count) if count and max(needed.values()) > len(count.people) else None


def another_policy(plan: Asked, policy: Policy) -> ApprovalMissing | None:
    """Say that a plan was made under another policy than the one that holds here; None: it was not."""
    if plan.policy == policy.digest:
        return None
    made = f"the policy file with SHA-256 {plan.policy[:_SHORT]}…" if plan.policy else "the manifest's policy"
    here = f"the policy file with SHA-256 {policy.digest[:_SHORT]}…" if policy.digest else "the manifest's"
    return ApprovalMissing(
        "The plan was made under another policy",
        f"{plan} was made under {made}; what holds here is {here}. Nothing was written.",
        "Name the same file to all commands about a plan:  --policy FILE",
    )


def rejected(plan: Asked, votes: Sequence[Vote]) -> ApprovalMissing | None:
    """Say that somebody rejected a plan; None: nobody did."""
    found = next((vote for vote in votes if isinstance(vote, Rejection) and vote.plan == plan.id), None)
    if found is None:
        return None
    note = f": {found.note}" if found.note else "."
    return ApprovalMissing(
        "The plan was rejected",
        f"{found.by} rejected it on {found.at:%Y-%m-%d %H:%M:%SZ}{note}\nWhoever approved it, it is not applied.",
        "Make a new plan:  provisioner plan --out FILE",
    )


def nobody_may(plan: Asked, policy: Policy) -> ApprovalMissing | None:
    """Say why no signature under a plan could ever count; None: some could."""
    if policy.approvers is None:
        return ApprovalMissing(
            "Nobody may approve the plan",
            f"{policy.rule('approvals')} asks for approvals of {plan}, and names no approvers. Nothing was written.",
            "Name a file of allowed signers in the policy:  approvers: {file: allowed_signers}",
        )
    if policy.separate and not plan.planner:
        return ApprovalMissing(
            "Nobody knows who made the plan",
            f"{policy.rule('separate')} asks for somebody else's, and {plan} does not say who made it. Nothing was written.",
            "Make a plan that says it:  provisioner plan --planner NAME --out FILE",
        )
    return None


class _Count:
    """Who approved a plan, as of a time, and why the other signatures count for nothing."""

    def __init__(self, plan: Asked, policy: Policy, votes: Sequence[Vote], verify: Verify, at: datetime) -> None:
        self.rule = policy.rule("approvals")
        judged = list(_judged(plan, policy, votes, verify, at))
        signed = [verdict for _, verdict in judged if isinstance(verdict, Signed)]
        self.refused = [f"{_told(approval)}: {verdict.why}" for approval, verdict in judged if isinstance(verdict, Refused)]
        everybody = people(signed)
        self.people = people(signed, plan.planner) if policy.separate else everybody
        own = f"made the plan (as {plan.planner}), and `separate` wants somebody else"
        self.refused += [f"{_names(person)}: {own}" for person in everybody if person not in self.people]


def verified(plan: Asked, policy: Policy, votes: Sequence[Vote], verify: Verify, now: datetime) -> tuple[Approval, ...]:
    """Give the approvals of a plan whose signatures stand, each with the principals that it was verified for."""
    return tuple(
        replace(approval, principal=_names(verdict.principals))
        for approval, verdict in _judged(plan, policy, votes, verify, now)
        if isinstance(verdict, Signed)
    )


def _judged(
    plan: Asked, policy: Policy, votes: Sequence[Vote], verify: Verify, at: datetime
) -> Iterator[tuple[Approval, Verdict]]:
    if policy.approvers is None:
        return
    for approval in votes:
        if isinstance(approval, Approval):
            yield approval, _verdict(plan, policy.approvers, approval, verify, at)


def _verdict(plan: Asked, approvers: Approvers, approval: Approval, verify: Verify, at: datetime) -> Verdict:
    if approval.plan != plan.id:
        return Refused(f"it is for another plan, {approval.plan[:_SHORT]}")
    if approval.expires and at >= approval.expires:
        return Refused(f"it expired on {approval.expires:%Y-%m-%d %H:%M:%SZ}")
    return verify(approvers, approval, at)


def _too_few(plan: Asked, needed: Mapping[Risk, int], count: _Count) -> ApprovalMissing:
    has = len(count.people)
    lacking = ", ".join(f"{risk} needs {number}" for risk, number in needed.items() if number > has)
    first = f"{plan} has {_counted(has)} that {'counts' if has == 1 else 'count'}: {lacking} ({count.rule})."
    return ApprovalMissing(
        "The plan is not approved" if not has else "The plan is not approved by enough people",
        "\n".join(_explained(first, count)),
        plan.mend,
    )


def _explained(first: str, count: _Count) -> Iterator[str]:
    yield f"{first} Nothing was written."
    yield from (f"Counts: {_names(person)}" for person in count.people)
    yield from (f"Counts for nothing: {why}" for why in count.refused)


def _told(approval: Approval) -> str:
    return f"{approval.principal or 'somebody'}, {approval.at:%Y-%m-%d %H:%M:%SZ}"


def _names(person: frozenset[str]) -> str:
    return ", ".join(sorted(person))


def _counted(number: int) -> str:
    return "1 approval" if number == 1 else f"{number or 'no'} approvals"
