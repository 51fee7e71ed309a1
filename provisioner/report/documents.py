"""The same values as JSON: one document for a plan, one object a line for an apply."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from plans import codec
from plans.approval import Vote
from provisioner.approval.record import encode
from provisioner.planfile import PlanFile
from provisioner.results import Result


def plan_document(plan: PlanFile, votes: Collection[Vote] = ()) -> Iterator[str]:
    """Give a plan as one JSON document, piece by piece: the lines of its file under keys, its id, and what was said to it."""
    head = json.dumps({"schema": codec.SCHEMA, "id": plan.id})[:-1]
    said = json.dumps([json.loads(encode(vote)) for vote in votes])
    yield f'{head}, "plan": {codec.encode_part(plan.header)}, "totals": {codec.encode_part(plan.totals)}, '
    yield f'"approvals": {said}, "entries": ['
    for number, entry in enumerate(plan.entries()):
        yield f"{',' if number else ''}\n{codec.encode_part(entry)}"
    yield "]}\n"


def result_object(result: Result) -> str:
    """Give one subject's result as a JSON object on one line."""
    told: dict[str, Any] = {
        "subject": str(result.subject),
        "kind": result.subject.kind,
        "standing": result.standing,
        "written": result.written,
    }
    if result.unsure:
        told["unsure"] = True
    if result.problem:
        problem = result.problem
        told["problem"] = {"headline": problem.headline, "detail": problem.detail, "mend": problem.mend}
    if result.waiting:
        told["waiting"] = json.loads(codec.encode_part(result.waiting))
    if result.waits:
        told["unmet"] = [
            {"condition": str(one.condition), "why": one.why, "until": one.until and one.until.isoformat()}
            for one in result.waits.unmet
        ]
    if result.held:
        told["held"] = {"why": result.held.why, "until": result.until and result.until.isoformat()}
    return json.dumps(told) + "\n"
