"""The program is killed around every write of the MX rollout, and comes to the same end, with no step done twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.killer import Killer
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
        if killer.apply("mx.plan") == Exit.DONE:
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
