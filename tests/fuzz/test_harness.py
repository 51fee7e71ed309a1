"""The fuzzers' own harness: it sees what it is there to see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from tests.fuzz.harness import Hangs, Read, Reader, Tally, fuzz, tried


def reader(read: Read) -> Reader:
    @contextmanager
    def opened() -> Iterator[Read]:
        yield read

    return Reader("of a test", opened, lambda: st.binary(max_size=20), (ValueError,))


def picky(octets: bytes) -> bool:
    if len(octets) > 5:
        raise ValueError
    if octets.startswith(b"\x00\x01") or len(octets) == 5:
        raise KeyError(octets[0])
    return True


def test_what_is_no_refusal_is_a_fault_with_the_smallest_input_that_shows_it() -> None:
    tally = fuzz(reader(picky), 1, 200)
    (fault,) = tally.faults
    assert fault.octets in {bytes(5), b"\x00\x01"}
    assert fault.what.startswith("KeyError: 0")
    assert "raise KeyError" in fault.what


def test_the_same_seed_draws_the_same_inputs() -> None:
    seen: list[list[bytes]] = [[], []]
    for one in seen:
        fuzz(reader(lambda octets, one=one: bool(one.append(octets))), 7, 50)  # type: ignore[misc]  # binds the loop's variable
    assert seen[0] == seen[1]
    assert len(seen[0]) == 50


def test_whoever_does_not_come_back_is_fetched() -> None:
    never = threading.Event()
    with pytest.raises(Hangs):
        tried(reader(picky), lambda _: never.wait(), b"", Tally(), patience=0.01)
