"""What all fuzzers share: a reader, the inputs that it is given, and the tally of what came of them.

What a reader may do with an input: take it, or refuse it with one of its own errors, within `PATIENCE`. All else is a fault:
any other exception or warning (a `MemoryError` where memory is limited), an endless wait, or an accepted value that does not
come back from its own written form.
"""

from __future__ import annotations

import hashlib
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import Pool

CORPUS = Path(__file__).parent / "corpus"
PATIENCE = 20.0
"""Seconds for one input, far beyond what any takes on a busy machine."""
BATCH = 200
"""Inputs that are drawn from one seed."""

Read = Callable[[bytes], bool]
"""Hands an input to a reader, and says whether it took it; checks that an accepted value comes back from its written form."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Something that reads what others wrote.

    `opened` gets it ready; `inputs` gives what it is given; `refusals` are the errors with which it may refuse. `few` is how
    many inputs it takes in about a second.
    """

    name: str
    opened: Callable[[], AbstractContextManager[Read]]
    inputs: Callable[[], st.SearchStrategy[bytes]]
    refusals: tuple[type[Exception], ...]
    few: int = BATCH

    @property
    def corpus(self) -> list[Path]:
        """The files with inputs that are kept for it."""
        return kept(self.name)


def kept(name: str) -> list[Path]:
    """Give the files with inputs that are kept for a reader: samples, and each input that once broke something."""
    return sorted(path for path in (CORPUS / name).glob("*") if path.is_file())


def samples(name: str) -> Pool:
    """Give the inputs that are kept for a reader."""
    return Pool(path.read_bytes() for path in kept(name))


class Hangs(BaseException):
    """A reader did not come back in time. No `except Exception` may swallow it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An input, what it broke, and where."""

    octets: bytes
    what: str

    @property
    def name(self) -> str:
        """A file name for the input."""
        return f"fault-{hashlib.sha256(self.octets).hexdigest()[:12]}"


@dataclass(slots=True)
class Tally:
    """What came of the inputs of one reader. `slowest` is the most time of the processor that one took, in seconds."""

    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """How many inputs were read."""
        return self.accepted + self.refused


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `Hangs` in the main thread where the block takes longer."""

    def ring(_: int, __: FrameType | None) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def tried(reader: Reader, read: Read, octets: bytes, tally: Tally, patience: float = PATIENCE) -> None:
    """Give one input to a reader and count it. Raises whatever is a fault."""
    began = time.process_time()
    try:
        with within(patience):
            taken = read(octets)
    except reader.refusals:
        taken = False
    finally:
        tally.slowest = max(tally.slowest, time.process_time() - began)
    tally.accepted += taken
    tally.refused += not taken


def replay(reader: Reader) -> Tally:
    """Give a reader all inputs that are kept for it."""
    tally = Tally()
    with reader.opened() as read:
        for path in reader.corpus:
            with _noting(tally, [path.read_bytes()]):
                tried(reader, read, path.read_bytes(), tally)
    return tally


def fuzz(reader: Reader, first_seed: int, inputs: int, seconds: float | None = None) -> Tally:
    """Give a reader so many inputs, or all that fit into a time in seconds; the same seed draws the same ones."""
    tally = Tally()
    end = time.monotonic() + seconds if seconds is not None else None
    number = first_seed
    with reader.opened() as read:
        drawn = reader.inputs()
        while (time.monotonic() < end) if end is not None else (number - first_seed) * BATCH < inputs:
            _batch(reader, read, drawn, tally, number, BATCH if end is not None else min(BATCH, inputs))
            number += 1
    return tally


def _batch(reader: Reader, read: Read, drawn: st.SearchStrategy[bytes], tally: Tally, number: int, inputs: int) -> None:
    """Draw some inputs from one seed. The first that breaks something is made as small as can be, and ends it."""
    last = [b""]

    @seed(number)
    @settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(drawn)
    def once(octets: bytes) -> None:
        last[0] = octets
        tried(reader, read, octets, tally)

    with _noting(tally, last):
        once()


@contextmanager
def _noting(tally: Tally, last: list[bytes]) -> Iterator[None]:
    """Note what broke, and with which input, instead of raising it."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever comes out of a reader is what is looked for
        where = traceback.extract_tb(error.__traceback__)
        told = "".join(traceback.format_exception_only(error)).strip().splitlines()[0]
        tally.faults.append(Fault(last[0], f"{told}\n" + "".join(traceback.format_list(where[-4:]))))
