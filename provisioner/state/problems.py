"""What can go wrong with the state."""

from __future__ import annotations

from datetime import datetime

from plans.problem import Problem
from provisioner.state.values import Lease, LeasedZone


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


class LeaseHeld(Problem):
    """Another run may write to the zone, until `expires` (UTC) if it does not renew its lease."""

    def __init__(self, held: Lease) -> None:
        super().__init__(
            f"another run is at work on the zone {held.zone.name.rstrip('.')}",
            f"{held.holder} has it since {held.acquired:%Y-%m-%d %H:%M:%SZ} for: {held.purpose} (run {held.run}).",
            f"Type the same command again when it is done. If it died, its lease ends at {held.expires:%H:%M:%SZ}; or now:  "
            f"provisioner unlock {held.zone.name.rstrip('.')} --reason TEXT",
        )
        self.zone: LeasedZone = held.zone
        self.holder: str = held.holder
        self.purpose: str = held.purpose
        self.expires: datetime = held.expires


class LeaseLost(Problem):
    """The run's lease of the zone ended, or went to another run; nothing more may be written to the zone by it."""

    def __init__(self, zone: LeasedZone, why: str) -> None:
        super().__init__(
            f"this run may no longer write to the zone {zone.name.rstrip('.')}",
            f"Its lease {why}.",
            "Type the same command again: what was written is recognised.",
        )
        self.zone = zone
