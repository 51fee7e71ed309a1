from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given

from plans.approval import Approval, Rejection, Vote
from plans.problem import Problem
from provisioner.approval import record
from provisioner.approval.planner import named
from provisioner.approval.problems import ApprovalMissing
from tests.strategies import votes

PLAN = "a" * 64
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPROVAL = Approval(PLAN, "-----BEGIN SSH SIGNATURE-----\n", "alice", "ok", NOW, NOW + timedelta(hours=1))
NO = Rejection(PLAN, "ops@host", "not on a Friday", NOW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return record.beside(tmp_path / "plan.jsonl")


def test_the_file_lies_beside_the_plan_and_keeps_each_thing_once(file: Path) -> None:
    assert file.name == "plan.jsonl.approvals"
    assert record.read(file) == ()
    for vote in (APPROVAL, NO, APPROVAL):
        record.add(file, vote)
    assert record.read(file) == (APPROVAL, NO)
    assert record.votes(PLAN, file.with_suffix(""), None) == (APPROVAL, NO)
    assert record.votes(PLAN, None, None) == ()


@given(votes)
def test_a_line_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, vote: Vote) -> None:
    file = tmp_path_factory.mktemp("votes") / "plan.approvals"
    record.add(file, vote)
    assert record.read(file) == (vote,)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"alice\n",
        b"\xff\n",
        b"[" * 100_000 + b"\n",
        record.encode(APPROVAL)[:-1],
        record.encode(APPROVAL).replace(b'"plan"', b'"more":1,"plan"'),
        record.encode(APPROVAL).replace(b"12:00:00Z", b"12:00:00"),
        record.encode(NO).replace(b'"rejection"', b'"approval"'),
    ],
    ids=["empty", "nothing", "text", "octets", "deep", "cut", "more", "no-zone", "other-kind"],
)
def test_a_file_with_a_line_of_another_form_is_refused_whole(file: Path, line: bytes) -> None:
    file.write_bytes(record.encode(NO) + line)
    with pytest.raises(ApprovalMissing) as caught:
        record.read(file)
    assert "Line 2 is no approval" in caught.value.detail
    with pytest.raises(ApprovalMissing):
        record.add(file, APPROVAL)


def test_a_file_that_is_too_large_or_a_folder_is_refused(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b" " * (record.LARGEST + 1))
    with pytest.raises(ApprovalMissing, match="larger than 1 MiB"):
        record.read(file)
    with pytest.raises(ApprovalMissing, match="Is a directory"):
        record.read(tmp_path)


def test_where_it_cannot_be_written_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="type the same command again"):
        record.add(tmp_path / "nowhere" / "plan.approvals", NO)


@pytest.mark.parametrize(
    ("said", "environment", "planner"),
    [
        ("carol", {"GITHUB_ACTOR": "alice"}, "carol"),
        (None, {"GITHUB_ACTOR": "alice", "GITLAB_USER_LOGIN": "bob"}, "alice"),
        (None, {"BUILD_REQUESTEDFOR": "Alice A", "BUILD_REQUESTEDFOREMAIL": "alice@example.com"}, "alice@example.com"),
        (None, {"BUILD_REQUESTEDFOR": "Alice A", "BUILD_REQUESTEDFOREMAIL": " "}, "Alice A"),
        (None, {"GITLAB_USER_LOGIN": "alice", "GITLAB_USER_EMAIL": "alice@example.com"}, "alice"),
        (None, {"GITLAB_USER_EMAIL": "alice@example.com"}, "alice@example.com"),
        ("", {}, ""),
    ],
)
def test_who_makes_a_plan_is_as_somebody_or_the_pipeline_says(
    said: str | None, environment: dict[str, str], planner: str
) -> None:
    assert named(said, environment) == planner
