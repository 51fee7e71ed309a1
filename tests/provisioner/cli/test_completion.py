"""Completion, asked as a shell asks, and by a shell."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from provisioner.cli import commands, completion
from provisioner.exits import Exit

# The command brings its own shells along, so it has to be there.
PROGRAM = (sys.executable, "-c", "from provisioner.cli import completion, main; main()")
BASH = shutil.which("bash") or ""
HEAVY = {"azure", "boto3", "botocore", "cloudflare", "dns", "httpx", "msal", "msgraph", "rich", "sqlalchemy", "yaml"}


def script(shell: str) -> str:
    app = typer.Typer()
    app.command()(completion.command)
    result = CliRunner().invoke(app, [shell], standalone_mode=False)
    assert (result.exception, result.return_value) == (None, Exit.DONE)
    return result.stdout


def answer(*program: str, **environment: str) -> list[str]:
    ran = subprocess.run(program or PROGRAM, capture_output=True, text=True, env={**os.environ, **environment}, check=True)
    assert ran.stderr == ""
    return ran.stdout.split("\n")[:-1]


def bash_asks(line: str) -> dict[str, str]:
    return {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), completion.VARIABLE: "complete_bash"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("provisioner pl", ["plan"]),
        ("provisioner plan --exclude", ["--exclude-domain"]),
        ("provisioner validate --manifest ", [""]),
        ("provisioner nothing-of-ours", [""]),
    ],
)
def test_bash_gets_the_words_that_could_come_next(line: str, words: list[str]) -> None:
    assert answer(**bash_asks(line)) == words


def test_every_command_is_offered() -> None:
    assert answer(**bash_asks("provisioner ")) == list(commands())


def test_zsh_gets_an_argument_list_and_files_where_we_know_no_word() -> None:
    environment = {completion.VARIABLE: "complete_zsh"}

    (told,) = answer(**environment, _TYPER_COMPLETE_ARGS="provisioner pl")
    assert told.startswith('_arguments \'*: :(("plan":')
    assert answer(**environment, _TYPER_COMPLETE_ARGS="provisioner plan --manifest ") == ["_files"]


def test_fish_gets_words_with_what_they_are_for() -> None:
    environment = {completion.VARIABLE: "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}

    (told,) = answer(**environment, _TYPER_COMPLETE_ARGS="provisioner pl")
    assert told.startswith("plan\tCompare ")


@pytest.mark.parametrize("shell", list(completion.Shell))
def test_each_script_asks_the_program_in_its_own_way(shell: str) -> None:
    told = script(shell)

    assert f"{completion.VARIABLE}=complete_{shell} " in told
    assert "provisioner" in told
    assert told.endswith("\n")


def test_an_answer_imports_nothing_heavy() -> None:
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules)); {PROGRAM[2]}"
    words, modules = answer(sys.executable, "-c", code, **bash_asks("provisioner pl"))

    assert words == "plan"
    assert "provisioner.cli" in modules.split()
    assert "provisioner.manifest" not in modules.split()
    assert not {module.partition(".")[0] for module in modules.split()} & HEAVY


@pytest.mark.skipif(not BASH, reason="there is no bash")
def test_a_real_bash_completes(tmp_path: Path) -> None:
    (tmp_path / "completion.bash").write_text(script("bash"), encoding="utf-8")
    program = tmp_path / "provisioner"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    line = """
        source completion.bash
        complete -p provisioner
        COMP_WORDS=(provisioner pl) COMP_CWORD=1
        _provisioner_completion provisioner pl provisioner
        printf '%s\n' "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(Path.cwd())}

    ran = subprocess.run([BASH, "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["complete -o default -F _provisioner_completion provisioner", "plan"]
    assert ran.stderr == ""
