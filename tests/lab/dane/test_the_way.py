"""From an unsigned domain at the legacy host to DANE, as a person walks it with the command line alone.

Mail is sent after every look at the world, by a Postfix that keeps to DANE behind a validating resolver, and always arrives.
"""

from __future__ import annotations

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.servers import served
from tests.lab.dane.world import Lab


def test_to_dane(lab: Lab) -> None:
    to_a_signed_zone(lab)
    to_the_assigned_host(lab)
    to_dane(lab)


def to_a_signed_zone(lab: Lab) -> None:
    """The zone is signed by a person, as the plan asks; the DS is the program's, once no cache holds an unsigned answer."""
    lab.write("dnssec: manage, dane: true, parent: com")
    lab.mail()
    assert lab.call("plan", "--out", "sign.plan", "--detailed-exitcode").code == Exit.PENDING
    asked = lab.call("apply", "sign.plan", "--auto-approve")
    assert asked.code == Exit.WAITING
    assert "Sign the zone contoso-lab.com where it is served" in asked.said
    lab.mail()
    lab.sign()
    lab.mail()
    assert lab.call("apply", "sign.plan", "--auto-approve").code == Exit.WAITING
    lab.call("plan", "--out", "ds.plan")
    early = lab.call("apply", "ds.plan", "--auto-approve")
    assert (early.code, served(names.REGISTRY, names.DOMAIN, "DS")) == (Exit.WAITING, [])
    lab.walk("ds.plan", lambda: bool(served(names.REGISTRY, names.DOMAIN, "DS")))


def to_the_assigned_host(lab: Lab) -> None:
    """Microsoft assigns a host, which a person pins; the MX goes there in phases."""
    lab.call("pin", names.DOMAIN, names.NEW)
    assert lab.walk("ds.plan").code == Exit.DONE
    lab.call("plan", "--out", "mx.plan")
    assert lab.call("apply", "mx.plan", "--auto-approve").code == Exit.WAITING
    assert lab.mx() == [f"30 0 {names.LEGACY}."]
    ends = lab.walk("mx.plan", lambda: lab.mx() == [f"{names.TTL} 0 {names.NEW}."])
    assert ends.code == Exit.WAITING


def to_dane(lab: Lab) -> None:
    """Microsoft publishes the TLSA of its host, and the sender finds it."""
    before = lab.mail()
    assert not any(names.VERIFIED in line for line in before.tls)
    lab.publish_tlsa(lab.authority.tlsa(names.NEW))
    assert lab.walk("mx.plan").code == Exit.DONE
    lab.forget()
    assert any(names.VERIFIED in line for line in lab.mail().tls)
    assert lab.call("verify").code == Exit.DONE
    assert lab.call("plan", "--detailed-exitcode").code == Exit.DONE
