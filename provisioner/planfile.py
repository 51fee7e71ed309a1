"""Plans on disk: written whole or not at all, and read from a private copy, so that what was verified is what is applied."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from plans import codec
from plans.plan import Entry, Header, Totals
from plans.problem import Problem
from provisioner.engine import Planning
from provisioner.files import write_whole

_CHUNK = 2**20


class PlanFile:
    """A whole plan in a file that nobody else sees. A context manager: the copy goes when it ends."""

    def __init__(self, copy: IO[bytes], header: Header, seal: codec.Seal) -> None:
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
            Problem: it cannot be read.

        """
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the plan
        try:
            with path.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    copy.write(chunk)
            header, seal = codec.verify(_lines(copy))
        except OSError as error:
            copy.close()
            raise _unreadable(path, error) from error
        except BaseException:
            copy.close()
            raise
        return cls(copy, header, seal)

    @classmethod
    def record(cls, planning: Planning) -> PlanFile:
        """Make a plan: each entry is written down as it is found."""
        with Spool(planning.header) as spool:
            for entry in planning.entries:
                spool.add(entry)
            return spool.plan()

    def entries(self) -> Iterator[Entry]:
        """Give the subjects that have steps or findings, in the order of the file."""
        return (item for item in codec.decode(_lines(self._copy)) if isinstance(item, Entry))

    def write(self, path: Path) -> None:
        """Write the plan to a file of the user's. Raises `Problem`."""
        write_whole(path, _lines(self._copy))


class Spool:
    """A plan in the making. A context manager: what did not become a plan goes when it ends."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the plan
        self._writer = codec.Writer(header)
        self._copy.write(self._writer.header())
        self._whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._whole:
            self._copy.close()

    def add(self, entry: Entry) -> None:
        """Write one entry down."""
        self._copy.write(self._writer.entry(entry))

    def plan(self) -> PlanFile:
        """Give the plan of all that was written down."""
        self._copy.write(self._writer.end())
        self._whole = True
        return PlanFile(self._copy, self._header, self._writer.seal)


def _lines(copy: IO[bytes]) -> Iterator[bytes]:
    position = 0
    while line := _line_at(copy, position):
        position += len(line)
        yield line


def _line_at(copy: IO[bytes], position: int) -> bytes:
    """Read the line that begins at an offset; iterations over one plan thus do not disturb each other."""
    copy.seek(position)
    return copy.readline(codec.MAX_LINE + 1)


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(
        f"The plan file {path} cannot be read",
        f"{error.strerror or error}.",
        "Make a plan:  provisioner plan --out FILE",
    )
