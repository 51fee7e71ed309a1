"""What became of an apply, as a person reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.plan_text import condition_text, counted_subjects, step_lines, subject_text
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
    written = {0: "nothing written", 1: "1 set written"}.get(result.written, f"{result.written} sets written")
    if result.unsure:
        written += ", and one of which nobody knows yet"
    yield line(
        Part(subject_text(result.subject), Tone.STRONG), "  ", Part(result.standing, _TONES[result.standing]), f"  {written}"
    )
    if result.problem:
        yield from problem_lines(result.problem)
    if result.waiting:
        yield from step_lines("waits at", result.waiting)
        for unmet in result.waits.unmet if result.waits else ():
            told = f"not before {unmet.until:%Y-%m-%d %H:%M:%SZ}" if unmet.until else unmet.why
            if told:
                words = condition_text(unmet.condition, result.waiting)
                yield line("     waits for   ", words, Part(f": {told}", Tone.WARNED))
        if result.held:
            yield line("     held by     ", Part(result.held.why, Tone.WARNED))


def summary_lines(results: Collection[Result]) -> Iterator[Line]:
    """Render what the whole came to."""
    counts = Counter(result.standing for result in results)
    written = sum(result.written for result in results)
    told = ", ".join(f"{counts[standing]} {standing}" for standing in Standing if counts[standing]) or "nothing to do"
    complete = not counts.keys() - {Standing.DONE}
    head = Part("Apply complete. ", Tone.GOOD) if complete else Part("Apply incomplete. ", Tone.STOPPED)
    yield line(head, f"{counted_subjects(Counter(result.subject.kind for result in results))}: {told}; ", f"{written} written.")
