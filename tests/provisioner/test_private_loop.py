"""An event loop behind synchronous code."""

from __future__ import annotations

import asyncio
import signal

import pytest

from provisioner.private_loop import PrivateLoop


async def give(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_a_coroutine_is_driven_to_its_end() -> None:
    with PrivateLoop() as loop:
        assert [loop.run(give(1)), loop.run(give(2))] == [1, 2]


def test_it_works_inside_another_event_loop() -> None:
    async def outer() -> int:
        with PrivateLoop() as loop:
            return loop.run(give(3))

    assert asyncio.run(outer()) == 3


def test_what_goes_wrong_inside_is_raised_outside() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with PrivateLoop() as loop, pytest.raises(LookupError):
        loop.run(fail())


def test_a_signal_breaks_a_wait_off_and_cancels_what_was_waited_for() -> None:
    cancelled: list[bool] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    def interrupt(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with PrivateLoop() as loop:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(InterruptedError):
                loop.run(wait())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert cancelled == [True]
