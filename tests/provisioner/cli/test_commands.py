"""The small commands, and what holds for all of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from provisioner.cli import commands
from provisioner.exits import Exit
from tests.emulators import graph
from tests.provisioner.cli.conftest import PROGRAM, ROOT, Provisioner

SDKS = {"azure", "boto3", "botocore", "cloudflare", "httpx", "msal", "msgraph", "msgraph_core", "sqlalchemy"}


def test_init_writes_a_manifest_that_is_valid_and_overwrites_nothing(
    provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert provisioner("init").code == Exit.DONE
    assert provisioner("validate").out == "Valid. provisioner.yaml: 0 tenants, 0 providers, 0 domains.\n"
    ran = provisioner("plan")
    assert (ran.code, ran.out) == (Exit.DONE, "No changes. The manifest names no domain.\n")
    written = Path("provisioner.yaml").read_text()
    again = provisioner("init")
    assert again.code == Exit.ERROR
    assert "nothing is ever overwritten" in again.err
    assert Path("provisioner.yaml").read_text() == written
    assert provisioner("init", "--manifest", "nowhere/provisioner.yaml").code == Exit.ERROR


def test_the_examples_in_the_starting_manifest_are_valid(
    provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    provisioner("init")
    path = Path("provisioner.yaml")
    path.write_text(re.sub(r"^(\w+): \{\}\n#", r"\1:\n#", path.read_text(), flags=re.MULTILINE).replace("\n#  ", "\n  "))
    assert provisioner("validate").out == "Valid. provisioner.yaml: 2 tenants, 1 provider, 3 domains.\n"


def test_version_says_which(provisioner: Provisioner) -> None:
    for arguments in (["version"], ["--version"]):
        ran = provisioner(*arguments)
        assert (ran.code, ran.out) == (Exit.DONE, f"provisioner {version('provisioner')}\n")


def test_the_manifest_can_be_named_by_option_and_by_environment(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(quickstart.parent)
    assert provisioner("validate").code == Exit.ERROR
    assert provisioner("validate", "--manifest", "quickstart/provisioner.yaml").code == Exit.DONE
    monkeypatch.setenv("PROVISIONER_MANIFEST", "quickstart/provisioner.yaml")
    assert provisioner("validate").code == Exit.DONE
    assert "2 steps" in provisioner("plan").out
    monkeypatch.setenv("PROVISIONER_PLAN_DETAILED_EXITCODE", "1")
    assert provisioner("plan").code == Exit.PENDING


def test_every_command_has_help_and_stands_in_the_readme(provisioner: Provisioner) -> None:
    readme = (ROOT / "README.md").read_text()
    for command in commands():
        ran = provisioner(command, "--help")
        assert ran.code == Exit.DONE
        assert len(ran.out.splitlines()) > 3
        assert f"provisioner {command}" in readme or f"`{command}`" in readme


def test_help_lists_every_command(provisioner: Provisioner) -> None:
    ran = provisioner("--help")
    assert ran.code == Exit.DONE
    assert all(f"  {command} " in ran.out for command in commands())


@pytest.mark.parametrize("arguments", [["--help"], ["plan"]])
def test_a_start_imports_no_sdk(quickstart: Path, arguments: list[str]) -> None:
    code = f"import sys; from provisioner.cli import run; run({arguments!r}); print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {module.partition(".")[0] for module in ran.stderr.split()} & SDKS


def test_an_interrupt_ends_the_run_with_a_code_of_its_own(quickstart: Path) -> None:
    with graph.running(graph.GraphEmulator("token")) as emulator:
        emulator.fail("/domains", graph.Fault(delay=5))
        manifest = quickstart / "provisioner.yaml"
        text = manifest.read_text().replace("{export: graph/contoso.json}", "{id: contoso.onmicrosoft.com, credential: test}")
        credentials = "credentials:\n  test: {type: token, token: {env: GRAPH_TOKEN}}\n"
        manifest.write_text(f"{text}\ngraph: {{endpoint: '{emulator.url}'}}\n{credentials}")
        environment = {**os.environ, "GRAPH_TOKEN": "token"}
        child = subprocess.Popen([*PROGRAM, "plan"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 30
        while not emulator.seen and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
    assert (child.returncode, out) == (Exit.INTERRUPTED, "")
    assert err.startswith("Error: Interrupted")
    assert "Traceback" not in err


def test_a_reader_that_leaves_early_is_no_traceback(quickstart: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run([*PROGRAM, "plan"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ran.returncode, ran.stderr) == (Exit.ERROR, "")


def test_a_terminal_that_knows_no_such_sign_still_shows_the_plan(quickstart: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ran = subprocess.run([*PROGRAM, "plan"], capture_output=True, text=True, env=environment, check=False)
    assert (ran.returncode, ran.stderr) == (Exit.DONE, "")
    assert "\\xb1 MODIFY" in ran.stdout
