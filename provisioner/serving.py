"""By which servers zones are served, of providers that never change it for a zone: asked once in a zone's life.

Of others nothing is remembered. A zone that is deleted and made anew has another id: what is known of the old one is not
used for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from plans.values import Name, ZoneRef

if TYPE_CHECKING:
    from provisioner.state import State


class Serving:
    """What providers told in this run, and what a state keeps of earlier ones. Several threads may use it."""

    def __init__(self) -> None:
        self._told: dict[ZoneRef, frozenset[Name]] = {}
        self._state: State | None = None
        self._writes = False

    @contextmanager
    def kept_in(self, state: State, *, writes: bool) -> Iterator[None]:
        """Use what a state keeps until the block ends; `writes`: it is to keep what is told as well. Raises as it does."""
        self._state, self._writes = state, writes
        try:
            yield
            self.keep()
        finally:
            self._state = None

    def recall(self, zones: Collection[ZoneRef]) -> Mapping[ZoneRef, frozenset[Name]]:
        """Give the servers of those of the zones of which they are known. Raises as the state does."""
        known = {zone: self._told[zone] for zone in zones if zone in self._told}
        left = [zone for zone in zones if zone not in known]
        return {**known, **self._state.servers(left)} if self._state and left else known

    def learn(self, zone: ZoneRef, servers: frozenset[Name]) -> None:
        """Take note of what a provider said."""
        self._told[zone] = servers

    def keep(self) -> None:
        """Let the state have what was told since, where there is one that is written. Raises as the state does."""
        if self._state and self._writes and self._told:
            told, self._told = self._told, {}
            self._state.keep_servers(told)
