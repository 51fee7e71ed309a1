"""One transaction of the state, as the modules that read and write its tables get it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from provisioner.state.journal import time_to_text
from provisioner.state.problems import StateDamaged


@dataclass(frozen=True, slots=True)
class Transaction:
    """A connection inside a transaction, the clock by which the state lives, and the state's name for messages."""

    connection: Connection
    clock: Callable[[Connection], datetime]
    where: str

    def now(self) -> datetime:
        """Give the time by the state's clock."""
        return self.clock(self.connection)

    def time(self) -> str:
        """Give the time as the tables keep it."""
        return time_to_text(self.now())

    def damaged(self, what: str) -> StateDamaged:
        """Make the problem of a state that holds something that we did not write."""
        return StateDamaged(
            "the state holds something that provisioner did not write",
            f"{self.where}: {what}",
            "Put the last good copy of the state in its place, then type the same command again.",
        )
