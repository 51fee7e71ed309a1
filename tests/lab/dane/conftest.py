"""The lab, started anew for each test. Only root may: its servers listen on ports of their own kind, each at its address."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.dane.network import own_network
from tests.lab.dane.world import Lab

PROGRAMS = ("named", "rndc", "unbound", "postfix", "faketime", "ip", "unshare")


@pytest.fixture
def lab(request: pytest.FixtureRequest, program: Callable[[str], str]) -> Iterator[Lab]:
    """A whole Internet; `LAB_TRANSCRIPT` names the folder in which a file of each test tells what was said."""
    for needed in PROGRAMS:
        program(needed)
    if os.geteuid() != 0:
        pytest.skip("only root may listen on the ports of DNS and mail")
    tried = subprocess.run([program("unshare"), "-m", "-n", "true"], check=False, capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"no namespaces can be made here: {tried.stderr.strip()}")
    with ExitStack() as stack:
        stack.enter_context(own_network(program))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-")))
        folder.chmod(0o755)  # Postfix becomes a user of its own
        kept = os.environ.get("LAB_TRANSCRIPT")
        told = stack.enter_context((Path(kept) / f"{request.node.name}.txt").open("w")) if kept else None
        yield stack.enter_context(Lab(folder, program, told).running())
