from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import ProviderHolds
from plans.desired import Source, Subject, SubjectKind
from plans.plan import Change, Entry, Filters, Header, Manual, Rollout, SetSigning, Step, Totals
from plans.policy import Finding, Risk, Severity
from plans.values import Mx, ZoneRef, name, rrset
from provisioner.engine import Planning
from provisioner.exits import Exit
from provisioner.planfile import PlanFile
from provisioner.report.exit_code import of_plan
from provisioner.report.lines import Line, Part, line, plain, printable
from provisioner.report.plan_text import plan_lines
from tests.strategies import entries, headers

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OWNER = name("contoso.example")
ZONE = ZoneRef("aws", "route53", "1", "Z1", OWNER)
A = rrset(OWNER, "MX", 3600, [Mx(0, name("a.example")), Mx(10, name("b.example"))])
HEADER = Header(NOW, NOW + timedelta(hours=24), Filters(), (Source("contoso", "graph"),))


def shown(*told: Entry, header: Header = HEADER, next_command: str = "") -> str:
    with PlanFile.record(Planning(header, iter(told))) as plan:
        return text(plan_lines(plan, next_command))


def text(lines: Iterable[Line]) -> str:
    return "\n".join(map(plain, lines))


def entry(*steps: Step, findings: tuple[Finding, ...] = (), subject: Subject | None = None) -> Entry:
    about = subject or Subject(OWNER)
    return Entry(about, "contoso", findings, (), Rollout(about, steps) if steps else None)


def change(before: object, after: object) -> Step:
    made = Change(before, after)  # type: ignore[arg-type]  # tests hand in sets and None
    return Step(Risk.REPLACE_MX, made, ZONE, (), (ProviderHolds(ZONE, A.key, made.after),))


def test_each_kind_of_action_reads_as_what_it_is() -> None:
    told = shown(
        entry(
            change(None, A),
            change(A, replace(A, ttl=60)),
            change(A, None),
            Step(Risk.SIGN, SetSigning(signed=True), ZONE, (ProviderHolds(ZONE, A.key, A),), (ProviderHolds(ZONE, A.key, A),)),
            Step(Risk.UNSIGN, SetSigning(signed=False), ZONE, (), (ProviderHolds(ZONE, A.key, A),)),
            Step(Risk.MANUAL, Manual("Run this.", ("Enable-It",)), None, (), (ProviderHolds(ZONE, A.key, A),)),
        )
    )
    for expected in (
        "  1  replace-mx  + CREATE contoso.example. MX\n       + 0 a.example. ttl=3600\n       + 10 b.example. ttl=3600\n",
        "  2  replace-mx  ± MODIFY-TTL contoso.example. MX\n",
        "  3  replace-mx  - DELETE contoso.example. MX\n       - 0 a.example. ttl=3600\n",
        "     done when   aws, read back, holds no set at contoso.example. MX\n",
        "  4  sign  ± SIGN contoso.example.\n     requires    aws, read back, holds 0 a.example, 10 b.example. (TTL 3600) at",
        "  5  unsign  ± UNSIGN contoso.example.\n",
        "  6  manual  * BY HAND  Run this.\n       Enable-It\n",
        "1 domain, 6 steps: 1 to add, 1 to change, 1 to delete.",
    ):
        assert expected in told


def stopped(code: str, number: int, what: str = "what", severity: Severity = Severity.BLOCK) -> Entry:
    subject = Subject(name(f"d{number:02d}.example"))
    return entry(findings=(Finding(severity, code, subject, what, "mend"),), subject=subject)


def test_a_summary_counts_the_stopped_by_reason_and_names_a_few() -> None:
    told = shown(*(stopped("foreign-mx", number, f"what {number}") for number in range(23)), stopped("null-mx", 99))
    assert "Not planned: 24 blocked\n" in told
    assert "  foreign-mx     23  d00.example, d01.example, d02.example, d03.example and 19 more\n" in told
    assert "  null-mx         1  d99.example\n" in told
    assert "No changes. Nothing can be done before what is named above is mended." in told
    assert told.count("x blocked: foreign-mx") == 23


