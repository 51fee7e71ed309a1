"""What a reconcile tells a program: one JSON object a line, each with `event`; `provisioner schema events` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from provisioner.reconciled import Place, Reconciled


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong: a headline, what happened and where, and the next command to type."""

    headline: str
    detail: str
    mend: str


@dataclass(frozen=True, slots=True)
class SubjectEvent:
    """One subject was looked at, and this is where it stands.

    `kind` is domain, zone, mail-host or tenant. `code` is that of the finding which stopped it; `step` is the risk class of
    the step at which it stands, `until` the time (UTC) before which that cannot go on. `written` counts the sets that this run
    wrote for it; `unsure`: one more may have been written, and no answer came.
    """

    subject: str
    kind: str
    tenant: str
    place: Place
    needs_a_person: bool
    providers: tuple[str, ...] = ()
    written: int = 0
    unsure: bool = False
    code: str | None = None
    problem: Trouble | None = None
    step: str | None = None
    until: datetime | None = None
    event: Literal["subject"] = "subject"


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """Steps wait for approval: in which file the plan of them is, its id, and how many there are."""

    file: str
    plan: str
    subjects: int
    steps: int
    event: Literal["pending"] = "pending"


@dataclass(frozen=True, slots=True)
class SummaryEvent:
    """The run is over. `places` counts subjects, `requests` and `throttled` what providers were asked, by operation."""

    subjects: int
    places: Mapping[Place, int]
    written: int
    seconds: Annotated[float, Field(ge=0)]
    requests: Mapping[str, int]
    throttled: Mapping[str, int]
    exit_code: int
    event: Literal["summary"] = "summary"


Event = SubjectEvent | PendingEvent | SummaryEvent


def of_subject(one: Reconciled) -> SubjectEvent:
    """Tell of one subject."""
    problem = one.problem
    return SubjectEvent(
        subject=str(one.subject),
        kind=one.subject.kind,
        tenant=one.tenant,
        place=one.place,
        needs_a_person=one.needs_a_person,
        providers=one.providers,
        written=one.written,
        unsure=one.unsure,
        code=one.code or None,
        problem=Trouble(problem.headline, problem.detail, problem.mend) if problem else None,
        step=one.step.risk if one.step else None,
        until=one.until,
    )


def encode(event: Event) -> str:
    """Give an event's line."""
    return _adapter().dump_json(event).decode() + "\n"


def schema() -> dict[str, Any]:
    """Give the JSON Schema of a line."""
    found = _adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "An event of provisioner reconcile", **found}


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[Event, Field(discriminator="event")])
