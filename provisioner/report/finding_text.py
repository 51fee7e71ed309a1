"""A finding as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from plans.policy import Finding, Severity
from provisioner.report.lines import Line, Part, Tone, line

_MARKS = {
    Severity.NOTICE: ("i", Tone.FAINT),
    Severity.WARNING: ("!", Tone.WARNED),
    Severity.BLOCK: ("x", Tone.STOPPED),
    Severity.ERROR: ("x", Tone.STOPPED),
}
_WORDS = {Severity.NOTICE: "notice", Severity.WARNING: "warning", Severity.BLOCK: "blocked", Severity.ERROR: "error"}


def finding_lines(finding: Finding) -> Iterator[Line]:
    """Lay out a finding: its mark and code, who knows of it, what is wrong, how to mend it."""
    mark, tone = ("-", Tone.FAINT) if finding.acknowledged else _MARKS[finding.severity]
    known = "acknowledged " if finding.acknowledged else ""
    yield line("  ", Part(f"{mark} {known}{_WORDS[finding.severity]}: {finding.code}", tone))
    if finding.acknowledged:
        yield line(f"      known: {finding.acknowledged}")
    for told in finding.what.splitlines():
        yield line(f"      {told}")
    for told in finding.mend.splitlines():
        yield line("      ", Part(told, Tone.FAINT))
