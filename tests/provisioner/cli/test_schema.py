"""The manifest's schema, as an editor gets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from plans.problem import Problem
from provisioner.cli import schema
from provisioner.exits import Exit
from provisioner.manifest.schema import schema as made

Ran = Callable[..., tuple[int, str]]


@pytest.fixture
def ran() -> Ran:
    app = typer.Typer()
    app.command()(schema.command)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, arguments, standalone_mode=False)
        if result.exception:
            raise result.exception
        return int(result.return_value), result.stdout

    return run


def test_it_is_printed_as_json(ran: Ran) -> None:
    code, out = ran()

    assert code == Exit.DONE
    assert json.loads(out) == made()
    assert out.endswith("}\n")


def test_it_is_written_to_a_file_with_the_same_text(ran: Ran, tmp_path: Path) -> None:
    file = tmp_path / "manifest.schema.json"
    code, out = ran("--out", str(file))

    assert (code, out) == (Exit.DONE, f"Saved. {file} is the JSON Schema of a manifest, for an editor.\n")
    assert file.read_text(encoding="utf-8") == ran()[1]


def test_a_file_that_cannot_be_written_is_told(ran: Ran, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="cannot be written"):
        ran("--out", str(tmp_path / "nowhere" / "schema.json"))
