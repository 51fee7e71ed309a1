from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from plans.acknowledgement import UNUSED, Acknowledgement, acknowledged
from plans.desired import Subject, SubjectKind
from plans.plan import Entry, Totals
from plans.policy import Finding, Severity
from plans.values import name

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)
CONTOSO = name("contoso.example")
KNOWN = Acknowledgement(CONTOSO, "foreign-mx", "moves in March", NOW + DAY, "p.yaml:3")


def finding(severity: Severity = Severity.BLOCK, code: str = "foreign-mx", kind: SubjectKind = SubjectKind.DOMAIN) -> Finding:
    return Finding(severity, code, Subject(CONTOSO, kind), "it is", "mend it")


def entry(*findings: Finding) -> Entry:
    return Entry(findings[0].subject if findings else Subject(CONTOSO), "t", findings)


def marked(of: Entry, said: Acknowledgement = KNOWN, now: datetime = NOW) -> Entry:
    (found,) = acknowledged([of], [said], now, whole=False)
    return found


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("kind", [SubjectKind.DOMAIN, SubjectKind.ZONE, SubjectKind.MAIL_HOST])
def test_a_finding_of_that_code_about_that_name_is_marked(severity: Severity, kind: SubjectKind) -> None:
    one = finding(severity, kind=kind)
    found = marked(entry(one))
    assert found == entry(replace(one, acknowledged="p.yaml:3, until 2026-11-25: moves in March"))
    assert found.stopped == one.stops
    assert found.acknowledged == one.stops


@pytest.mark.parametrize(
    ("said", "now"),
    [
        (replace(KNOWN, name=name("fabrikam.example")), NOW),
        (replace(KNOWN, code="alias-at-name"), NOW),
        (KNOWN, NOW + DAY),
    ],
)
def test_no_other_is_and_none_once_its_time_is_over(said: Acknowledgement, now: datetime) -> None:
    assert marked(entry(finding()), said, now) == entry(finding())


def test_what_is_known_counts_as_that_alone() -> None:
    known = marked(entry(finding(), finding(Severity.NOTICE)))
    assert Totals().plus(known) == Totals(subjects=1, acknowledged=1)
    assert Totals().plus(known).proceeding == 0
    other = finding(Severity.ERROR, "zone-unreadable")
    assert Totals().plus(marked(entry(finding(), other))) == Totals(subjects=1, failed=1)
    assert Totals().plus(marked(entry(finding(), replace(other, severity=Severity.BLOCK)))) == Totals(subjects=1, blocked=1)


def test_one_that_fits_nothing_is_told_where_everything_was_looked_at() -> None:
    mine, other = replace(KNOWN, code="gone"), replace(KNOWN, name=name("fabrikam.example"))
    assert len(list(acknowledged([entry(finding())], [KNOWN, mine, other], NOW, whole=False))) == 1
    _, *told = acknowledged([entry(finding())], [KNOWN, mine, other], NOW, whole=True)
    assert [(one.subject.name, [found.code for found in one.findings]) for one in told] == [
        (CONTOSO, [UNUSED]),
        (other.name, [UNUSED]),
    ]
    assert told[0].findings[0].what == "p.yaml:3 acknowledges gone, and no such finding is about contoso.example."
