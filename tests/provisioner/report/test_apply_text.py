"""What became of an apply, as a person and a program read it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from plans.conditions import GraphAsks, HeldFor, HostResolves, ServedEverywhere, StsAllows
from plans.desired import Subject, SubjectKind
from plans.plan import Change, Step
from plans.policy import Risk
from plans.position import Unmet, Waiting
from plans.problem import Problem
from plans.values import Mx, ZoneRef, name, rrset
from provisioner.exits import Exit
from provisioner.report.apply_text import result_lines, summary_lines
from provisioner.report.documents import result_object
from provisioner.report.exit_code import of_apply
from provisioner.report.lines import plain
from provisioner.results import Held, Result, Standing

OWNER = name("contoso.example")
ZONE = ZoneRef("aws", "route53", "1", "Z1", OWNER)
A, B = (rrset(OWNER, "MX", 3600, [Mx(0, name(f"{host}.example"))]) for host in "ab")
SERVED = ServedEverywhere(OWNER, B.key, B)
LONG = HeldFor(ServedEverywhere(OWNER, A.key, A), 3600)
STEP = Step(Risk.REPLACE_MX, Change(A, B), ZONE, (LONG, HostResolves(name("b.example"))), (SERVED,))
UNTIL = datetime(2026, 11, 24, 3, tzinfo=UTC)
WAITS = Waiting(0, (Unmet(LONG, "seen since", UNTIL), Unmet(HostResolves(name("b.example")), "it has none"), Unmet(SERVED)))
SUBJECT = Subject(OWNER)
Z = Subject(OWNER, SubjectKind.ZONE)
PROBLEM = Problem("It broke", "Here.", "Mend it.")


def told(result: Result) -> str:
    return "\n".join(map(plain, result_lines(result)))


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (Result(SUBJECT, Standing.DONE), "contoso.example  done  nothing written"),
        (Result(SUBJECT, Standing.DONE, 1), "contoso.example  done  1 set written"),
        (Result(Z, Standing.DONE, 2), "zone contoso.example  done  2 sets written"),
        (Result(Z, Standing.DONE, 1, signing=True), "zone contoso.example  done  signing turned on"),
        (Result(Z, Standing.DONE, 2, signing=False), "zone contoso.example  done  1 set written, signing turned off"),
        (
            Result(Z, Standing.FAILED, unsure=True),
            "zone contoso.example  failed  nothing written, and one of which nobody knows yet",
        ),
        (Result(Subject(OWNER, SubjectKind.MAIL_HOST), Standing.STALE), "mail host contoso.example  stale  nothing written"),
        (
            Result(SUBJECT, Standing.INTERRUPTED, 1, unsure=True),
            "contoso.example  interrupted  1 set written, and one of which nobody knows yet",
        ),
    ],
)
def test_a_result_is_a_line(result: Result, line: str) -> None:
    assert told(result) == line


def test_what_policy_holds_back_is_told_with_its_reason() -> None:
    held = Result(
        SUBJECT, Standing.WAITING, waiting=STEP, held=Held("policy.freeze in p.yaml:3 lets nothing be written", UNTIL)
    )
    assert told(held).endswith("     held by     policy.freeze in p.yaml:3 lets nothing be written")
    assert json.loads(result_object(held))["held"] == {
        "why": "policy.freeze in p.yaml:3 lets nothing be written",
        "until": "2026-11-24T03:00:00+00:00",
    }
    assert (held.until, Result(SUBJECT, Standing.DONE).until) == (UNTIL, None)


def test_what_went_wrong_is_told_with_its_mend() -> None:
    text = told(Result(SUBJECT, Standing.FAILED, 0, PROBLEM))
    assert all(part in text for part in ("It broke", "Here.", "Mend it."))


def test_what_waits_says_at_which_step_what_for_and_until_when() -> None:
    text = told(Result(SUBJECT, Standing.WAITING, waiting=STEP, waits=WAITS))
    assert "  waits at  replace-mx  ± MODIFY contoso.example. MX" in text
    assert text.splitlines()[4:] == [
        f"     waits for   {LONG}: not before 2026-11-24 03:00:00Z",
        "     waits for   b.example. has an address at its authoritative servers: it has none",
        "     done when   every server of contoso.example. serves exactly this at contoso.example. MX",
    ]


def test_a_name_has_no_final_dot_before_punctuation() -> None:
    at_the_end, within = GraphAsks(OWNER, name("b.example")), StsAllows(OWNER, (name("a.example"), name("b.example")))
    step = replace(STEP, requires=(at_the_end, within))
    waits = Waiting(0, (Unmet(at_the_end, "it asks for c.example., not known yet"), Unmet(within, "it is closed")))
    text = told(Result(SUBJECT, Standing.WAITING, waiting=step, waits=waits))
    assert "still asks for b.example. at contoso.example: it asks for c.example, not known yet\n" in text
    assert "policy of contoso.example, if there is one, allows a.example, b.example, and has for long enough: it is" in text


def test_what_a_run_wrote_before_counts_as_well() -> None:
    first, then = Result(Z, Standing.WAITING, 1, signing=True), Result(Z, Standing.DONE, 1)
    assert then.after(None) == then
    assert then.after(first) == Result(Z, Standing.DONE, 2, signing=True)
    assert replace(then, signing=False).after(first).signing is False


@pytest.mark.parametrize(
    ("results", "line"),
    [
        ([], "Apply complete. 0 domains: nothing to do; 0 written."),
        ([Result(SUBJECT, Standing.DONE, 2)], "Apply complete. 1 domain: 1 done; 2 written."),
        (
            [Result(SUBJECT, Standing.DONE, 2), Result(SUBJECT, Standing.WAITING), Result(SUBJECT, Standing.LOCKED)],
            "Apply incomplete. 3 domains: 1 done, 1 waiting, 1 locked; 2 written.",
        ),
        (
            [Result(SUBJECT, Standing.DONE, 2), Result(Subject(SUBJECT.name, SubjectKind.ZONE), Standing.DONE, 1)],
            "Apply complete. 1 domain, 1 zone: 2 done; 3 written.",
        ),
    ],
)
def test_the_whole_is_a_line(results: list[Result], line: str) -> None:
    assert [plain(one) for one in summary_lines(results)] == [line]


def test_a_result_as_json_has_what_is_printed() -> None:
    whole = Result(SUBJECT, Standing.WAITING, 1, PROBLEM, STEP, WAITS, unsure=True)
    read = json.loads(result_object(whole))
    assert result_object(whole).endswith("}\n")
    assert (read["subject"], read["kind"], read["standing"], read["written"]) == ("contoso.example", "domain", "waiting", 1)
    assert read["problem"] == {"headline": "It broke", "detail": "Here.", "mend": "Mend it."}
    assert (read["unsure"], read["waiting"]["risk"]) == (True, "replace-mx")
    assert [(one["why"], one["until"]) for one in read["unmet"]] == [
        ("seen since", "2026-11-24T03:00:00+00:00"),
        ("it has none", None),
        ("", None),
    ]
    assert set(json.loads(result_object(Result(SUBJECT, Standing.DONE)))) == {"subject", "kind", "standing", "written"}


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([Result(SUBJECT, Standing.LOCKED), Result(SUBJECT, Standing.STALE)], Exit.LOCKED),
        ([Result(SUBJECT, Standing.LOCKED), Result(SUBJECT, Standing.DONE, 1)], Exit.PARTIAL),
        ([Result(SUBJECT, Standing.FAILED, unsure=True)], Exit.PARTIAL),
        ([Result(SUBJECT, Standing.INTERRUPTED), Result(SUBJECT, Standing.LOCKED)], Exit.INTERRUPTED),
        ([Result(SUBJECT, Standing.INTERRUPTED, 3), Result(SUBJECT, Standing.FAILED)], Exit.INTERRUPTED),
    ],
)
def test_a_run_that_was_stopped_locked_out_or_unsure_has_its_own_exit_code(results: list[Result], code: Exit) -> None:
    assert of_apply(results) == code
