"""What can be wrong with a command line, and how a run is stopped."""

from __future__ import annotations

from plans.problem import Problem


class UsageError(Problem):
    """The command line says nothing that can be done."""


class Interrupted(Problem):
    """Somebody stopped the run."""
