"""What a source of desired state is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Protocol

from plans.desired import GraphAnswer, Source
from plans.problem import Problem
from plans.values import Name


class DesiredSource(Protocol):
    """One tenant's answers."""

    @property
    def source(self) -> Source:
        """Who answers."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """What could not be checked in what was read so far."""
        ...

    def domains(self) -> tuple[Name, ...]:
        """Give every domain that the tenant holds, ascending. Raises `Problem`."""
        ...

    def answers(self, names: Collection[Name]) -> Iterator[tuple[Name, GraphAnswer | Problem]]:
        """Give for each name what Graph says of it, or why it cannot be known: never an empty answer for an unread one."""
        ...

    def release(self) -> None:
        """Let go of what was read, as far as it can be read again without asking anybody."""
        ...

    def refresh(self, now: datetime) -> None:
        """Forget what was read, so that the next question gets new facts; `now` (UTC) is their time of reading, if live."""
        ...
