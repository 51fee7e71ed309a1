from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import Provisioner


@pytest.fixture
def plan(provisioner: Provisioner, quickstart: Path) -> str:
    assert provisioner("plan", "--out", "plan.jsonl").code == Exit.DONE
    return "plan.jsonl"


def test_json_has_two_names_and_text_is_the_rule(provisioner: Provisioner, plan: str) -> None:
    assert provisioner("show", plan, "--json").out == provisioner("show", plan, "--format", "json").out
    assert provisioner("show", plan).out == provisioner("show", plan, "--format", "text").out


def test_markdown_begins_with_the_marker_of_its_manifest(provisioner: Provisioner, plan: str) -> None:
    ran = provisioner("show", plan, "--format", "markdown", "--manifest", "fleet/eu.yaml")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert ran.out.startswith("<!-- provisioner-plan fleet/eu.yaml -->\n### Plan ")
    assert "<code>contoso.example</code> and 1 more: 1 step, " in ran.out


def test_markdown_tells_who_said_what_to_the_plan(provisioner: Provisioner, plan: str) -> None:
    assert "Said to this plan" not in provisioner("show", plan, "--format", "markdown").out
    assert provisioner("reject", plan, "--note", "<b>not</b> on a Friday").code == Exit.DONE
    told = provisioner("show", plan, "--format", "markdown").out
    assert "#### Said to this plan\n" in told
    assert "&#60;b&#62;not&#60;&#47;b&#62; on a Friday</code>\n" in told


def test_a_form_can_be_set_by_a_variable(provisioner: Provisioner, plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONER_SHOW_FORMAT", "markdown")
    assert provisioner("show", plan).out.startswith("<!-- provisioner-plan provisioner.yaml -->")


@pytest.mark.parametrize(
    "arguments", [("--format", "markdown", "--json"), ("--format", "text", "--json"), ("--format", "html")]
)
def test_two_forms_at_once_or_an_unknown_one_are_wrong_usage(
    provisioner: Provisioner, plan: str, arguments: tuple[str, ...]
) -> None:
    assert provisioner("show", plan, *arguments).code == Exit.USAGE
