"""What SECURITY.md names exists: modules, documents, and the tests that show what it claims."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:plans|providers|provisioner|docs|examples|requirements)/[\w./-]*)`", TEXT)))
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
PARTS = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / path.removesuffix(".py")).is_dir()


@pytest.mark.parametrize(("file", "name"), TESTS, ids="::".join)
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.splitlines()[0])
def test_each_part_says_what_is_defended_by_which_test_and_what_is_not(part: str) -> None:
    assert "::test_" in part
    assert part.count("**Not defended:**") == 1


def test_modules_and_tests_are_found_at_all() -> None:
    assert len(PATHS) > 20
    assert len(TESTS) > 40
    assert len(PARTS) > 10
    assert set(re.findall(r"::(\w+)", TEXT)) == {name for _, name in TESTS}


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_every_locked_package_has_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert len(packages) > 10
    assert all("==" in package and "--hash=sha256:" in package for package in packages)
