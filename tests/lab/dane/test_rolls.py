"""Keys are changed: that of the zone, and that of a mail host of ours. At no point does a sender find what does not match."""

from __future__ import annotations

import re

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.certificates import present
from tests.lab.dane.servers import served, until
from tests.lab.dane.world import Lab, ds_of


def test_a_roll_of_the_key_that_signs_the_zones_keys(lab: Lab) -> None:
    """The new key's DS comes in beside the old one's, which goes when no cache needs it (RFC 6781 §4.1.2)."""
    lab.settle()
    lab.write("dnssec: manage, dane: true, parent: com")
    lab.primary.rndc("dnssec", "-checkds", "published", names.DOMAIN)
    (old,) = lab.key_tags()
    assert seen_well(lab)
    until("the old key is settled", lambda: bool(re.search(r"- ds: +omnipresent", status(lab))), lambda: status(lab))
    lab.primary.rndc("dnssec", "-rollover", "-key", old, names.DOMAIN)
    until("the new key is served", lambda: len(ds_of(names.PRIMARY, names.DOMAIN)) == 2)
    lab.settled(names.DOMAIN, "DNSKEY")
    new = next(tag for tag in lab.key_tags() if tag != old)
    lab.call("plan", "--out", "both.plan")
    lab.walk("both.plan", lambda: len(at_parent()) == 2)
    assert at_parent() == {old, new}
    assert lab.walk("both.plan").code == Exit.DONE
    assert seen_well(lab)
    lab.primary.rndc("dnssec", "-checkds", "-key", new, "published", names.DOMAIN)
    lab.primary.rndc("dnssec", "-checkds", "-key", old, "withdrawn", names.DOMAIN)
    until("the old key is gone", lambda: lab.key_tags() == [new], lambda: status(lab))
    lab.settled(names.DOMAIN, "DNSKEY")
    assert seen_well(lab)
    lab.call("plan", "--out", "new.plan")
    assert lab.walk("new.plan").code == Exit.DONE
    assert at_parent() == {new}
    assert seen_well(lab)


def status(lab: Lab) -> str:
    """Give what BIND knows of the zone's keys."""
    return lab.primary.rndc("dnssec", "-status", names.DOMAIN)


def at_parent() -> set[str]:
    """Give the tags of the keys that the DS set at the registry names."""
    return {value.split()[1] for value in served(names.REGISTRY, names.DOMAIN, "DS")}


def test_a_change_of_a_mail_hosts_certificate(lab: Lab) -> None:
    """The record for the next key is there before the key is, and the old one goes once nobody presents it (RFC 7671 §8)."""
    first = f"certificate: {{file: {names.OWN}.pem}}"
    both = f"{first}, next: {{file: {names.OWN}-next.pem}}"
    last = f"certificate: {{file: {names.OWN}-next.pem}}"
    with lab.own_host() as host:
        upcoming = lab.authority.issue(names.OWN, "-next")
        lab.sign()
        lab.delegate(*ds_of(names.PRIMARY, names.DOMAIN))
        to_plan(lab, first, "first.plan")
        assert lab.walk("first.plan").code == Exit.DONE
        assert tlsa() == {lab.authority.tlsa(names.OWN)}
        assert seen_well(lab)
        to_plan(lab, both, "next.plan")
        lab.walk("next.plan", lambda: len(tlsa()) == 2)
        early = lab.call("apply", "next.plan", "--auto-approve")
        assert (early.code, "not before" in early.said) == (Exit.WAITING, True)
        assert seen_well(lab)
        until("it is time", lambda: f"waits for   every address of {names.OWN}" in lab.walk("next.plan", lambda: True).said)
        present(host.tls, upcoming)
        assert lab.walk("next.plan").code == Exit.DONE
        assert seen_well(lab)
        to_plan(lab, last, "last.plan")
        assert lab.walk("last.plan").code == Exit.DONE
        assert tlsa() == {lab.authority.tlsa(names.OWN, "-next")}
        assert seen_well(lab)
        assert lab.call("plan", "--detailed-exitcode").code == Exit.DONE


def to_plan(lab: Lab, certificates: str, out: str) -> None:
    """Write what the host's certificates are, and plan."""
    route = f"route: gateway, mx: [{{preference: 10, exchange: {names.OWN}}}]"
    hosts = f"mail_hosts:\n  {names.OWN}: {{provider: bind, {certificates}}}\n"
    lab.write(f"dnssec: manage, dane: true, parent: com, {route}", hosts)
    lab.call("plan", "--out", out)


def tlsa() -> set[str]:
    """Give the records of the host's TLSA set."""
    return {value.partition(" ")[2].lower() for value in served(names.PRIMARY, f"_25._tcp.{names.OWN}", "TLSA")}


def seen_well(lab: Lab) -> bool:
    """Whether the program finds nothing wrong, and mail arrives; by a verified connection once the sender looks anew."""
    well = lab.call("verify").code == Exit.DONE
    lab.mail()
    lab.forget()
    return well and any("Verified TLS" in line for line in lab.mail().tls)
