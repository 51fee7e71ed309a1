"""What can go wrong with the state."""

from __future__ import annotations

from plans.problem import Problem


class StateUnavailable(Problem):
    """The state cannot be opened, read or written."""


class StateDamaged(StateUnavailable):
    """The state holds something that we did not write."""


class StateConflict(Problem):
    """Another run changed a rollout in the meantime."""


class RolloutOpen(StateConflict):
    """A rollout of another plan is open for the same subject; `plan_id` is that plan's."""

    def __init__(self, headline: str, detail: str, mend: str, plan_id: str) -> None:
        super().__init__(headline, detail, mend)
        self.plan_id = plan_id
