"""Keeping a run's leases alive while it is at work."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from provisioner.state.leasing import HEARTBEAT
from provisioner.state.problems import LeaseLost, StateUnavailable
from provisioner.state.store import State
from provisioner.state.values import Lease, LeasedZone


class Heartbeat:
    """Renews the leases that it was given, all together and `every` so often, in a thread of its own, until its `with` ends.

    A state that cannot be reached for a while is asked again at the next beat: a lease that expired meanwhile may be had again.
    """

    def __init__(self, state: State, every: timedelta = HEARTBEAT) -> None:
        self._state = state
        self._every = every.total_seconds()
        self._leases: dict[LeasedZone, Lease] = {}
        self._lost: LeaseLost | None = None
        self._lock = Lock()
        self._over = Event()
        self._thread = Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def add(self, leases: Collection[Lease]) -> None:
        """Renew these from now on."""
        with self._lock:
            self._leases |= {lease.zone: lease for lease in leases}

    def drop(self, leases: Collection[Lease]) -> None:
        """Renew these no more. When this returns no renewal of them is under way, so that they can be released."""
        with self._lock:
            for lease in leases:
                self._leases.pop(lease.zone, None)

    def check(self) -> None:
        """See that no lease was lost so far.

        Raises:
            LeaseLost: one was.

        """
        if self._lost:
            raise self._lost

    def _beat(self) -> None:
        while not self._over.wait(self._every):
            with self._lock:
                self._renew()

    def _renew(self) -> None:
        while self._leases:
            try:
                self._state.renew(tuple(self._leases.values()))
            except LeaseLost as lost:
                self._lost = lost
                del self._leases[lost.zone]
            except StateUnavailable:
                return
            else:
                return
