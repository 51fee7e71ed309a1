"""A problem as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from plans.problem import Problem
from provisioner.report.lines import Line, Part, Tone, line


def notice_lines(problem: Problem) -> Iterator[Line]:
    """Lay out what would be a problem for whoever goes on."""
    yield line(Part("Notice: ", Tone.WARNED), problem.headline)
    yield from _rest(problem)


def problem_lines(problem: Problem) -> Iterator[Line]:
    """Lay out the three parts of a problem."""
    yield line(Part("Error: ", Tone.STOPPED), Part(problem.headline, Tone.STRONG))
    yield from _rest(problem)


def _rest(problem: Problem) -> Iterator[Line]:
    for told in problem.detail.splitlines():
        yield line(f"  {told}")
    for told in problem.mend.splitlines():
        yield line("  ", Part(told, Tone.FAINT))
