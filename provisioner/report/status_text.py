"""Where each rollout stands, as the state alone tells it, for a person and for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from plans.codec import encode_part
from plans.conditions import HeldFor
from plans.plan import Manual, Rollout, Step
from plans.position import Write
from plans.progress import Progress, Wait
from plans.values import Name
from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.moment import told
from provisioner.report.plan_text import action_parts, waits_line
from provisioner.state import StoredRollout


@dataclass(frozen=True, slots=True)
class Status:
    """A rollout that was begun, its steps, how far it is (None: all were seen to be done), and the time of its newest entry."""

    stored: StoredRollout
    rollout: Rollout
    progress: Progress | None
    last: datetime

    @property
    def closed(self) -> str | None:
        """How it came out; None: it is open."""
        return self.stored.outcome


def status_lines(statuses: Iterable[Status], pins: Mapping[Name, Name], now: datetime) -> Iterator[Line]:
    """Render rollouts, one after the other, and below them every pin."""
    count = 0
    for count, status in enumerate(statuses, 1):  # noqa: B007 - it is told at the end
        yield from _rollout(status, now)
    for domain, exchange in pins.items():
        yield line(Part(domain.rstrip("."), Tone.STRONG), f"  pinned to {exchange}")
    yield line(f"{count} {'rollout' if count == 1 else 'rollouts'}, {len(pins)} pinned.")


def _rollout(status: Status, now: datetime) -> Iterator[Line]:
    stored = status.stored
    yield line(
        Part(str(stored.subject), Tone.STRONG),
        f"  ({stored.subject.kind}, plan {stored.plan_id[:12]}, opened {told(stored.opened)})",
    )
    if stored.closed:
        outcome = Part(status.closed or "closed", Tone.GOOD)
        yield line("  ", outcome, f" {told(stored.closed)}")
    elif status.progress is None:
        yield line("  every step was seen to be done; the next apply closes it")
    else:
        yield from _progress(status.rollout, status.progress, now)
    yield line(Part(f"     last entry  {told(status.last)}", Tone.FAINT))
    yield ()


def _progress(rollout: Rollout, progress: Progress, now: datetime) -> Iterator[Line]:
    step = rollout.steps[progress.step]
    place = f"  step {progress.step + 1} of {len(rollout.steps)}  "
    yield line(place, Part(f"since {told(progress.since)}", Tone.FAINT), f"  {step.risk}  ", *action_parts(step))
    if isinstance(step.action, Manual):
        yield from (line("       ", text) for text in step.action.copy)
    if progress.write is not Write.NONE:
        yield line("     its write   ", Part(progress.write, Tone.WARNED))
    if not progress.waits:
        yield line("     waits for   nothing: the next apply goes on")
    for wait in progress.waits:
        yield waits_line(wait.condition, step, _until(wait, now))


def _until(wait: Wait, now: datetime) -> str:
    if wait.since is None or wait.until is None:
        return "not seen so far" if isinstance(wait.condition, HeldFor) else ""
    seen = f"{'confirmed' if wait.confirmed else 'seen'} since {told(wait.since)}"
    return f"until {told(wait.until)}, {seen}" if wait.until > now else f"over since {told(wait.until)}, {seen}"


def status_document(statuses: Iterable[Status], pins: Mapping[Name, Name]) -> Iterator[str]:
    """Give the same as one JSON document, piece by piece."""
    yield '{"rollouts": ['
    for number, status in enumerate(statuses):
        yield f"{',' if number else ''}\n{json.dumps(_object(status))}"
    yield f'], "pins": {json.dumps(pins)}}}\n'


def _object(status: Status) -> dict[str, Any]:
    stored, progress = status.stored, status.progress
    step = status.rollout.steps[progress.step] if progress else None
    return {
        "subject": str(stored.subject),
        "kind": stored.subject.kind,
        "plan": stored.plan_id,
        "opened": stored.opened.isoformat(),
        "closed": stored.closed and stored.closed.isoformat(),
        "outcome": stored.outcome,
        "last": status.last.isoformat(),
        "steps": len(status.rollout.steps),
        "at": progress and step and _position(progress, step),
    }


def _position(progress: Progress, step: Step) -> dict[str, Any]:
    return {
        "step": progress.step + 1,
        "since": progress.since.isoformat(),
        "write": progress.write,
        "does": json.loads(encode_part(step)),
        "waits": _waits(progress.waits),
    }


def _waits(waits: Sequence[Wait]) -> list[dict[str, Any]]:
    return [
        {
            "condition": str(wait.condition),
            "since": wait.since and wait.since.isoformat(),
            "until": wait.until and wait.until.isoformat(),
            "confirmed": wait.confirmed,
        }
        for wait in waits
    ]
