"""The main job on the quickstart: plan, approve, apply, read back."""

from __future__ import annotations

import difflib
import json
import re
import sys
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import QUICKSTART, Provisioner, without_journal
from tests.provisioner.cli.golden import assert_golden
from tests.provisioner.cli.terminal import terminal


def changed_lines(folder: Path, zone: str) -> list[str]:
    before = (QUICKSTART / "zones" / zone).read_text().splitlines()
    after = (folder / "zones" / zone).read_text().splitlines()
    return [line for line in difflib.ndiff(before, after) if line[0] in "+-"]


def test_a_plan_tells_every_value_before_and_after(provisioner: Provisioner, quickstart: Path) -> None:
    ran = provisioner("plan", "--out", "plan.jsonl")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert_golden("plan.txt", ran.out)
    assert provisioner("show", "plan.jsonl").out == ran.out
    assert changed_lines(quickstart, "contoso.example.zone") == []


def test_applying_changes_the_mx_lines_and_the_serials_and_nothing_else(provisioner: Provisioner, quickstart: Path) -> None:
    provisioner("plan", "--out", "plan.jsonl")
    ran = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert (ran.code, without_journal(ran.err)) == (Exit.DONE, "")
    assert_golden("apply.txt", ran.out)
    assert changed_lines(quickstart, "fabrikam.example.zone") == [
        "- \t\t\t\t48213      ; serial",
        "+ \t\t\t\t48214      ; serial",
        "- \t\t\tMX\t5 fabrikam-example.mail.eo.outlook.com.",
        "+ \t\t\tMX\t0 fabrikam-example.mail.protection.outlook.com.",
    ]
    contoso = changed_lines(quickstart, "contoso.example.zone")
    assert len(contoso) == 4
    assert re.fullmatch(r"\+ +20\d{8} ; serial", contoso[1])
    assert contoso[3] == "+                 IN  MX    0 contoso-example.o-v1.mx.microsoft. ; Exchange Online"


def test_after_an_apply_nothing_is_to_do(provisioner: Provisioner, quickstart: Path) -> None:
    assert provisioner("apply", "--auto-approve").code == Exit.DONE
    ran = provisioner("plan", "--detailed-exitcode")
    assert (ran.code, ran.out) == (Exit.DONE, "No changes. The MX of 2 domains is what Microsoft Graph asks for.\n")
    again = provisioner("apply")
    assert (again.code, again.out) == (Exit.DONE, ran.out)


def test_a_plan_that_was_applied_is_finished_and_needs_no_approval(provisioner: Provisioner, quickstart: Path) -> None:
    provisioner("plan", "--out", "plan.jsonl")
    provisioner("apply", "plan.jsonl", "--auto-approve")
    zones = [path.read_bytes() for path in sorted((quickstart / "zones").glob("*.zone"))]
    ran = provisioner("apply", "plan.jsonl")
    assert ran.code == Exit.DONE
    assert "2 done; 0 written" in ran.out
    assert [path.read_bytes() for path in sorted((quickstart / "zones").glob("*.zone"))] == zones


def test_the_exit_code_says_whether_something_is_to_do(provisioner: Provisioner, quickstart: Path) -> None:
    assert provisioner("plan").code == Exit.DONE
    assert provisioner("plan", "--detailed-exitcode").code == Exit.PENDING


def test_without_a_terminal_and_without_approval_nothing_is_written(provisioner: Provisioner, quickstart: Path) -> None:
    ran = provisioner("apply")
    assert ran.code == Exit.UNAPPROVED
    assert_golden("apply_unapproved.txt", ran.err)
    assert changed_lines(quickstart, "fabrikam.example.zone") == []
    assert not (quickstart / ".provisioner").exists()


def test_filters_leave_out_and_say_so(provisioner: Provisioner, quickstart: Path) -> None:
    only = provisioner("plan", "--domain", "CONTOSO.*", "--out", "plan.jsonl")
    assert "fabrikam" not in only.out
    assert "This plan is partial: --domain CONTOSO.*" in only.out
    rest = provisioner("plan", "--exclude-domain", "contoso.example")
    assert "contoso.example" not in rest.out.replace("--exclude-domain contoso.example", "").replace("graph/contoso", "")
    assert json.loads(provisioner("show", "plan.jsonl", "--json").out)["plan"]["filters"] == {
        "domains": ["CONTOSO.*"],
        "excluded": [],
        "providers": [],
    }
    none = provisioner("plan", "--domain", "nobody.example")
    assert none.code == Exit.ERROR
    assert "No domain is left to plan" in none.err


def test_json_is_one_document_of_the_same_plan(provisioner: Provisioner, quickstart: Path) -> None:
    ran = provisioner("plan", "--json", "--out", "plan.jsonl")
    document = json.loads(ran.out)
    lines = [json.loads(line) for line in Path("plan.jsonl").read_text().splitlines()]
    assert document["id"] == lines[-1]["end"]["digest"]
    assert document["totals"] == lines[-1]["end"]["totals"]
    assert document["plan"] == lines[0]["plan"]
    assert document["entries"] == [line["entry"] for line in lines[1:-1]]
    assert json.loads(provisioner("show", "plan.jsonl", "--json").out) == document


def test_an_apply_in_json_gives_one_object_a_line(provisioner: Provisioner, quickstart: Path) -> None:
    assert provisioner("apply", "--json").code == Exit.UNAPPROVED
    ran = provisioner("apply", "--json", "--auto-approve")
    assert [json.loads(line) for line in ran.out.splitlines()] == [
        {"subject": "contoso.example", "kind": "domain", "standing": "done", "written": 1},
        {"subject": "fabrikam.example", "kind": "domain", "standing": "done", "written": 1},
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_at_a_terminal_a_person_is_asked_and_only_yes_approves(quickstart: Path) -> None:
    for answer in ("", "y", "Yes", "no"):
        with terminal(["apply"]) as here:
            here.await_text("approval: ")
            here.type(f"{answer}\n")
            assert here.end() == Exit.UNAPPROVED
        assert "Nothing was written" in here.shown
    assert changed_lines(quickstart, "fabrikam.example.zone") == []
    with terminal(["apply"]) as here:
        here.await_text("approval: ")
        here.type("yes\n")
        assert here.end() == Exit.DONE
    assert "2 done; 2 written" in here.shown


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_gets_colour_unless_it_is_unwanted(quickstart: Path) -> None:
    with terminal(["plan"]) as coloured:
        assert coloured.end() == Exit.DONE
    assert "\x1b[32m+ 0 contoso-example.o-v1.mx.microsoft. ttl=3600" in coloured.shown
    for unwanted in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with terminal(["plan"], unwanted) as plain:
            assert plain.end() == Exit.DONE
        assert "\x1b[" not in plain.left
        assert "+ 0 contoso-example.o-v1.mx.microsoft. ttl=3600" in plain.left
