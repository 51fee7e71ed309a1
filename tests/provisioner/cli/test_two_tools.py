"""Another tool that undoes each of our writes: after two rounds its key is left to a person, and other keys are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plans.values import Key
from providers.conformance import Bench, Record
from provisioner.exits import Exit
from provisioner.reconciled import Place
from tests.emulators import cloudflare
from tests.emulators.http import Request, Response
from tests.providers.cloudflare_bench import TOKEN, CloudflareBench
from tests.provisioner.cli import test_served as served
from tests.provisioner.cli.conftest import Provisioner, Ran
from tests.provisioner.cli.test_served import CONTOSO, FABRIKAM, NEW

ROUNDS = 5
APPLY = ("apply", ".provisioner/pending.jsonl", "--auto-approve")


class Contested(cloudflare.CloudflareEmulator):
    """A service at which somebody else removes the MX of contoso.example: at once after each write, where `at_once` says so."""

    def __init__(self) -> None:
        super().__init__(TOKEN)
        self.at_once = False

    def respond_to(self, request: Request) -> Response | None:
        response = super().respond_to(request)
        if self.at_once and request.method == "POST":
            self.undo()
        return response

    def undo(self) -> None:
        CloudflareBench(self).put(CONTOSO, Key(CONTOSO, "MX"), [])


@pytest.fixture
def other(quickstart: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Contested]:
    """Two zones in public DNS, the first without an MX, which a schedule may make alone; the second is right."""
    emulator = Contested()

    @contextmanager
    def opened(environment: pytest.MonkeyPatch, _folder: Path) -> Iterator[tuple[Bench, str]]:
        environment.setenv("CLOUDFLARE_TOKEN_OF_A_TEST", TOKEN)
        with cloudflare.running(emulator):
            option = f"token: {{env: CLOUDFLARE_TOKEN_OF_A_TEST}}, endpoint: '{emulator.endpoint}'"
            yield CloudflareBench(emulator), f"{{type: cloudflare, {option}}}"

    with served.placed(opened, monkeypatch, quickstart):
        with (quickstart / "provisioner.yaml").open("a") as manifest:
            manifest.write("policy: {unattended: [create-mx]}\n")
        emulator.undo()
        bench = CloudflareBench(emulator)
        bench.put(FABRIKAM, Key(FABRIKAM, "MX"), [Record.of(FABRIKAM, "MX", 3600, NEW[FABRIKAM])])
        yield emulator


def stand(ran: Ran, domain: str = "contoso.example") -> tuple[int, str, str | None]:
    """Give the exit code of a reconcile, and where it left a domain, with the finding's code."""
    (told,) = [one for one in map(json.loads, ran.out.splitlines()) if one.get("subject") == domain]
    return ran.code, told["place"], told.get("code")


def test_what_is_removed_each_time_is_written_twice_and_then_left_to_a_person(
    provisioner: Provisioner, other: Contested
) -> None:
    stands = []
    for number in range(ROUNDS):  # each by another planner: plans that one makes within a second are the same plan
        stands.append(stand(provisioner("reconcile", "--json", "--planner", f"schedule {number}")))
        other.undo()
    assert stands[:2] == [(Exit.DONE, Place.CHANGED, None)] * 2
    assert stands[2:] == [(Exit.REFUSED, Place.CONTESTED, "contested")] * (ROUNDS - 2)
    assert len(other.commits) == 2

    CloudflareBench(other).put(FABRIKAM, Key(FABRIKAM, "MX"), [])
    ran = provisioner("reconcile")
    assert ran.code == Exit.PARTIAL, ran
    assert "contested  1 subject (contested): contoso.example\n     contoso.example. MX was changed back each time" in ran.out
    assert "Find out who changes it, and agree on who does." in ran.out
    assert "changed  1 subject: fabrikam.example\n" in ran.out
    assert provisioner("drift").code == Exit.PENDING
    assert len(other.commits) == 3

    agreed = provisioner(*APPLY)
    assert (agreed.code, len(other.commits)) == (Exit.DONE, 4), agreed
    assert stand(provisioner("reconcile", "--json")) == (Exit.DONE, Place.IN_SYNC, None)


def test_what_is_removed_before_anybody_saw_it_is_written_once_and_waited_for(
    provisioner: Provisioner, other: Contested
) -> None:
    other.at_once = True
    for _ in range(3):
        ran = provisioner("reconcile", "--json", "--detailed-exitcode")
        assert stand(ran) == (Exit.WAITING, Place.WAITING, None), ran
    assert len(other.commits) == 1
    assert provisioner("drift").code == Exit.PENDING
