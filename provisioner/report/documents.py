"""The same values as JSON: one document for a plan, one object a line for an apply."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from plans import codec
from provisioner.planfile import PlanFile
from provisioner.results import Result


def plan_document(plan: PlanFile) -> Iterator[str]:
    """Give a plan as one JSON document, piece by piece: the lines of the plan file, under keys, with its id."""
    head = json.dumps({"schema": codec.SCHEMA, "id": plan.id})[:-1]
    yield f'{head}, "plan": {codec.encode_part(plan.header)}, "totals": {codec.encode_part(plan.totals)}, "entries": ['
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
    if result.problem:
        problem = result.problem
        told["problem"] = {"headline": problem.headline, "detail": problem.detail, "mend": problem.mend}
    if result.waiting:
        told["waiting"] = json.loads(codec.encode_part(result.waiting))
    return json.dumps(told) + "\n"
