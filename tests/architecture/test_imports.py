"""The arrows between the packages, and what each of them may know."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = {
    "__future__",
    "collections",
    "dataclasses",
    "datetime",
    "dns",
    "enum",
    "fnmatch",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "plans",
    "pydantic",
    "re",
    "typing",
}
"""All that the pure core may import: nothing here reads a file, a clock, the environment or the network."""

CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_contracts_of_the_packages_hold() -> None:
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )  # it sets up logging
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("path", sources("plans"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_nothing_that_reaches_outside(path: Path) -> None:
    assert {module.partition(".")[0] for module in imports(path)} <= PURE
    reaching = {"dns.resolver", "dns.query", "dns.zone", "dns.update", "dns.asyncresolver", "dns.asyncquery", "dns.inet"}
    assert not reaching & set(imports(path))


@pytest.mark.parametrize("path", sources("plans"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_asks_no_clock(path: Path) -> None:
    called = {node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)}
    assert not called & CLOCKS


@pytest.mark.parametrize("path", sources("providers") + sources("provisioner"), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    if path.is_relative_to(ROOT / "provisioner" / "cli"):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"print", "input", "exit", "quit"}
    assert not {"sys.exit", "sys.stdout", "sys.stderr"} & {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


SDKS = {"azure", "boto3", "botocore", "cloudflare", "httpx", "kiota_abstractions", "msal", "msgraph", "msgraph_core"}


@pytest.mark.parametrize("path", sources("providers") + sources("provisioner"), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sdk_is_imported_when_a_module_is(path: Path) -> None:
    top_level = [
        node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    named = {alias.name for node in top_level if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in top_level if isinstance(node, ast.ImportFrom)}
    assert not {module.partition(".")[0] for module in named} & SDKS
