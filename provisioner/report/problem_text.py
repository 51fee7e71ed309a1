"""A problem as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from plans.problem import Problem
from provisioner.report.lines import Line, Part, Tone, line


def problem_lines(problem: Problem) -> Iterator[Line]:
    """Lay out the three parts of a problem."""
    yield line(Part("Error: ", Tone.STOPPED), Part(problem.headline, Tone.STRONG))
    for told in problem.detail.splitlines():
        yield line(f"  {told}")
    for told in problem.mend.splitlines():
        yield line("  ", Part(told, Tone.FAINT))
