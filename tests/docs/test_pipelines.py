"""The examples of pipelines are run: every script of theirs, in order, against the quickstart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.docs.pipelines import EXAMPLES, QUICKSTART, SYSTEMS, Job, Runner, read

VARIABLES = {
    # GitHub
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://id.example/?a=b",
    "GITHUB_REPOSITORY": "example/mail-dns",
    "GITHUB_SHA": "merged",
    "HEAD_SHA": "head",
    "PR": "7",
    # GitLab
    "AZURE_TOKEN": "t",
    "CI_API_V4_URL": "https://gitlab.example/api/v4",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_SHA": "merged",
    "CI_JOB_TOKEN": "t",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_PROJECT_ID": "1",
    "CI_SERVER_HOST": "gitlab.example",
    "GITLAB_USER_EMAIL": "ann@example.org",
    "NOTE_TOKEN": "t",
    # Azure
    "BUILD_REPOSITORY_ID": "1",
    "BUILD_REQUESTEDFOREMAIL": "ann@example.org",
    "BUILD_SOURCEVERSIONMESSAGE": "Merged PR 7: mail",
    "SYSTEM_COLLECTIONURI": "https://dev.example/",
    "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
    "SYSTEM_TEAMPROJECT": "mail",
    # all
    "PROVISIONER_PACKAGE": "provisioner.whl",
}
PUSH = {"GITHUB_EVENT_NAME": "push", "CI_PIPELINE_SOURCE": "push", "BUILD_REASON": "IndividualCI"}
SCHEDULE = {"GITHUB_EVENT_NAME": "schedule", "CI_PIPELINE_SOURCE": "schedule", "BUILD_REASON": "Schedule"}
APPROVED = {"PROVISIONER_APPLY_AUTO_APPROVE": "1"}
"""Stands for a signature: the policy of the test asks for none, but for somebody's word."""

ALL = pytest.mark.parametrize("example", SYSTEMS)


def jobs_of(example: str) -> dict[str, Job]:
    return {job.name: job for job in SYSTEMS[example](read(example))}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    here = tmp_path / "pipelines"
    here.mkdir()
    summary = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "oidc")}
    return Runner(here, VARIABLES | summary | {"SHA": "", "APPROVALS": "", "REQUEST": ""})


@ALL
def test_an_example_plans_asks_for_approval_applies_that_plan_and_sees_no_drift(example: str, runner: Runner) -> None:
    jobs = jobs_of(example)
    head = {"SHA": "head"} if "github" in example else {}
    runner.database = "gitlab" in example
    assert runner.run(jobs["drift"]) == Exit.PENDING
    assert runner.run(jobs["plan"], CI_PIPELINE_SOURCE="merge_request_event", **head) == 0
    assert runner.run(jobs["apply"], **PUSH) == 0
    assert (runner.folder / "zones" / "contoso.example.zone").read_bytes() == zone_before()
    assert runner.run(jobs["apply"], **SCHEDULE, **APPROVED) == 0
    assert (runner.folder / "zones" / "contoso.example.zone").read_bytes() != zone_before()
    assert runner.run(jobs["drift"]) == 0
    assert runner.run(jobs["apply"], **SCHEDULE) == 0
    codes = [(code, called.split()[0]) for code, called in runner.ran() if not called.startswith("show")]
    again = [(0, "apply")] if runner.database else []  # elsewhere nothing is carried any more
    assert codes == [(2, "plan"), (0, "plan"), (8, "apply"), (0, "apply"), (0, "plan"), *again]
    assert all("--policy" in called for _, called in runner.ran() if called.startswith("apply"))


def zone_before() -> bytes:
    return (QUICKSTART / "zones" / "contoso.example.zone").read_bytes()


@ALL
@pytest.mark.parametrize(
    ("code", "ends"), [(0, 0), (1, 1), (3, 3), (4, 4), (5, 5), (6, 6), (7, 0), (8, 0), (64, 64), (130, 130)]
)
def test_waiting_and_unapproved_are_no_failures_and_everything_else_is(
    example: str, runner: Runner, code: int, ends: int
) -> None:
    (runner.folder / "bin" / "provisioner").write_text(f"#!/bin/sh\nexit {code}\n")
    for kept in ("mail-dns", "apply"):
        (runner.artifacts / kept).mkdir()
        (runner.artifacts / kept / "plan.jsonl").touch()
    assert runner.run(jobs_of(example)["apply"], **SCHEDULE) == ends


@pytest.mark.parametrize(
    ("example", "approve"),
    [
        ("github-actions.yml", {"SHA": "head", "APPROVALS": "signed\n", "GITHUB_EVENT_NAME": "workflow_dispatch"}),
        ("azure-pipelines.yml", {"REQUEST": "7", "APPROVALS": "signed\n", "BUILD_REASON": "Manual"}),
    ],
)
def test_approvals_that_are_handed_over_lie_beside_the_plan_when_it_is_applied(
    example: str, approve: dict[str, str], runner: Runner
) -> None:
    looks = '#!/bin/sh\ncat "$2.approvals" > "$RAN"\n'
    (runner.folder / "bin" / "provisioner").write_text(looks)
    for kept in ("plan", "plan-head"):
        (runner.artifacts / kept).mkdir()
        (runner.artifacts / kept / "plan.jsonl").touch()
    job = jobs_of(example)["apply"]
    given = replace(job, steps=tuple(replace(step, environment={}) for step in job.steps))
    assert runner.run(given, **approve) == 0
    assert Path(runner.environment["RAN"]).read_text().startswith("signed")


@ALL
def test_the_comment_can_be_found_again_by_its_first_line(example: str, runner: Runner) -> None:
    assert runner.run(jobs_of(example)["plan"], CI_PIPELINE_SOURCE="merge_request_event", SHA="head") == 0
    (written,) = runner.folder.glob("plan */main/plan.md")
    assert written.read_text().startswith("<!-- provisioner-plan provisioner.yaml -->\n")


@ALL
def test_nothing_that_others_write_is_pasted_into_a_script(example: str) -> None:
    for job in jobs_of(example).values():
        assert not any("${{" in step.script for step in job.steps)


def test_every_example_is_run_and_explained() -> None:
    assert set(SYSTEMS) == {path.name for path in EXAMPLES.glob("*.yml")}
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"({name})" in text for name in SYSTEMS)


def test_an_option_that_does_not_exist_fails(runner: Runner) -> None:
    job = jobs_of("gitlab-ci.yml")["plan"]
    broken = replace(job.steps[0], script=job.steps[0].script.replace("--out", "--no-such-option"))
    assert runner.run(replace(job, steps=(broken,))) == Exit.USAGE
