"""Real processes and threads at one state."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.desired import Subject
from plans.position import EventKind
from plans.values import name
from provisioner.state import RolloutOpen, State

RECORDER = Path(__file__).with_name("recorder.py")
CONTOSO = Subject(name("contoso.com"))


def recorder(url: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(RECORDER), url, str(count)], stdout=subprocess.PIPE, text=True)


def test_processes_that_make_one_state_and_record_at_once_never_fork_the_chain(url: str) -> None:
    processes = [recorder(url, 15) for _ in range(8)]
    told = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert told == ["".join(f"{step}\n" for step in range(15))] * 8
    with State.open(url, lambda: datetime.now(UTC)) as state:
        rollout = state.open_rollout(CONTOSO)
        assert rollout
        assert sorted(event.step for event in state.events(rollout.id)) == sorted([*range(15)] * 8)
        assert state.verify() == ()


def test_what_was_recorded_before_a_kill_is_there_and_verifies(url: str) -> None:
    process = recorder(url, 10**6)
    assert process.stdout
    told = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(timeout=60) == -signal.SIGKILL
    with State.open(url, lambda: datetime.now(UTC)) as state:
        rollout = state.open_rollout(CONTOSO)
        assert rollout
        steps = [event.step for event in state.events(rollout.id)]
        assert steps[: len(told)] == [int(line) for line in told]
        assert len(steps) - len(told) in {0, 1}  # the last one may have been recorded and not yet told
        assert state.verify() == ()
        state.record(state.begin_run("apply", "0.1.0"), rollout.id, EventKind.SETTLED, 0, {})
        assert state.verify() == ()


def test_threads_share_a_state(state: State) -> None:
    run = state.begin_run("apply", "0.1.0")
    subjects = [Subject(name(f"d{number}.example")) for number in range(40)]

    def walk(subject: Subject) -> int:
        rollout = state.start(subject, "plan", b"{}")
        for step in range(3):
            state.record(run, rollout.id, EventKind.SEEN, step, {})
        state.close_rollout(rollout.id, "finished")
        return len(state.events(rollout.id))

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(walk, subjects)) == [3] * 40
    assert state.verify() == ()


def test_a_state_that_many_make_at_the_same_moment_is_made_once(tmp_path: Path) -> None:
    for number in range(8):
        url, ready = f"sqlite:///{tmp_path}/{number}/state.db", threading.Barrier(12)

        def start(url: str = url, ready: threading.Barrier = ready) -> str:
            ready.wait()
            with State.open(url, lambda: datetime.now(UTC)) as state:
                return state.start(CONTOSO, "plan", b"{}").id

        with ThreadPoolExecutor(12) as threads:
            assert len({started.result() for started in [threads.submit(start) for _ in range(12)]}) == 1


def test_of_two_plans_that_start_at_once_one_opens_its_rollout(state: State) -> None:
    ready = threading.Barrier(8)

    def start(number: int) -> str:
        ready.wait()
        try:
            return state.start(CONTOSO, f"plan-{number}", b"{}").plan_id
        except RolloutOpen as problem:
            return problem.plan_id

    with ThreadPoolExecutor(8) as threads:
        won = set(threads.map(start, range(8)))
    rollout = state.open_rollout(CONTOSO)
    assert rollout
    assert won == {rollout.plan_id}


def test_a_state_that_another_process_holds_while_it_is_made_is_waited_for(url: str, file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        release.start()
        with State.open(url, lambda: datetime.now(UTC)) as state:
            assert state.verify() == ()
        release.join()


@pytest.mark.parametrize("peeks", [True, False])
def test_reading_does_not_wait_for_a_writer(url: str, file: Path, state: State, *, peeks: bool) -> None:
    rollout = state.start(CONTOSO, "plan", b"{}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reader = State.peek(url, lambda: datetime.now(UTC)) if peeks else State.open(url, lambda: datetime.now(UTC))
        assert reader
        with reader:
            assert reader.open_rollout(CONTOSO) == rollout
        other.execute("ROLLBACK")
