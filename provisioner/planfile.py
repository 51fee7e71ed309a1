"""Plans on disk: written whole or not at all, and read from a private copy, so that what was verified is what is applied."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from plans import codec
from plans.plan import Entry, Header, Totals
from plans.problem import Problem
from provisioner.engine import Planning
from provisioner.files import write_whole

_CHUNK = 2**20


class PlanFile:
    """A whole plan in a file that nobody else sees. A context manager: the copy goes when it ends."""

    def __init__(self, copy: _Copy, header: Header, seal: codec.Seal) -> None:
        self._copy = copy
        self.header = header
        self.totals: Totals = seal.totals
        self.id: str = seal.digest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._copy.close()

    @classmethod
    def read(cls, path: Path) -> PlanFile:
        """Copy a plan file and verify the copy.

        Raises:
            PlanDamaged: it is not as it was written.
            PlanSchemaUnknown: another version wrote it.
            Problem: it cannot be read, or the copy cannot be kept.

        """
        copy = _Copy()
        try:
            with path.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    copy.add(chunk)
            header, seal = codec.verify(copy.lines())
        except OSError as error:
            copy.close()
            raise _unreadable(path, error) from error
        except BaseException:
            copy.close()
            raise
        return cls(copy, header, seal)

    @classmethod
    def record(cls, planning: Planning) -> PlanFile:
        """Make a plan: each entry is written down as it is found. Raises `Problem`."""
        with Spool(planning.header) as spool:
            for entry in planning.entries:
                spool.add(entry)
            return spool.plan()

    def entries(self) -> Iterator[Entry]:
        """Give the subjects that have steps or findings, in the order of the file."""
        return (item for item in codec.decode(self._copy.lines()) if isinstance(item, Entry))

    def write(self, path: Path) -> None:
        """Write the plan to a file of the user's. Raises `Problem`."""
        write_whole(path, self._copy.lines())


class Spool:
    """A plan in the making. A context manager: what did not become a plan goes when it ends. Raises `Problem` as it grows."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._copy = _Copy()
        self._writer = codec.Writer(header)
        self._copy.add(self._writer.header())
        self._whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._whole:
            self._copy.close()

    def add(self, entry: Entry) -> None:
        """Write one entry down."""
        self._copy.add(self._writer.entry(entry))

    def plan(self) -> PlanFile:
        """Give the plan of all that was written down."""
        self._copy.add(self._writer.end())
        self._copy.flush()
        self._whole = True
        return PlanFile(self._copy, self._header, self._writer.seal)


class _Copy:
    """The octets of a plan in a file without a name, where the system keeps what is temporary.

    Raises:
        Problem: there is no room for it.

    """

    def __init__(self) -> None:
        with _room():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the plan

    def add(self, octets: bytes) -> None:
        with _room():
            self._file.write(octets)

    def flush(self) -> None:
        with _room():
            self._file.flush()

    def lines(self) -> Iterator[bytes]:
        """Give its lines; iterations over one plan do not disturb each other."""
        self.flush()
        position = 0
        while line := self._line_at(position):
            position += len(line)
            yield line

    def _line_at(self, position: int) -> bytes:
        self._file.seek(position)
        return self._file.readline(codec.MAX_LINE + 1)

    def close(self) -> None:
        with suppress(OSError):  # what is not on the disk yet goes with it
            self._file.close()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Problem(
            "There is no room for the plan while it is in use",
            f"{tempfile.tempdir or 'Temporary files'}: {error.strerror or error}.",
            "Free space there, or name another folder for temporary files:  export TMPDIR=FOLDER",
        ) from error


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(
        f"The plan file {path} cannot be read",
        f"{error.strerror or error}.",
        "Make a plan:  provisioner plan --out FILE",
    )
