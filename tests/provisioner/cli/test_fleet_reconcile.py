"""A fleet reconciled through the wire, many of its tenants broken: the others come right, once, and a screen tells it all.

At full size, three hundred tenants with three thousand domains, thirty of the tenants broken, and what was told is shown:

    FULL_FLEET=1 pytest -rP tests/provisioner/cli/test_fleet_reconcile.py
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from provisioner.exits import Exit
from provisioner.reconciled import Place
from tests.provisioner.cli.conftest import PROGRAM, Provisioner, Ran
from tests.provisioner.cli.fleet_estate import WAYS, Estate, estate

FULL = bool(os.environ.get("FULL_FLEET"))
TENANTS, DOMAINS, ONE_IN = (300, 10, 10) if FULL else (30, 4, 2)
"""How many tenants, of how many domains each, and which part of them is broken."""
SCREEN = 40
UNREMARKABLE = {Place.IN_SYNC, Place.CHANGED}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    with estate(monkeypatch, tmp_path, TENANTS, DOMAINS, ONE_IN) as fleet:
        yield fleet


@pytest.fixture
def reconcile(provisioner: Provisioner) -> Callable[..., Ran]:
    """Run it in this process; at full size in one of its own, or the emulators would have to share a thread with it."""

    def spawned(*arguments: str) -> Ran:
        done = subprocess.run([*PROGRAM, "reconcile", *arguments], capture_output=True, text=True, check=False, timeout=3600)
        return Ran(done.returncode, done.stdout, done.stderr)

    return spawned if FULL else partial(provisioner, "reconcile")


def test_the_others_come_right_once_and_a_screen_tells_what_needs_a_person(
    fleet: Estate, reconcile: Callable[..., Ran]
) -> None:
    assert {code for _, code in fleet.expected.values()} == {"", *(way.code for way in WAYS)}
    assert len({way.code for way in WAYS}) == 10
    began = time.monotonic()
    first = reconcile()
    print(first.out, f"{first.err}{time.monotonic() - began:.0f} s, code {first.code}", sep="\n")  # noqa: T201 - -rP shows it
    assert first.code == Exit.PARTIAL, first
    assert [domain for domain in fleet.lacking if not fleet.right(domain)] == []
    calls = fleet.calls()
    assert fleet.writes() == len(fleet.lacking)
    lines = first.out.splitlines()
    assert len(lines) <= SCREEN
    places = [Place(line.split()[0]) for line in lines if line.partition("  ")[0] in set(Place)]
    assert places == sorted(places, key=list(Place).index)
    assert lines[-1].startswith(f"{len(fleet.expected)} need a person. ")
    assert f"{len(fleet.lacking)} changed" in lines[-1]

    again = reconcile("--json")
    print(again.out.splitlines()[-1], fleet.calls() - calls)  # noqa: T201 - -rP shows it
    assert again.code == Exit.ERROR, again
    assert fleet.writes() == len(fleet.lacking)
    assert 5 * (fleet.calls() - calls) < calls
    events = [json.loads(line) for line in again.out.splitlines()]
    told = {one["subject"]: one for one in events if one["event"] == "subject"}
    stands = {subject: (one["place"], one.get("code") or "") for subject, one in told.items()}
    assert {subject: stand for subject, stand in stands.items() if stand[0] not in UNREMARKABLE} == fleet.expected
