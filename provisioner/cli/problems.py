"""What can be wrong with a command line, or with nobody being there to approve."""

from __future__ import annotations

from plans.problem import Problem


class UsageError(Problem):
    """The command line says nothing that can be done."""


class ApprovalMissing(Problem):
    """Nobody approved the plan."""


class Interrupted(Problem):
    """Somebody stopped the run."""
