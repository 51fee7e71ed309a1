"""Who may write to a zone. A lease that lasts for no time at all has expired by the next look at any clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from plans.desired import Subject
from plans.position import EventKind
from plans.values import ZoneRef, name
from provisioner.state import LEASE, Lease, LeasedZone, LeaseHeld, LeaseLost, Mark, Run, State, StateDamaged

A = ZoneRef("cf", "cloudflare", "account", "1", name("a.example"))
B = ZoneRef("cf", "cloudflare", "account", "2", name("b.example"))
PRIVATE_A = ZoneRef("aws", "route53", "account", "1", name("a.example"))
NO_TIME = timedelta(0)


@pytest.fixture
def other(state: State) -> Run:
    return state.begin_run("reconcile", "0.1.0")


@pytest.fixture
def begin(state: State, run: Run) -> Callable[[tuple[Lease, ...]], None]:
    """Record that a write is about to be sent under some leases."""
    rollout = state.start(run, Subject(name("a.example")), "plan", b"{}")
    return lambda leases: (state.record(run, rollout.id, EventKind.BEGUN, 0, {}, leases), None)[1]


def test_zones_are_leased_to_one_run(state: State, run: Run, other: Run) -> None:
    leases = state.acquire(run, [B, A, B], "apply plan.jsonl")
    assert [lease.zone for lease in leases] == [LeasedZone.of(A), LeasedZone.of(B)]
    (who,) = {one.who for one in state.runs()}
    assert {(lease.run, lease.holder, lease.purpose, lease.fencing) for lease in leases} == {
        (run.id, who, "apply plan.jsonl", 1)
    }
    assert {lease.expires - lease.acquired for lease in leases} == {LEASE}
    assert state.leases() == leases
    with pytest.raises(LeaseHeld, match=f"{who} has it since .* for: apply plan.jsonl") as caught:
        state.acquire(other, [A], "reconcile")
    held = caught.value
    assert (held.zone, held.holder, held.purpose, held.expires) == (
        LeasedZone.of(A),
        who,
        "apply plan.jsonl",
        leases[0].expires,
    )
    assert "its lease ends at" in held.mend


def test_all_zones_are_leased_or_none(state: State, run: Run, other: Run) -> None:
    taken = state.acquire(other, [B], "reconcile")
    with pytest.raises(LeaseHeld):
        state.acquire(run, [A, B], "apply")
    assert state.leases() == taken


def test_a_zone_is_known_by_its_identity_whatever_its_label(state: State, run: Run, other: Run) -> None:
    state.acquire(run, [A], "apply")
    with pytest.raises(LeaseHeld):
        state.acquire(other, [ZoneRef("cloudflare-of-contoso", A.type, A.account, A.id, A.name)], "apply")
    assert state.acquire(other, [PRIVATE_A], "apply")


def test_a_run_gets_its_own_lease_again_for_longer(state: State, run: Run) -> None:
    (first,) = state.acquire(run, [A], "one", NO_TIME)
    (again,) = state.acquire(run, [A], "two")
    assert (again.fencing, again.acquired, again.purpose) == (first.fencing, first.acquired, "two")
    assert again.expires >= first.expires + LEASE
    assert state.leases() == (again,)


def test_an_expired_lease_is_taken_over_and_the_old_holder_is_fenced_off(
    state: State, run: Run, other: Run, begin: Callable[[tuple[Lease, ...]], None]
) -> None:
    old = state.acquire(run, [A, B], "apply", NO_TIME)
    assert state.leases() == ()
    (taken,) = state.acquire(other, [A], "reconcile")
    assert (taken.run, taken.fencing) == (other.id, 2)
    before = state.head()
    for attempt in (begin, state.renew):
        with pytest.raises(LeaseLost, match=rf"went to .* \(run {other.id}\) at .*, for: reconcile") as caught:
            attempt(old)
        assert caught.value.zone == LeasedZone.of(A)
    assert state.head() == before
    state.release(old)
    assert state.leases() == (taken,)
    begin(())
    assert state.head().n == before.n + 1


def test_an_expired_lease_begins_nothing_until_it_is_renewed(
    state: State, run: Run, begin: Callable[[tuple[Lease, ...]], None]
) -> None:
    old = state.acquire(run, [A], "apply", NO_TIME)
    with pytest.raises(LeaseLost, match="expired at"):
        begin(old)
    renewed = state.renew(old)
    assert [lease.fencing for lease in renewed] == [1]
    begin(old)
    begin(renewed)
    assert state.leases() == renewed


def test_what_became_of_a_write_is_recorded_with_or_without_a_lease(state: State, run: Run) -> None:
    rollout = state.start(run, Subject(name("a.example")), "plan", b"{}")
    gone = state.acquire(run, [A], "apply", NO_TIME)
    state.record(run, rollout.id, EventKind.SETTLED, 0, {"outcome": "written"}, gone)
    assert len(state.events(rollout.id)) == 1


def test_renewing_is_all_or_nothing(state: State, run: Run, other: Run) -> None:
    a, b = state.acquire(run, [A, B], "apply", NO_TIME)
    state.acquire(other, [B], "reconcile")
    with pytest.raises(LeaseLost):
        state.renew([a, b])
    assert [lease.zone for lease in state.leases()] == [LeasedZone.of(B)]


def test_a_released_zone_is_anybodys_and_its_number_is_not_used_again(state: State, run: Run, other: Run) -> None:
    leases = state.acquire(run, [A], "apply")
    state.release(leases)
    state.release(leases)
    assert state.leases() == ()
    with pytest.raises(LeaseLost, match="was ended"):
        state.renew(leases)
    assert [lease.fencing for lease in state.acquire(other, [A], "reconcile")] == [2]


def test_an_old_number_is_worth_nothing_even_to_the_same_run(
    state: State, run: Run, begin: Callable[[tuple[Lease, ...]], None]
) -> None:
    old = state.acquire(run, [A], "apply")
    state.release(old)
    new = state.acquire(run, [A], "apply")
    for attempt in (begin, state.renew):
        with pytest.raises(LeaseLost, match="was ended"):
            attempt(old)
    state.release(old)
    assert state.leases() == new
    begin(new)


@pytest.mark.parametrize("lasts", [LEASE, NO_TIME], ids=["running", "expired"])
@pytest.mark.parametrize("zone", [A, "A.example"], ids=["zone", "name"])
def test_an_unlocked_zone_is_journalled_and_its_holder_is_fenced_off(
    state: State,
    run: Run,
    other: Run,
    begin: Callable[[tuple[Lease, ...]], None],
    zone: ZoneRef | str,
    lasts: timedelta,
) -> None:
    a, b = state.acquire(run, [A, B], "apply", lasts)
    assert state.unlock(other, zone, "the runner is gone") == (a,)
    assert state.unlock(other, zone, "again") == ()
    *_, entry = state.history()
    assert (entry.run, entry.kind, entry.subject, entry.step) == (other.id, Mark.UNLOCKED, None, None)
    assert entry.body["zone"] == A.name
    assert entry.body["reason"] == "the runner is gone"
    assert (entry.body["holder"], entry.body["run"], entry.body["fencing"]) == (a.holder, run.id, 1)
    for attempt in (begin, state.renew):
        with pytest.raises(LeaseLost, match="was ended, here or by somebody else"):
            attempt((a,))
    assert state.renew((b,))
    assert state.acquire(run, [A], "apply")[0].fencing > a.fencing + 1
    assert state.verify() == ()


def test_unlocking_by_name_ends_the_leases_of_all_zones_of_that_name(state: State, run: Run, other: Run) -> None:
    state.acquire(run, [A, PRIVATE_A, B], "apply")
    assert {lease.zone for lease in state.unlock(other, "a.example", "why not")} == {LeasedZone.of(A), LeasedZone.of(PRIVATE_A)}
    assert [lease.zone for lease in state.leases()] == [LeasedZone.of(B)]
    with pytest.raises(ValueError, match="no domain name"):
        state.unlock(other, "a..example", "why not")


@pytest.mark.parametrize(
    "change", ["zone = '[]'", "zone = '{'", "zone = '{\"type\":1}'", "acquired = 'noon'", "expires = 'some day'"]
)
def test_a_lease_that_somebody_edited_is_damage(state: State, run: Run, raw: Connection, change: str) -> None:
    state.acquire(run, [A], "apply")
    raw.exec_driver_sql(f"UPDATE lease SET {change}")  # noqa: S608 - the changes stand above
    with pytest.raises(StateDamaged, match=r"the lease of 'a\.example\.' is none"):
        state.leases()
