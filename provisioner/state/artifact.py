"""What has to outlive a machine without a disk of its own: open rollouts and pins, in a file from one run's state to the next.

    {"schema":1}
    {"rollout":{...}}               an open rollout: its plan's line and what the journal says of its steps, with the times
    {"pin":{...}}                   a domain's pinned host
    {"end":{"digest":"..."}}

The digest is the SHA-256 of all bytes before the last line, in hexadecimal. It finds damage; whoever can write the file can
make another digest, as whoever can write a state's database can write another state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plans.codec import decode_entry
from plans.desired import Subject, SubjectKind
from plans.position import EventKind
from plans.problem import Problem
from plans.values import Name, is_canonical
from provisioner.files import write_whole
from provisioner.state.journal import ORIGINAL, Mark, canonical_json, time_from_text, time_to_text
from provisioner.state.problems import StateUnavailable
from provisioner.state.rollouts import Carried, CarriedEvent
from provisioner.state.store import Run, State
from provisioner.state.values import HistoryEntry

SCHEMA = 1
"""The form of the file that this version reads and writes."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a file holds."""

    rollouts: tuple[Carried, ...]
    pins: Mapping[Name, Name]


def write(state: State, path: Path) -> None:
    """Write a state's open rollouts and pins to a file. Raises `StateUnavailable`."""
    pieces = list(_sealed(_lines(state)))
    try:
        write_whole(path, pieces)
    except Problem as problem:
        mend = "Name a file in a folder that you may write to:  --state-artifact FILE"
        raise StateUnavailable(problem.headline, problem.detail, mend) from problem


def take_over(state: State, run: Run, artifact: Artifact) -> int:
    """Take what a file holds into a state that does not know it, and say of how many rollouts. Raises as `State.take_over`."""
    taken = sum(state.take_over(run, rollout) for rollout in artifact.rollouts)
    known = state.pins()
    for domain, exchange in artifact.pins.items():
        if domain not in known:
            state.pin(run, domain, exchange)
    return taken


def read(path: Path) -> Artifact | None:
    """Read a file; None: there is none.

    Raises:
        StateUnavailable: it cannot be read, or is not as it was written.

    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, f"{error.strerror or error}.") from error
    *lines, last = text.splitlines(keepends=True) or [b""]
    if last != _end(b"".join(lines)):
        raise _unusable(path, "It was cut off or changed: its last line does not fit the lines before it.")
    first, *rest = lines or [b""]
    if first != _line({"schema": SCHEMA}):
        raise _unusable(path, f"It was written by another version of provisioner; this one reads schema {SCHEMA}.")
    try:
        told = [json.loads(line) for line in rest]
        rollouts = tuple(_rollout(one["rollout"]) for one in told if "rollout" in one)
        return Artifact(rollouts, dict(_pin(one["pin"]) for one in told if "rollout" not in one))
    except (ValueError, TypeError, KeyError, AttributeError, Problem) as error:
        raise _unusable(path, "One of its lines is none that this version of provisioner writes.") from error


def _lines(state: State) -> Iterator[bytes]:
    yield _line({"schema": SCHEMA})
    opened = {rollout.id: rollout for rollout in state.open_rollouts()}
    events: dict[str, list[dict[str, Any]]] = {rollout: [] for rollout in opened}
    for entry in state.history():
        if entry.rollout in events and entry.kind not in set(Mark):
            events[entry.rollout].append(_event(entry))
    for rollout in opened.values():
        told = {
            "subject": rollout.subject.name,
            "kind": rollout.subject.kind.value,
            "plan_id": rollout.plan_id,
            "line": rollout.line.decode(),
            "opened": time_to_text(rollout.opened),
            "events": events[rollout.id],
        }
        yield _line({"rollout": told})
    for domain, exchange in state.pins().items():
        yield _line({"pin": {"domain": domain, "exchange": exchange}})


def _event(entry: HistoryEntry) -> dict[str, Any]:
    body = dict(entry.body)
    at = body.pop(ORIGINAL, None) or time_to_text(entry.at)
    return {"kind": str(entry.kind), "step": entry.step, "at": at, "body": body}


def _rollout(told: Mapping[str, Any]) -> Carried:
    line = told["line"].encode()
    subject = Subject(Name(told["subject"]), SubjectKind(told["kind"]))
    entry = decode_entry(line)
    if entry.subject != subject or entry.rollout is None:
        msg = f"the line is about {entry.subject}"
        raise ValueError(msg)
    events = tuple(_carried(event, len(entry.rollout.steps)) for event in told["events"])
    return Carried(subject, str(told["plan_id"]), line, time_from_text(told["opened"]), events)


def _carried(event: Mapping[str, Any], steps: int) -> CarriedEvent:
    step, body = event["step"], event["body"]
    if not isinstance(body, dict) or step not in range(steps):
        msg = f"{event} is no event of a rollout with {steps} steps"
        raise ValueError(msg)
    return CarriedEvent(EventKind(event["kind"]), step, time_from_text(event["at"]), body)


def _pin(told: Mapping[str, str]) -> tuple[Name, Name]:
    domain, exchange = told["domain"], told["exchange"]
    if not (is_canonical(domain) and is_canonical(exchange)):
        msg = f"{domain} or {exchange} is no domain name"
        raise ValueError(msg)
    return Name(domain), Name(exchange)


def _sealed(lines: Iterator[bytes]) -> Iterator[bytes]:
    written = b"".join(lines)
    yield written
    yield _end(written)


def _end(before: bytes) -> bytes:
    return _line({"end": {"digest": hashlib.sha256(before).hexdigest()}})


def _line(value: Mapping[str, Any]) -> bytes:
    return f"{canonical_json(value)}\n".encode()


def _unusable(path: Path, what: str) -> StateUnavailable:
    return StateUnavailable(
        f"The state artifact {path} cannot be used",
        f"{what} Nothing of it was taken, and nothing was written.",
        "Take the artifact of an earlier run; or delete it, and every wait of a rollout that is half done starts again.",
    )
