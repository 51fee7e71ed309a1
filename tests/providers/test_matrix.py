"""The matrix of adapters and cases as it is printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.providers.matrix import COLUMNS, SUBJECTS, Matrix

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]


def printed(*arguments: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "tests.providers.matrix", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout.splitlines()


def line_of(lines: list[str], start: str) -> list[str]:
    (found,) = [line.removeprefix(start) for line in lines if line.startswith(start)]
    return found.split("  ")


def test_every_subject_has_a_case_for_every_adapter_or_a_reason() -> None:
    code, lines = printed("--collect-only")
    assert code == 0, "\n".join(lines)
    assert len([line for line in lines if line.startswith(tuple(SUBJECTS)) and "NO CASE" not in line]) >= len(SUBJECTS)
    assert lines[-1] == "0 cells hold."


def test_cases_are_run_and_told_by_adapter() -> None:
    code, lines = printed("-k", "escaped")
    cells = [cell for cell in line_of(lines, "write: MX create at an escaped name") if cell]
    assert [cell.strip() for cell in cells] == ["ok", "refused", "refused", "refused", "ok", "ok", "ok", "ok"]
    assert len(cells) == len(COLUMNS)
    assert code == 0
    assert line_of(lines, "escaped names")[-1].strip() == "2 ok"


def test_a_failure_is_told_and_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_lying="from tests.providers import faults\n\nclass TestMemory(faults.Faulty):\n    kind = faults.Liar\n"
    )
    matrix = Matrix()
    pytester.inline_run("-p", "no:cacheprovider", "-k", "write and create", plugins=[matrix])
    assert matrix.cells["write: MX create"] == {"memory": "FAILED"}
    assert "write: MX create (memory)" in matrix.failures
    assert "no case: throttling (azure)" in matrix.failures
    assert "no case: throttling (rfc2136)" not in matrix.failures
    assert "FAILED" in next(line for line in matrix.lines() if line.startswith("write: MX create "))
