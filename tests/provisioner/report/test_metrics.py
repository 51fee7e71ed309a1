"""The numbers for Prometheus, read by its own parser."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from plans.desired import Subject, SubjectKind
from plans.policy import Risk
from plans.values import Name, name
from provisioner.reconciled import Place
from provisioner.report.metrics import RunFacts, metrics

ENDED = datetime(2026, 11, 24, 12, tzinfo=UTC)
ASKED = datetime(2026, 11, 20, 12, tzinfo=UTC)
FACTS = RunFacts(
    places={Place.IN_SYNC: 2970, Place.FAILED: 30},
    rollouts={Risk.SWAP_MX: 4, Risk.MANUAL: 1},
    asked={Subject(name("contoso.example"), SubjectKind.ZONE): ASKED},
    requests={"cloudflare:records.list": 12, "route53:ListHostedZonesByName": 1},
    throttled={"cloudflare:records.list": 2},
    written=7,
    seconds=12.3456,
    ended=ENDED,
    exit_code=6,
    good=None,
)


def read(facts: RunFacts) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """Give what Prometheus takes from the text: samples by their labels, by name."""
    return {
        family.name: {frozenset(sample.labels.items()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(metrics(facts))
    }


def labelled(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_prometheus_reads_every_number() -> None:
    found = read(FACTS)
    assert found["provisioner_subjects"][labelled(place="in-sync")] == 2970
    assert set(found["provisioner_subjects"]) == {labelled(place=place) for place in Place}
    assert found["provisioner_rollouts"][labelled(step="swap-mx")] == 4
    assert found["provisioner_rollouts"][labelled(step="sign")] == 0
    assert found["provisioner_manual_step_asked_timestamp_seconds"] == {
        labelled(subject="contoso.example", kind="zone"): ASKED.timestamp()
    }
    assert found["provisioner_run_requests"] == {
        labelled(provider="cloudflare", operation="records.list"): 12,
        labelled(provider="route53", operation="ListHostedZonesByName"): 1,
    }
    assert found["provisioner_run_throttled_requests"] == {labelled(provider="cloudflare", operation="records.list"): 2}
    assert found["provisioner_run_written"] == {frozenset(): 7}
    assert found["provisioner_run_duration_seconds"] == {frozenset(): 12.346}
    assert found["provisioner_run_exit_code"] == {frozenset(): 6}
    assert found["provisioner_run_timestamp_seconds"] == {frozenset(): ENDED.timestamp()}
    assert found["provisioner_success_timestamp_seconds"] == {}


@given(st.text())
def test_no_name_breaks_out_of_its_label(text: str) -> None:
    asked = {Subject(Name(text), SubjectKind.TENANT): ASKED}
    facts = RunFacts({}, {}, asked, {}, {}, 0, 0.0, ENDED, 0, ENDED)
    found = read(facts)["provisioner_manual_step_asked_timestamp_seconds"]
    assert found == {labelled(subject=text.rstrip("."), kind="tenant"): ASKED.timestamp()}
