"""The state: runs, rollouts, leases and their journal, kept in a database. Nothing else knows how.

Importing this imports SQLAlchemy, and nothing else does: import it where a command needs it.
"""

from __future__ import annotations

from provisioner.state.heartbeat import Heartbeat
from provisioner.state.journal import Broken, Head, Mark
from provisioner.state.leasing import HEARTBEAT, LEASE
from provisioner.state.problems import (
    LeaseHeld,
    LeaseLost,
    RolloutOpen,
    StateConflict,
    StateDamaged,
    StateUnavailable,
)
from provisioner.state.store import Run, State, who
from provisioner.state.values import HistoryEntry, Lease, LeasedZone, RolloutStatus, StoredRollout, StoredRun, Written

__all__ = [
    "HEARTBEAT",
    "LEASE",
    "Broken",
    "Head",
    "Heartbeat",
    "HistoryEntry",
    "Lease",
    "LeaseHeld",
    "LeaseLost",
    "LeasedZone",
    "Mark",
    "RolloutOpen",
    "RolloutStatus",
    "Run",
    "State",
    "StateConflict",
    "StateDamaged",
    "StateUnavailable",
    "StoredRollout",
    "StoredRun",
    "Written",
    "who",
]
