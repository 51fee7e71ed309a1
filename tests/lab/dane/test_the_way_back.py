"""The way back from DANE, as a person walks it with the command line alone; mail arrives all along."""

from __future__ import annotations

from datetime import timedelta

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.servers import served
from tests.lab.dane.world import Lab


def test_back(lab: Lab) -> None:
    """Everything is undone in the reverse order; days pass between its steps."""
    lab.settle()
    lab.write(f"dnssec: manage, exchange: {names.LEGACY}, parent: com")
    assert any(names.VERIFIED in line for line in lab.mail().tls)
    lab.call("plan", "--out", "back.plan")
    assert lab.walk("back.plan", lambda: True).code == Exit.WAITING
    lab.publish_tlsa()
    lab.walk("back.plan", lambda: True)
    lab.later(timedelta(days=1, minutes=1))
    for _ in range(5):
        lab.walk("back.plan", lambda: True)
        lab.later(timedelta(minutes=2))
    assert lab.walk("back.plan").code == Exit.DONE
    assert lab.mx() == [f"{names.TTL} 0 {names.LEGACY}."]
    lab.write(f"dnssec: off, exchange: {names.LEGACY}, parent: com")
    lab.call("plan", "--out", "unsign.plan")
    assert lab.walk("unsign.plan", lambda: not served(names.REGISTRY, names.DOMAIN, "DS")).code == Exit.WAITING
    lab.later(timedelta(hours=2))
    lab.walk("unsign.plan", lambda: True)
    lab.unsign()
    assert lab.walk("unsign.plan").code == Exit.DONE
    assert lab.call("verify").code == Exit.DONE
    assert lab.call("plan", "--detailed-exitcode").code == Exit.DONE
