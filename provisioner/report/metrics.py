"""What a reconcile tells Prometheus: a file for the node exporter's textfile collector.

The form is the text exposition format (https://prometheus.io/docs/instrumenting/exposition_formats/): times are seconds since
1970, so that the age of what they tell goes on growing when no run comes any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from plans.desired import Subject
from plans.policy import Risk
from provisioner.reconciled import Place


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run in numbers.

    `places` counts subjects, `rollouts` the open ones by the class of the step at which they stand, `asked` says since when a
    person has been asked to do a manual step, `requests` and `throttled` count by operation. `good` is when the last run ended
    whose exit code was 0; None: none has.
    """

    places: Mapping[Place, int]
    rollouts: Mapping[Risk, int]
    asked: Mapping[Subject, datetime]
    requests: Mapping[str, int]
    throttled: Mapping[str, int]
    written: int
    seconds: float
    ended: datetime
    exit_code: int
    good: datetime | None


_Samples = Sequence[tuple[Mapping[str, str], float]]


def metrics(run: RunFacts) -> str:
    """Render a run's numbers."""
    return "".join(_families(run))


def _families(run: RunFacts) -> Iterator[str]:
    yield _family(
        "subjects", "Subjects by where they stand.", [({"place": place}, run.places.get(place, 0)) for place in Place]
    )
    stand = [({"step": risk}, run.rollouts.get(risk, 0)) for risk in Risk]
    yield _family("rollouts", "Open rollouts by the risk class of the step at which they stand.", stand)
    asked = [({"subject": str(one), "kind": one.kind}, since.timestamp()) for one, since in run.asked.items()]
    yield _family("manual_step_asked_timestamp_seconds", "Since when a person is asked to do a step.", asked)
    requests = [(_operation(operation), count) for operation, count in run.requests.items()]
    yield _family("run_requests", "Requests of the last run by provider type and operation.", requests)
    throttled = [(_operation(operation), count) for operation, count in run.throttled.items()]
    yield _family("run_throttled_requests", "Those of them that were answered with a wait.", throttled)
    yield _family("run_written", "Sets that the last run wrote.", [({}, run.written)])
    yield _family("run_duration_seconds", "How long the last run took.", [({}, round(run.seconds, 3))])
    yield _family("run_exit_code", "The exit code of the last run.", [({}, run.exit_code)])
    yield _family("run_timestamp_seconds", "When the last run ended.", [({}, run.ended.timestamp())])
    good: _Samples = [({}, run.good.timestamp())] if run.good else []
    yield _family("success_timestamp_seconds", "When the last run ended that ended with 0.", good)


def _family(name: str, help_text: str, samples: _Samples) -> str:
    head = f"# HELP provisioner_{name} {help_text}\n# TYPE provisioner_{name} gauge\n"
    return head + "".join(f"provisioner_{name}{_labels(labels)} {value}\n" for labels, value in samples)


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _operation(told: str) -> dict[str, str]:
    provider, _, operation = told.rpartition(":")
    return {"provider": provider, "operation": operation}
