"""Files whose names, contents or kinds were made to do harm."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plans.desired import Source, Subject
from plans.plan import Entry, Filters, Header
from plans.policy import Finding, Severity
from plans.values import name
from provisioner.engine import Planning
from provisioner.exits import Exit
from provisioner.planfile import PlanFile
from tests.provisioner.cli.conftest import QUICKSTART, Provisioner

ESCAPES = "\x1b[2J\x07\x7f\u009b31m\u202e\u2066<b>@all`"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def is_inert(text: str) -> bool:
    return all(sign.isprintable() or sign == "\n" for sign in text)


@pytest.fixture
def forged() -> Path:
    """A whole plan whose texts were made by somebody who wants to steer a terminal."""
    subject = Subject(name("contoso.example"))
    finding = Finding(Severity.WARNING, ESCAPES, subject, f"{ESCAPES}\n{ESCAPES}", ESCAPES)
    entries = [Entry(subject, ESCAPES, (replace(finding, severity=severity),)) for severity in Severity]
    header = Header(NOW, NOW + timedelta(hours=24), Filters((ESCAPES,)), (Source("t", ESCAPES),), ESCAPES, "ab")
    with PlanFile.record(Planning(header, iter(entries))) as plan:
        plan.write(Path("forged.jsonl"))
    return Path("forged.jsonl")


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_forged_plan_steers_no_terminal_in_any_form(
    provisioner: Provisioner, quickstart: Path, forged: Path, form: str
) -> None:
    ran = provisioner("show", str(forged), "--format", form, "--manifest", f"{ESCAPES}.yaml")
    assert is_inert(ran.out + ran.err)
    assert "contoso" in ran.out
    if form == "json":
        assert json.loads(ran.out)["entries"][0]["findings"][0]["code"] == ESCAPES


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_names_of_files_steer_no_terminal_and_need_not_be_utf_8(provisioner: Provisioner, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"a\x1b[31m\xff\xe2\x80\xae")
    shutil.copytree(QUICKSTART, folder)
    manifest, plan = str(folder / "provisioner.yaml"), str(folder / "plan.jsonl")
    for arguments, code in (
        (("plan", "--out", plan), Exit.DONE),
        (("apply", plan, "--auto-approve"), Exit.DONE),
        (("status", "--all"), Exit.DONE),
        (("history",), Exit.DONE),
        (("apply", f"{plan}.no"), Exit.ERROR),
    ):
        ran = provisioner(*arguments, "--manifest", manifest)
        assert (ran.code, is_inert(ran.out + ran.err)) == (code, True)


@pytest.mark.parametrize("target", ["secret.key", "/dev/zero", "/dev/stdin"])
def test_an_include_that_is_a_link_shows_nothing_of_another_kind_of_file(
    provisioner: Provisioner, quickstart: Path, target: str
) -> None:
    Path("secret.key").write_text("hidden-in-a-key: 1\n")
    Path("fleet").mkdir()
    Path("fleet/a.yaml").symlink_to(quickstart / target)
    with Path("provisioner.yaml").open("a") as manifest:
        manifest.write("include: [fleet/*.yaml]\n")
    ran = provisioner("validate")
    assert ran.code == Exit.ERROR
    assert "fleet/a.yaml is a link to something that is neither YAML, JSON nor CSV" in ran.err
    assert "hidden" not in ran.err


def test_an_include_that_is_no_file_is_not_waited_for(provisioner: Provisioner, quickstart: Path) -> None:
    os.mkfifo("pipe.yaml")
    with Path("provisioner.yaml").open("a") as manifest:
        manifest.write("include: [pipe.yaml]\n")
    ran = provisioner("validate")
    assert (ran.code, "pipe.yaml is no file" in ran.err) == (Exit.ERROR, True)


def test_an_include_may_be_a_link_to_a_manifests_file(provisioner: Provisioner, quickstart: Path) -> None:
    Path("data").mkdir()
    Path("data/a.yaml").write_text("domains: {linked.example: {tenant: contoso}}\n")
    Path("a.yaml").symlink_to("data/a.yaml")
    with Path("provisioner.yaml").open("a") as manifest:
        manifest.write("include: [a.yaml]\n")
    assert "3 domains" in provisioner("validate").out
