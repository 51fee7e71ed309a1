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
    """Lay out a finding: its mark and code, what is wrong, how to mend it."""
    mark, tone = _MARKS[finding.severity]
    yield line("  ", Part(f"{mark} {_WORDS[finding.severity]}: {finding.code}", tone))
    for told in finding.what.splitlines():
        yield line(f"      {told}")
    for told in finding.mend.splitlines():
        yield line("      ", Part(told, Tone.FAINT))
