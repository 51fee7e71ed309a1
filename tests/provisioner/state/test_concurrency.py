"""Real processes and threads at one state."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from plans.desired import Subject
from plans.position import EventKind
from plans.values import ZoneRef, name
from provisioner.state import LeaseHeld, RolloutOpen, Run, State

RECORDER = Path(__file__).with_name("recorder.py")
CONTOSO = Subject(name("contoso.com"))


def now() -> datetime:
    return datetime.now(UTC)


def recorder(url: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(RECORDER), url, str(count)], stdout=subprocess.PIPE, text=True)


def test_processes_that_make_one_state_and_record_at_once_never_fork_the_chain(url: str) -> None:
    processes = [recorder(url, 10) for _ in range(10)]
    told = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 10
    assert told == ["".join(f"{step}\n" for step in range(10))] * 10
    with State.open(url, now) as state:
        rollout = state.open_rollout(CONTOSO)
        assert rollout
        assert sorted(event.step for event in state.events(rollout.id)) == sorted([*range(10)] * 10)
        assert state.head().n == 1 + 10 * 10
        assert state.verify() == ()


def test_what_was_recorded_before_a_kill_is_there_and_verifies(url: str) -> None:
    process = recorder(url, 10**6)
    assert process.stdout
    told = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(timeout=60) == -signal.SIGKILL
    with State.open(url, now) as state:
        rollout = state.open_rollout(CONTOSO)
        assert rollout
        state.begin_run("apply", "0.1.0")  # waits for what the dead process had under way
        steps = [event.step for event in state.events(rollout.id)]
        assert steps[: len(told)] == [int(line) for line in told]
        assert len(steps) - len(told) in {0, 1}  # the last one may have been recorded and not yet told
        assert state.verify() == ()
        state.record(state.begin_run("apply", "0.1.0"), rollout.id, EventKind.SETTLED, 0, {})
        assert state.verify() == ()


def test_threads_share_a_state(state: State, run: Run) -> None:
    subjects = [Subject(name(f"d{number}.example")) for number in range(40)]

    def walk(subject: Subject) -> int:
        rollout = state.start(run, subject, "plan", b"{}")
        for step in range(3):
            state.record(run, rollout.id, EventKind.SEEN, step, {})
        state.close_rollout(run, rollout.id, "finished")
        return len(state.events(rollout.id))

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(walk, subjects)) == [3] * 40
    assert state.verify() == ()
    assert state.head().n == 40 * 5


def test_a_state_that_many_make_at_the_same_moment_is_made_once(new_url: Callable[[], str]) -> None:
    for _ in range(5):
        url, ready = new_url(), threading.Barrier(12)

        def start(url: str = url, ready: threading.Barrier = ready) -> str:
            ready.wait()
            with State.open(url, now) as state:
                return state.start(state.begin_run("apply", "0.1.0"), CONTOSO, "plan", b"{}").id

        with ThreadPoolExecutor(12) as threads:
            assert len({started.result() for started in [threads.submit(start) for _ in range(12)]}) == 1
        with State.open(url, now) as state:
            assert state.verify() == ()


def test_of_two_plans_that_start_at_once_one_opens_its_rollout(state: State, run: Run) -> None:
    ready = threading.Barrier(8)

    def start(number: int) -> str:
        ready.wait()
        try:
            return state.start(run, CONTOSO, f"plan-{number}", b"{}").plan_id
        except RolloutOpen as problem:
            return problem.plan_id

    with ThreadPoolExecutor(8) as threads:
        won = set(threads.map(start, range(8)))
    rollout = state.open_rollout(CONTOSO)
    assert rollout
    assert won == {rollout.plan_id}


def test_of_many_runs_that_want_the_same_zones_at_once_one_gets_them_all(state: State) -> None:
    zones = [ZoneRef("cf", "cloudflare", "account", f"z{number}", name(f"z{number}.example")) for number in range(5)]
    runs = [state.begin_run("apply", "0.1.0") for _ in range(16)]
    ready = threading.Barrier(16)

    def acquire(run: Run) -> int:
        ready.wait()
        try:
            return len(state.acquire(run, zones[:: 1 if run.id % 2 else -1], "a test"))
        except LeaseHeld:
            return 0

    with ThreadPoolExecutor(16) as threads:
        got = list(threads.map(acquire, runs))
    assert sorted(got) == [0] * 15 + [5]
    (winner,) = (run for run, count in zip(runs, got, strict=True) if count)
    assert {(lease.run, lease.fencing) for lease in state.leases()} == {(winner.id, 1)}
