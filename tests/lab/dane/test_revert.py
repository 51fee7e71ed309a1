"""A finished move is taken back, and one whose new host refuses mail is turned round at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.world import Lab

SWAPPED = [f"30 0 {names.NEW}.", f"30 20 {names.LEGACY}."]
SWAPPED_BACK = [f"30 0 {names.LEGACY}.", f"30 30 {names.NEW}."]


def walked(lab: Lab, plan: str, done: Callable[[], bool] = lambda: False) -> None:
    """Walk a plan to its end or until `done`, two minutes at a time; each time a mail arrives."""
    for _ in range(12):
        if lab.walk(plan, lambda: True).code == Exit.DONE or done():
            return
        lab.later(timedelta(minutes=2))
    raise AssertionError(lab.mx())


def test_back_and_the_way_out(lab: Lab) -> None:
    lab.assign()
    lab.write("dnssec: keep")
    assert lab.call("plan", "--out", "mx.plan").code == Exit.DONE
    walked(lab, "mx.plan")
    assert lab.mx() == [f"{names.TTL} 0 {names.NEW}."]

    assert lab.call("revert", "mx.plan", "--out", "back.plan").code == Exit.DONE
    walked(lab, "back.plan")
    assert lab.mx() == [f"{names.TTL} 0 {names.LEGACY}."]

    assert lab.call("plan", "--out", "again.plan").code == Exit.DONE
    walked(lab, "again.plan", lambda: sorted(lab.mx()) == SWAPPED)
    lab.settled(names.DOMAIN, "MX")
    lab.forget()
    (new,) = [server for server in lab.mail_servers if server.server_address[0] == names.NEW_ADDRESS]
    new.refuses = True
    refused = lab.sender.send(names.DOMAIN)
    assert not refused.sent, refused
    assert "550 5.1.10" in refused.status
    unnamed = lab.call("revert", "--now", names.DOMAIN, "--reason", "the new host refuses mail")
    assert (unnamed.code, sorted(lab.mx())) == (Exit.UNAPPROVED, SWAPPED)
    way_out = lab.call("revert", "--now", names.DOMAIN, "--reason", "the new host refuses mail", "--confirm", names.DOMAIN)
    assert (way_out.code, sorted(lab.mx())) == (Exit.DONE, SWAPPED_BACK)
    lab.settled(names.DOMAIN, "MX")
    lab.later(timedelta(seconds=30))
    lab.mail()
    assert lab.call("apply", "again.plan", "--auto-approve").code == Exit.STALE
    assert "the new host refuses mail" in lab.call("history").said
    assert sorted(lab.mx()) == SWAPPED_BACK
