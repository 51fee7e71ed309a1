"""At a terminal one line tells how far a run is, and nothing is left of it; elsewhere there is none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.emulators.http_faults import answering
from tests.provisioner.cli import faulty
from tests.provisioner.cli.conftest import PROGRAM, ROOT, Provisioner
from tests.provisioner.cli.estate import names, settle, settle_in_files
from tests.provisioner.cli.faulty import await_write, let_go
from tests.provisioner.cli.services import Fault, service
from tests.provisioner.cli.terminal import WIPE, terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
DOMAINS = names(3)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A folder with three domains, and what a process finds in its environment so that it can be held."""
    site = faulty.install(tmp_path)
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    faulty.make_pipes()
    settle_in_files(tmp_path, "faulty", DOMAINS)
    return {"PYTHONPATH": os.pathsep.join(map(str, (site, ROOT)))}


@pytest.mark.parametrize(
    ("arguments", "fault", "told", "first"),
    [
        (("plan",), "hold-before-read 1", "Planning: [0-2] of 3 domains", "d0.example  (provider dns, tenant contoso)"),
        (("reconcile",), "hold-before-read 1", "Reconciling: [0-2] of 3 domains", "approval  3 subjects (replace-mx): d0"),
        (("apply", "plan.jsonl", "--auto-approve"), "hold-before 1", "Applying: [0-2] of 3 subjects", "d0.example  done"),
        (("drift",), "hold-before-read 1", "Comparing: [0-2] of 3 zones", "Nothing was changed behind our back."),
    ],
)
def test_it_tells_how_far_a_run_is_and_is_gone_in_the_end(
    environment: dict[str, str], provisioner: Provisioner, arguments: tuple[str, ...], fault: str, told: str, first: str
) -> None:
    assert provisioner("plan", "--out", "plan.jsonl").code == Exit.DONE
    if arguments == ("drift",):
        assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
    with terminal(arguments, {**environment, "FAULTY": fault, "NO_COLOR": "1"}) as here:
        await_write()
        here.await_text(f"{re.escape(WIPE)}{told} in [0-9]+ s")
        let_go()
        assert here.end() == Exit.DONE
    assert here.left.startswith(first)
    assert told.partition(":")[0] not in here.left
    assert "\x1b" not in here.left


def test_a_run_with_nothing_to_say_leaves_an_empty_terminal(environment: dict[str, str], provisioner: Provisioner) -> None:
    assert provisioner("apply", "--auto-approve").code == Exit.DONE
    with terminal(("reconcile",), {**environment, "FAULTY": "hold-before-read 1"}) as here:
        await_write()
        here.await_text("Reconciling: [0-2] of 3 domains")
        let_go()
        assert here.end() == Exit.DONE
    assert here.left == ""


def test_a_document_for_a_program_has_nothing_of_it(environment: dict[str, str]) -> None:
    with Path("out.json").open("wb") as out:
        fault = {**environment, "FAULTY": "hold-before-read 1"}
        with terminal(("plan", "--json"), fault, out) as here:
            await_write()
            here.await_text("Planning: [0-2] of 3 domains")
            let_go()
            assert here.end() == Exit.DONE
    assert here.left == ""
    assert json.loads(Path("out.json").read_text())["totals"]["subjects"] == len(DOMAINS)


@pytest.fixture
def throttled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with domains at a service that lets the client wait once, longer than a line needs to be shown."""
    monkeypatch.chdir(tmp_path)
    with service("cloudflare", monkeypatch, tmp_path) as cloudflare:
        settle(tmp_path, cloudflare, "cloudflare", DOMAINS)
        cloudflare.lay(Fault(lambda words, _: answering(words.answer("throttled", {"Retry-After": "6"}))), None, writing=False)
        yield


@pytest.mark.usefixtures("throttled")
def test_whose_limit_is_waited_for_is_told_there_alone() -> None:
    with terminal(("plan",), {"NO_COLOR": "1"}) as here:
        here.await_text("; waiting [1-6] s for cloudflare's limit")
        assert here.end() == Exit.DONE
    assert here.left.startswith("d0.example")
    assert "aiting" not in here.left


@pytest.mark.usefixtures("throttled")
@pytest.mark.parametrize("dumb", [True, False])
def test_where_no_line_can_be_written_over_there_is_none(dumb: bool) -> None:
    if dumb:
        with terminal(("plan",), {"TERM": "dumb"}) as here:
            assert here.end() == Exit.DONE
        told = here.shown
    else:
        ran = subprocess.run([*PROGRAM, "plan"], capture_output=True, text=True, check=True)
        told = ran.stderr
    assert re.match("Waiting [56] s for the rate limit.", told)
    assert ("\x1b" in told, "Planning" in told) == (False, False)
