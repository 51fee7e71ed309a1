"""What was measured, kept as JSON lines, and the table that people read."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Where and when it was measured; `load` is how many processes wanted to run before, on average of a minute."""

    day: str
    cores: int
    python: str
    load: float

    @classmethod
    def here(cls) -> Machine:
        """Describe this one."""
        return cls(time.strftime("%Y-%m-%d"), os.cpu_count() or 1, platform.python_version(), round(os.getloadavg()[0], 1))


@dataclass(frozen=True)
class Run:
    """What a program took: seconds of wall and of CPU, peak memory in MiB. `code` is how it ended, `how` how it was run."""

    seconds: float
    cpu: float
    peak: float
    code: int
    how: str


@dataclass(frozen=True)
class Figure:
    """A row as it was measured; `bound` in seconds, `calls` are ours."""

    label: str
    service: str
    zones: int
    ours: Run
    calls: str
    octodns: Run | None = None
    bound: float | None = None
    target: str = ""


def save(path: Path, machine: Machine, figures: Iterable[Figure]) -> None:
    """Write the machine and a line for each figure."""
    lines = [json.dumps(one, ensure_ascii=False) for one in (asdict(machine), *map(asdict, figures))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load(path: Path) -> tuple[Machine, list[Figure]]:
    """Read what `save` wrote."""
    first, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return Machine(**first), [
        Figure(**line | {"ours": Run(**line["ours"]), "octodns": Run(**line["octodns"]) if line["octodns"] else None})
        for line in lines
    ]


_OURS = ["what", "zones", "s", "CPU ms a domain", "MiB", "calls"]
_BESIDE = ["octoDNS: s", "CPU ms a domain", "MiB", "ours / octoDNS", "bound, s", "ours / bound", "target"]


def head() -> list[str]:
    """Give the table's first two lines."""
    columns = [*_OURS, *_BESIDE]
    aligned = ["---" if column in {"what", "calls", "target"} else "---:" for column in columns]
    return [_line(columns), _line(aligned)]


def row(figure: Figure) -> str:
    """Give a figure's line of the table."""
    ours, theirs, bound = figure.ours, figure.octodns, figure.bound
    return _line(
        [
            f"{figure.service}: {figure.label}",
            f"{figure.zones:,}",
            *_cells(ours, figure.zones),
            figure.calls,
            *(_cells(theirs, figure.zones) if theirs else ("", "", "")),
            f"{ours.seconds / theirs.seconds:.2f}" if theirs else "",
            f"{bound:.1f}" if bound else "",
            f"{ours.seconds / bound:.2f}" if bound else "",
            figure.target,
        ]
    )


def _cells(run: Run, zones: int) -> tuple[str, str, str]:
    ended = f" (exit {run.code})" if run.code else ""
    return f"{run.seconds:.1f}{ended}", f"{run.cpu / zones * 1000:.2f}", f"{run.peak:.0f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
