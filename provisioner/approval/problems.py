"""What can be missing before a plan may be applied."""

from __future__ import annotations

from plans.problem import Problem


class ApprovalMissing(Problem):
    """The plan may not be applied: somebody's approval is missing, does not count, or was refused."""


class NobodyApproved(ApprovalMissing):
    """The policy asks for nobody's signature, and nobody said yes: a person at a terminal still can."""
