"""What became of an apply, as a person reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.plan_text import counted_subjects, step_lines, subject_text
from provisioner.report.problem_text import problem_lines
from provisioner.results import Result, Standing

_TONES = {
    Standing.DONE: Tone.GOOD,
    Standing.WAITING: Tone.WARNED,
    Standing.LOCKED: Tone.STOPPED,
    Standing.STALE: Tone.STOPPED,
    Standing.FAILED: Tone.STOPPED,
    Standing.REFUSED: Tone.STOPPED,
    Standing.INTERRUPTED: Tone.STOPPED,
}


def result_lines(result: Result) -> Iterator[Line]:
    """Render one subject's result, and why it stopped if it did."""
    yield line(
        Part(subject_text(result.subject), Tone.STRONG),
        "  ",
        Part(result.standing, _TONES[result.standing]),
        f"  {_written(result)}",
    )
    if result.problem:
        yield from problem_lines(result.problem)
    if result.waiting:
        unmet = result.waits.unmet if result.waits else ()
        told = {one.condition: f"not before {one.until:%Y-%m-%d %H:%M:%SZ}" if one.until else one.why for one in unmet}
        yield from step_lines("waits at", result.waiting, told)
        if result.held:
            yield line("     held by     ", Part(result.held.why, Tone.WARNED))


def _written(result: Result) -> str:
    """Say what was written for a subject; the signing of a zone is no set."""
    sets = result.written - (result.signing is not None)
    told = [f"{sets} {'set' if sets == 1 else 'sets'} written"] if sets else []
    if result.signing is not None:
        told.append(f"signing turned {'on' if result.signing else 'off'}")
    if result.unsure:
        told = [*(told or ["nothing written"]), "and one of which nobody knows yet"]
    return ", ".join(told) or "nothing written"


def summary_lines(results: Collection[Result]) -> Iterator[Line]:
    """Render what the whole came to."""
    counts = Counter(result.standing for result in results)
    written = sum(result.written for result in results)
    told = ", ".join(f"{counts[standing]} {standing}" for standing in Standing if counts[standing]) or "nothing to do"
    complete = not counts.keys() - {Standing.DONE}
    head = Part("Apply complete. ", Tone.GOOD) if complete else Part("Apply incomplete. ", Tone.STOPPED)
    yield line(head, f"{counted_subjects(Counter(result.subject.kind for result in results))}: {told}; ", f"{written} written.")
