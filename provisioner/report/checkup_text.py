"""What a check-up found, for a person and for a program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from provisioner.checkup import Check, Standing
from provisioner.report.lines import Line, Part, Tone, line

_TONES = {
    Standing.OK: Tone.GOOD,
    Standing.WARNING: Tone.WARNED,
    Standing.FAULT: Tone.STOPPED,
    Standing.UNKNOWN: Tone.WARNED,
    Standing.SKIPPED: Tone.FAINT,
}
_WIDTH = max(map(len, Standing)) + 2
_WIDEST_NAME = 40
"""A longer name has its own width; the others are not moved for it."""


def checkup_lines(checks: Sequence[Check]) -> Iterator[Line]:
    """Render a row for each check, what to do below it, and what it comes to."""
    width = min(max((len(check.name) for check in checks), default=0), _WIDEST_NAME) + 2
    for check in checks:
        first, *more = check.found.splitlines()
        yield line(
            Part(check.standing.ljust(_WIDTH), _TONES[check.standing]), Part(check.name.ljust(width), Tone.STRONG), first
        )
        for told in more:
            yield line(" " * _WIDTH, told)
        for told in check.mend.splitlines():
            yield line(" " * _WIDTH, Part(told, Tone.FAINT))
    counts = Counter(check.standing for check in checks)
    told = ", ".join(f"{counts[standing]} {standing}" for standing in Standing if counts[standing])
    healthy = not counts[Standing.FAULT]
    head = Part("Nothing found at fault: ", Tone.GOOD) if healthy else Part("Something is at fault: ", Tone.STOPPED)
    yield ()
    yield line(head, f"{told}.")


def checkup_document(checks: Sequence[Check]) -> str:
    """Give all checks as one JSON document."""
    rows = [{"check": check.name, "standing": check.standing, "found": check.found, "mend": check.mend} for check in checks]
    faults = sum(check.standing is Standing.FAULT for check in checks)
    return json.dumps({"faults": faults, "checks": rows}, indent=1) + "\n"
