"""The state: runs, rollouts and their journal, kept in a database. Nothing else knows how.

Importing this imports SQLAlchemy, and nothing else does: import it where a command needs it.
"""

from __future__ import annotations

from provisioner.state.journal import Broken
from provisioner.state.problems import RolloutOpen, StateConflict, StateDamaged, StateUnavailable
from provisioner.state.store import Run, State, StoredRollout

__all__ = [
    "Broken",
    "RolloutOpen",
    "Run",
    "State",
    "StateConflict",
    "StateDamaged",
    "StateUnavailable",
    "StoredRollout",
]
