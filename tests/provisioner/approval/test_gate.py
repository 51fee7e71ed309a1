"""The gate with made-up signatures: their text is the principals; `bad:` ones are nobody's, `old:` ones not any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.approval import Approval, Due, Numbers, Refused, Rejection, Signed, Vote
from plans.policy import Risk
from plans.problem import Problem
from provisioner.approval.gate import Asked, missing, verified
from provisioner.approval.problems import ApprovalMissing, NobodyApproved
from provisioner.approval.signers import Verdict
from provisioner.manifest.model import Approvers, Policy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAN = Asked("a" * 64, Path("plan.jsonl"), "alice", "")
ONE = Policy(approvals=Numbers(1), approvers=Approvers(Path("allowed_signers")))
TWO = replace(ONE, approvals=Numbers(1, {Risk.REMOVE_DS: 2}))
SEPARATE = replace(ONE, separate=True)
FRESH = Due(fresh=frozenset({Risk.SWAP_MX}))
DS = Due(fresh=frozenset({Risk.SWAP_MX, Risk.REMOVE_DS}))
CARRIED = Due(carried=frozenset({Risk.SWAP_MX}), since=NOW - 2 * HOUR)


def verify(_: Approvers, approval: Approval, at: datetime) -> Verdict:
    kind, names = approval.signature.rpartition(":")[::2]
    if kind == "bad" or (kind == "old" and at >= NOW):
        return Refused("the key is in no line")
    return Signed(frozenset(names.split(",")))


def by(names: str, plan: str = PLAN.id, expires: datetime | None = None) -> Approval:
    return Approval(plan, names, names, "", NOW - 3 * HOUR, expires)


def ask(
    policy: Policy, *votes: Approval | Rejection, due: Due = FRESH, plan: Asked = PLAN, auto: bool = False
) -> Problem | None:
    return missing(plan, due, policy, votes, verify, NOW, auto_approve=auto)


@pytest.mark.parametrize(
    ("policy", "due", "votes"),
    [
        (ONE, FRESH, [by("bob")]),
        (ONE, FRESH, [by("alice")]),
        (SEPARATE, FRESH, [by("alice"), by("bob")]),
        (TWO, DS, [by("carol"), by("bob")]),
        (TWO, FRESH, [by("carol")]),
        (ONE, FRESH, [by("bob", expires=NOW + HOUR)]),
        (ONE, CARRIED, [by("bob", expires=NOW)]),
        (ONE, CARRIED, [by("old:bob")]),
        (ONE, Due(), []),
        (Policy(), CARRIED, []),
        (replace(ONE, approvals=Numbers()), FRESH, [by("bob")]),
    ],
)  # fmt: skip
def test_enough_people_approved(policy: Policy, due: Due, votes: list[Approval]) -> None:
    assert ask(policy, *votes, due=due) is None


@pytest.mark.parametrize(
    ("policy", "due", "votes", "told"),
    [
        (ONE, FRESH, [], "has no approvals that count: swap-mx needs 1"),
        (ONE, CARRIED, [], "has no approvals that count: swap-mx needs 1"),
        (SEPARATE, FRESH, [by("alice")], "alice: made the plan (as alice)"),
        (SEPARATE, FRESH, [by("alice@example.com,al")], "al, alice@example.com: made the plan (as alice)"),
        (TWO, DS, [by("bob"), by("bob")], "has 1 approval that counts: remove-ds needs 2"),
        (TWO, DS, [by("bob,rob"), by("rob")], "Counts: bob, rob"),
        (TWO, DS, [by("bob"), by("bad:eve")], "bad:eve, 2026-03-01 09:00:00Z: the key is in no line"),
        (ONE, FRESH, [by("bob", plan="b" * 64)], "it is for another plan, bbbbbbbbbbbb"),
        (ONE, FRESH, [by("bob", expires=NOW)], "it expired on 2026-03-01 12:00:00Z"),
        (ONE, CARRIED, [by("bob", expires=NOW - 2 * HOUR)], "it expired on"),
        (ONE, FRESH, [by("old:bob")], "the key is in no line"),
        (ONE, replace(CARRIED, fresh=FRESH.fresh), [by("old:bob")], "the key is in no line"),
        (replace(ONE, approvers=None), FRESH, [by("bob")], "names no approvers"),
        (Policy(), FRESH, [by("bob")], "asks for nobody's signature"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told(policy: Policy, due: Due, votes: list[Approval], told: str) -> None:
    problem = ask(policy, *votes, due=due)
    assert isinstance(problem, ApprovalMissing)
    assert told in problem.detail
    assert "Nothing was written." in problem.detail
    assert isinstance(problem, NobodyApproved) is (not policy.approvals.default)


def test_under_separate_somebody_must_have_said_who_made_the_plan() -> None:
    problem = ask(SEPARATE, by("bob"), plan=replace(PLAN, planner=""))
    assert isinstance(problem, ApprovalMissing)
    assert "--planner" in problem.mend
    assert ask(replace(SEPARATE, approvals=Numbers()), plan=replace(PLAN, planner=""), auto=True) is None


@pytest.mark.parametrize("due", [FRESH, CARRIED])
def test_a_rejected_plan_is_not_applied_whoever_approved_it(due: Due) -> None:
    no = Rejection(PLAN.id, "ops@host", "not on a Friday", NOW)
    for policy, auto in ((ONE, False), (Policy(), True)):
        problem = ask(policy, by("bob"), no, due=due, auto=auto)
        assert isinstance(problem, ApprovalMissing)
        assert "ops@host rejected it on 2026-03-01 12:00:00Z: not on a Friday" in problem.detail
    assert ask(ONE, by("bob"), replace(no, plan="b" * 64, note=""), due=due) is None
    bare = ask(ONE, replace(no, note=""), due=due)
    assert bare
    assert "12:00:00Z.\n" in bare.detail


@pytest.mark.parametrize(("made", "here"), [("", "1" * 64), ("1" * 64, ""), ("1" * 64, "2" * 64)])
def test_a_plan_that_was_made_under_another_policy_is_refused(made: str, here: str) -> None:
    for policy in (Policy(digest=here), replace(ONE, digest=here)):
        problem = ask(policy, by("bob"), plan=replace(PLAN, policy=made), auto=True)
        assert isinstance(problem, ApprovalMissing)
        assert "--policy FILE" in problem.mend
    assert ask(replace(ONE, digest="1" * 64), by("bob"), plan=replace(PLAN, policy="1" * 64)) is None


def test_auto_approve_stands_for_nobody_whom_the_policy_asks_for() -> None:
    assert isinstance(ask(Policy()), NobodyApproved)
    assert ask(Policy(), auto=True) is None
    assert ask(replace(ONE, approvals=Numbers(1, {Risk.SWAP_MX: 0})), auto=True) is None
    problem = ask(ONE, auto=True)
    assert isinstance(problem, ApprovalMissing)
    assert not isinstance(problem, NobodyApproved)


def test_a_plan_that_was_made_just_now_is_to_be_saved_first() -> None:
    problem = ask(ONE, plan=replace(PLAN, file=None))
    assert problem
    assert "plan --out" in problem.mend


def test_the_approvals_that_stand_are_given_with_the_names_they_were_verified_for() -> None:
    votes: list[Vote] = [by("rob,bob"), by("bad:eve"), by("bob", plan="b" * 64), Rejection(PLAN.id, "x", "", NOW)]
    assert [one.principal for one in verified(PLAN, ONE, votes, verify, NOW)] == ["bob, rob"]
    assert verified(PLAN, Policy(), votes, verify, NOW) == ()


kinds = st.sampled_from(["", "bad:", "old:"])
votes_of = st.lists(st.builds(lambda kind, who: by(kind + who), kinds, st.sampled_from("abcd")), max_size=6)


@given(votes_of, st.integers(1, 3), st.booleans())
def test_a_plan_passes_only_if_as_many_others_as_the_policy_asks_signed_it(
    votes: list[Approval], number: int, separate: bool
) -> None:
    policy = replace(ONE, approvals=Numbers(number), separate=separate)
    signed = {vote.signature for vote in votes if ":" not in vote.signature}
    others = signed - {"a"} if separate else signed
    assert (ask(policy, *votes, plan=replace(PLAN, planner="a"), auto=True) is None) == (len(others) >= number)
