from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from queue import Queue

import pytest

from plans.values import ZoneRef, name
from provisioner.state import LEASE, Heartbeat, Lease, LeasedZone, LeaseLost, Run, State, StateUnavailable

A = ZoneRef("cf", "cloudflare", "account", "1", name("a.example"))
B = ZoneRef("cf", "cloudflare", "account", "2", name("b.example"))
OFTEN = timedelta(milliseconds=1)
PATIENCE = 30


class Watched(State):
    """A state that tells how each renewal came out."""

    told: Queue[tuple[Lease, ...] | LeaseLost | StateUnavailable]

    def renew(self, leases: Collection[Lease], lasts: timedelta = LEASE) -> tuple[Lease, ...]:
        try:
            renewed = super().renew(leases, lasts)
        except (LeaseLost, StateUnavailable) as problem:
            self.told.put(problem)
            raise
        self.told.put(renewed)
        return renewed

    def next(self) -> tuple[Lease, ...] | LeaseLost | StateUnavailable:
        return self.told.get(timeout=PATIENCE)


@pytest.fixture
def watched(url: str, state: State) -> Watched:
    opened = Watched.open(url, lambda: datetime.now(UTC))
    opened.told = Queue()
    return opened


def test_leases_live_for_as_long_as_the_heart_beats(watched: Watched, run: Run) -> None:
    leases = watched.acquire(run, [A, B], "apply", timedelta(0))
    with Heartbeat(watched, OFTEN) as beat:
        beat.add(leases[:1])
        beat.add(leases[1:])
        while len(renewed := watched.next()) != 2:  # type: ignore[arg-type] # a problem fails here, as it should
            pass
        beat.check()
    assert {lease.zone for lease in watched.leases()} == {LeasedZone.of(A), LeasedZone.of(B)}
    assert isinstance(renewed, tuple)
    watched.close()


def test_a_lost_lease_is_told_at_the_next_check_and_the_others_live_on(watched: Watched, run: Run) -> None:
    a, b = watched.acquire(run, [A, B], "apply", timedelta(0))
    watched.unlock(run, B, "a test")
    with Heartbeat(watched, OFTEN) as beat:
        beat.check()
        beat.add([a, b])
        assert isinstance(watched.next(), LeaseLost)
        renewed = watched.next()
        assert isinstance(renewed, tuple)
        assert [lease.zone for lease in renewed] == [LeasedZone.of(A)]
        for _ in range(2):
            with pytest.raises(LeaseLost) as caught:
                beat.check()
            assert caught.value.zone == LeasedZone.of(B)
    watched.close()


def test_the_last_lease_can_be_lost(watched: Watched, run: Run) -> None:
    leases = watched.acquire(run, [A], "apply", timedelta(0))
    watched.unlock(run, A, "a test")
    with Heartbeat(watched, OFTEN) as beat:
        beat.add(leases)
        assert isinstance(watched.next(), LeaseLost)
    with pytest.raises(LeaseLost):
        beat.check()
    assert watched.told.empty()
    watched.close()


def test_a_dropped_lease_is_renewed_no_more(watched: Watched, run: Run) -> None:
    a, b = watched.acquire(run, [A, B], "apply", timedelta(0))
    with Heartbeat(watched, OFTEN) as beat:
        beat.add([a, b])
        watched.next()
        beat.drop([b, b])
        watched.release([b])
        while len(watched.next()) != 1:  # type: ignore[arg-type] # a problem fails here, as it should
            pass
        beat.check()
    watched.close()


def test_a_state_that_cannot_be_had_for_a_while_is_asked_again(url: str, state: State, run: Run) -> None:
    peeked = Watched.peek(url, lambda: datetime.now(UTC))
    assert peeked
    peeked.told = Queue()
    leases = state.acquire(run, [A], "apply")
    with Heartbeat(peeked, OFTEN) as beat:
        beat.add(leases)
        assert isinstance(peeked.next(), StateUnavailable)
        assert isinstance(peeked.next(), StateUnavailable)
        beat.check()
    peeked.close()
