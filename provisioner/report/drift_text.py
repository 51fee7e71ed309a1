"""What somebody changed behind our back, for a person and for a program."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from plans.plan import Change
from plans.values import Live, told
from provisioner.drift import Drift, Unread
from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.moment import told as moment
from provisioner.report.problem_text import problem_lines
from provisioner.state.values import Written


def drift_lines(found: Collection[Drift | Unread]) -> Iterator[Line]:
    """Render each difference, and what could not be looked at."""
    for one in found:
        if isinstance(one, Unread):
            yield line(Part(f"{_what(one.wrote)}", Tone.STRONG), "  ", Part("unread", Tone.STOPPED))
            yield from problem_lines(one.problem)
        else:
            yield line(Part(_what(one.wrote), Tone.STRONG), f"  in {one.wrote.zone.name if one.wrote.zone else ''}")
            yield line(
                f"     we wrote    {_told(_wrote(one.wrote))}  ",
                Part(f"{moment(one.wrote.at)}, plan {one.wrote.plan_id[:12]}", Tone.FAINT),
            )
            yield line("     it is now   ", Part(_told(one.live), Tone.CHANGED))
    drifted = sum(isinstance(one, Drift) for one in found)
    unread = len(found) - drifted
    head = (
        Part(f"{drifted} changed behind our back", Tone.WARNED)
        if drifted
        else Part("Nothing was changed behind our back", Tone.GOOD)
    )
    yield line(head, f"; {unread} could not be read." if unread else ".")


def drift_document(found: Collection[Drift | Unread]) -> str:
    """Give the same as one JSON document."""
    drifts = [_object(one) for one in found if isinstance(one, Drift)]
    unread = [
        {"what": _what(one.wrote), "headline": one.problem.headline, "detail": one.problem.detail, "mend": one.problem.mend}
        for one in found
        if isinstance(one, Unread)
    ]
    return json.dumps({"drifts": drifts, "unread": unread}, indent=1) + "\n"


def _object(one: Drift) -> dict[str, Any]:
    return {
        "subject": str(one.wrote.subject),
        "kind": one.wrote.subject.kind,
        "key": str(one.key) if one.key else None,
        "zone": one.wrote.zone.name if one.wrote.zone else None,
        "provider": one.wrote.zone.provider if one.wrote.zone else None,
        "plan": one.wrote.plan_id,
        "at": one.wrote.at.isoformat(),
        "wrote": _told(_wrote(one.wrote)),
        "now": _told(one.live),
    }


def _what(wrote: Written) -> str:
    return str(wrote.change.key) if isinstance(wrote.change, Change) else f"the signing of {wrote.subject}"


def _wrote(wrote: Written) -> Live | bool:
    return wrote.change.after if isinstance(wrote.change, Change) else wrote.change.signed


def _told(live: Live | bool) -> str:  # noqa: FBT001 - what stands there is either
    if isinstance(live, bool):
        return "signed" if live else "not signed"
    return told(live)
