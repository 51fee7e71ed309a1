"""The program is killed around every write of a rollout, and comes to the same end, with no step done twice."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from datetime import timedelta

import pytest

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.relay import Moment
from tests.lab.dane.servers import serial
from tests.lab.dane.world import Lab

STEPS = 5
"""So many writes bring the MX from the legacy host to the assigned one."""


@pytest.mark.parametrize("moments", [(Moment.SENT, Moment.DONE), (Moment.TOLD,)], ids=["around", "after"])
def test_killed_around_every_write(lab: Lab, moments: Sequence[Moment]) -> None:
    """Killed at each moment of each step's write in turn."""
    lab.assign()
    lab.write("dnssec: keep")
    before = serial(names.PRIMARY, names.DOMAIN)
    lab.call("plan", "--out", "mx.plan")
    killer = Killer(lab, moments)
    lab.relay.befall = killer.befall
    for _ in range(STEPS * (len(moments) + 2) + 2):
        if killer.apply() == Exit.DONE:
            break
        lab.ahead += timedelta(seconds=names.TTL + 1)
        if killer.killed[-1:] == [Moment.SENT]:
            continue
        lab.settled(names.DOMAIN, "MX")
        lab.forget()
        lab.mail()
    assert killer.killed == [*moments] * STEPS
    assert lab.mx() == [f"{names.TTL} 0 {names.NEW}."]
    assert serial(names.PRIMARY, names.DOMAIN) - before == STEPS
    assert lab.call("history", "--verify").code == Exit.DONE


class Killer:
    """Applies a plan and kills the program at given moments, one after the other, over and over."""

    def __init__(self, lab: Lab, moments: Sequence[Moment]) -> None:
        self._lab, self._moments = lab, moments
        self._process: subprocess.Popen[bytes] | None = None
        self.killed: list[Moment] = []

    def apply(self) -> int:
        """Apply the plan, and give how it ended."""
        lab = self._lab
        with (lab.folder / "said").open("wb") as said:
            command = lab.arguments("apply", "mx.plan", "--auto-approve")
            self._process = subprocess.Popen(command, cwd=lab.folder, env=lab.environment(), stdout=said, stderr=said)
            code = self._process.wait(timeout=60)
        lab.tell("$ provisioner apply mx.plan --auto-approve", (lab.folder / "said").read_text().rstrip())
        lab.tell(f"[killed: {self.killed[-1].value}]" if code == -signal.SIGKILL else f"[exit {code}]")
        assert code in {Exit.DONE, Exit.WAITING, -signal.SIGKILL}
        return code

    def befall(self, _number: int, moment: Moment) -> None:
        """Kill the program if it is its time; an update that was sent does not reach the server then."""
        if moment is not self._moments[len(self.killed) % len(self._moments)]:
            return
        assert self._process
        self.killed.append(moment)
        self._process.kill()
        self._process.wait()
        if moment is Moment.SENT:
            raise ConnectionAbortedError
