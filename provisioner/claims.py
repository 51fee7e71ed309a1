"""Zones that a run writes to: leased from the state so that no other run does, and one subject at a time within the run."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

from plans.problem import Problem
from plans.values import ZoneRef
from provisioner.state import Heartbeat, Lease, LeaseHeld, Run, State, StateUnavailable

_LOOK_AGAIN = 1.0
"""Seconds between two tries to get a lease that another run has."""


class Interrupted(Problem):
    """Somebody asked this run to stop; nothing more is begun."""

    def __init__(self) -> None:
        super().__init__("The run was interrupted", "Nothing more is begun.", "Go on:  apply the same plan again")


class Claims:
    """Gives zones to one subject at a time.

    `patience` is how long another run's lease is waited for; `stop` ends all waiting.
    """

    def __init__(self, state: State, run: Run, beat: Heartbeat, patience: timedelta, stop: threading.Event) -> None:
        self._state = state
        self._run = run
        self._beat = beat
        self._patience = patience.total_seconds()
        self._stop = stop
        self._locks: defaultdict[ZoneRef, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()

    @contextmanager
    def of(self, zones: Collection[ZoneRef], purpose: str) -> Iterator[tuple[Lease, ...]]:
        """Hold zones. `purpose` is told to those who want them too.

        Raises:
            LeaseHeld: another run has one of them.
            Interrupted: it was waited for, and the run is to stop.
            StateUnavailable: the state cannot be reached.

        """
        with ExitStack() as held:
            for zone in sorted(zones):
                with self._guard:
                    lock = self._locks[zone]
                held.enter_context(lock)
            leases = self._lease(zones, purpose) if zones else ()
            self._beat.add(leases)
            try:
                yield leases
            finally:
                self._beat.drop(leases)
                with suppress(StateUnavailable):  # they end by themselves
                    self._state.release(leases)

    def _lease(self, zones: Collection[ZoneRef], purpose: str) -> tuple[Lease, ...]:
        end = time.monotonic() + self._patience
        while True:
            try:
                return self._state.acquire(self._run, zones, purpose)
            except LeaseHeld:
                left = end - time.monotonic()
                if left <= 0:
                    raise
                if self._stop.wait(min(left, _LOOK_AGAIN)):
                    raise Interrupted from None
