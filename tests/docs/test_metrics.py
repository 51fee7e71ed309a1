"""What docs/metrics.md and the example alerts say is what the program writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from plans.desired import Subject
from plans.policy import Risk
from plans.values import name
from provisioner.reconciled import NEEDS_A_PERSON, Place
from provisioner.report.events import schema
from provisioner.report.metrics import RunFacts, metrics
from provisioner.webhook import WORDS

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs" / "metrics.md").read_text()
RULES = yaml.safe_load((ROOT / "examples" / "schedules" / "alerts.yaml").read_text())["groups"][0]["rules"]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = RunFacts(
    places={Place.IN_SYNC: 1},
    rollouts={Risk.ADD_MX: 1},
    asked={Subject(name("a.example")): NOW},
    requests={"cloudflare:list": 2},
    throttled={"cloudflare:list": 1},
    written=1,
    seconds=1.5,
    ended=NOW,
    exit_code=0,
    good=NOW,
)
FAMILIES: Mapping[str, Metric] = {family.name: family for family in text_string_to_metric_families(metrics(FACTS))}


def labels(of: str) -> set[str]:
    return {label for sample in FAMILIES[of].samples for label in sample.labels}


def rows(head: str) -> Iterator[list[str]]:
    """Give the cells of the table with a head."""
    body = TOLD.split(f"{head}\n", 1)[1].split("\n\n", 1)[0]
    for row in body.splitlines()[1:]:
        yield [cell.strip() for cell in row.strip("|").split("|")]


def test_the_table_has_what_is_written() -> None:
    told = {
        row[0].strip("`"): (row[1], set(re.findall(r"`(\w+)`", row[2])), row[3])
        for row in rows("| metric | type | labels | meaning | unit |")
    }
    assert told == {of: (family.type, labels(of), family.documentation) for of, family in FAMILIES.items()}


def test_a_time_and_a_duration_are_in_seconds() -> None:
    for row in rows("| metric | type | labels | meaning | unit |"):
        assert ("_seconds" in row[0]) == ("seconds" in row[4])
        assert ("_timestamp_" in row[0]) == ("since 1970" in row[4])


def test_the_places_are_all_there_and_tell_whom_they_need() -> None:
    told = [(row[0].strip("`"), row[1]) for row in rows("| `place` | needs a person | what it means |")]
    assert told == [(place, "yes" if place in NEEDS_A_PERSON else "no") for place in Place]
    assert {sample.labels["place"] for sample in FAMILIES["provisioner_subjects"].samples} == set(Place)


@pytest.mark.parametrize("of", schema()["$defs"].values(), ids=schema()["$defs"])
def test_each_event_and_its_fields_are_explained(of: Mapping[str, Mapping[str, object]]) -> None:
    section = TOLD.split("## Events")[1].split("## Webhook")[0]
    fields = of.get("properties", {})
    kind = fields.get("event", {})
    (part,) = re.findall(rf"^- `{kind['const']}`.*?(?=^- |\Z)", section, re.DOTALL | re.MULTILINE) if kind else (section,)  # type: ignore[index] # a mapping it is
    assert {field for field in fields if f"`{field}`" not in part} <= {"event"}


def test_each_word_of_a_webhook_is_explained() -> None:
    section = TOLD.split("## Webhook")[1]
    assert set(re.findall(r"`\$(\w+)`", section)) == set(WORDS)


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_is_about_what_is_written(rule: Mapping[str, object]) -> None:
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert re.fullmatch(r"\d+[mhd]", str(rule.get("for", "1m")))
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    expression, annotations = str(rule["expr"]), rule["annotations"]
    used = re.findall(r"provisioner_\w+", expression)
    assert used
    assert set(used) <= set(FAMILIES)
    assert expression.count("(") == expression.count(")")
    for places in re.findall(r'place=~?"([^"]*)"', expression):
        assert set(places.split("|")) <= set(Place)
    assert isinstance(annotations, dict)
    assert set(annotations) == {"summary", "description"}
    known = {"instance", *(label for of in used for label in labels(of))}
    named = re.findall(r"\{\{ \$labels\.(\w+) \}\}", "".join(annotations.values()))
    assert set(named) <= known
    assert rule["alert"] == "ProvisionerMissing" or "absent" not in expression


def test_no_two_alerts_have_one_name() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