def of_kind(kind: SubjectKind, domain: str = "contoso.example") -> Entry:
    return entry(subject=Subject(name(domain), kind))


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ([], "No changes. The manifest names no domain."),
        ([SubjectKind.DOMAIN], "No changes. The MX of 1 domain is what Microsoft Graph asks for."),
        (
            [SubjectKind.DOMAIN, SubjectKind.ZONE, SubjectKind.DOMAIN],
            "No changes. The MX of 2 domains is what Microsoft Graph asks for. 1 zone is as the manifest asks.",
        ),
        ([*[SubjectKind.ZONE] * 2, SubjectKind.MAIL_HOST], "No changes. 2 zones, 1 mail host are as the manifest asks."),
    ],
)
def test_what_is_in_sync_is_counted_by_what_it_is(told: list[SubjectKind], line: str) -> None:
    assert shown(*map(of_kind, told)).splitlines()[-1] == line


def test_who_is_stopped_is_not_counted_among_what_is_in_sync() -> None:
    told = shown(of_kind(SubjectKind.ZONE), of_kind(SubjectKind.DOMAIN), stopped("null-mx", 1), stopped("null-mx", 2))
    assert "The MX of 1 domain is what Microsoft Graph asks for. 1 zone is as the manifest asks." in told


def test_a_plan_counts_each_kind_of_subject() -> None:
    kinds = (SubjectKind.ZONE, SubjectKind.DOMAIN, SubjectKind.MAIL_HOST, SubjectKind.MAIL_HOST, SubjectKind.TENANT)
    assert ": 2 domains, 1 zone, 2 mail hosts, 1 step: " in shown(entry(change(None, A)), *map(of_kind, kinds))


def test_domains_of_a_tenant_that_failed_for_one_reason_are_told_once() -> None:
    told = shown(*(stopped("graph-unreadable", number, severity=Severity.ERROR) for number in range(10)))
    assert told.count("x error: graph-unreadable") == 1
    assert "d00.example, d01.example, d02.example, d03.example and 6 more  (tenant contoso)" in told
    assert "  graph-unreadable     10  d00.example" in told


def test_a_partial_plan_says_so() -> None:
    header = replace(HEADER, filters=Filters(("a.*",), ("b.*",)))
    assert "This plan is partial: --domain a.* --exclude-domain b.*" in shown(header=header)


@pytest.mark.parametrize(
    ("totals", "strict", "detailed", "code"),
    [
        (Totals(1, 1), True, True, Exit.DONE),
        (Totals(1, 0, steps=1), False, False, Exit.DONE),
        (Totals(1, 0, steps=1, rollouts=1), False, True, Exit.PENDING),
        (Totals(2, 0, steps=2, rollouts=2, waiting=1), False, True, Exit.PENDING),
        (Totals(2, 0, steps=2, rollouts=2, waiting=2), False, True, Exit.WAITING),
        (Totals(2, 0, steps=2, rollouts=2, waiting=2), False, False, Exit.DONE),
        (Totals(2, 1, blocked=1), False, True, Exit.DONE),
        (Totals(2, 1, blocked=1), True, False, Exit.REFUSED),
        (Totals(2, 0, blocked=2), False, False, Exit.REFUSED),
        (Totals(3, 0, steps=1, blocked=1, failed=1), True, True, Exit.ERROR),
    ],
)
def test_the_exit_code_of_a_plan_is_the_first_that_applies(totals: Totals, strict: bool, detailed: bool, code: Exit) -> None:
    assert of_plan(totals, strict=strict, detailed=detailed) == code


@given(headers, st.lists(entries(), max_size=4))
def test_any_plan_can_be_shown_and_sends_nothing_to_the_terminal(header: Header, told: list[Entry]) -> None:
    assert all(
        character.isprintable() or character == "\n" for character in shown(*told, header=header) if character != "\u00a0"
    )


@pytest.mark.parametrize(
    ("written", "shown_as"),
    [
        ("plain", "plain"),
        ("ümlaut", "ümlaut"),
        ("\x1b[31m", "\\u001b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb", "a\\u000ab"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_could_steer_a_terminal_is_shown_as_its_code(written: str, shown_as: str) -> None:
    assert printable(written) == shown_as
    assert plain(line("x ", Part(written))) == f"x {shown_as}"
