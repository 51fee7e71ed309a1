"""What is wrong in the world closes a gate or stops a plan, with the exit code that says so; mail arrives all along."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.servers import served
from tests.lab.dane.web import PolicyFile, web
from tests.lab.dane.world import Lab, ds_of

WRONG_TLSA = f"3 1 1 {'ab' * 32}"
WRONG_DS = f"12345 13 2 {'ab' * 32}"


def test_nothing_is_done_before_the_old_ttl_is_over(lab: Lab) -> None:
    lab.assign()
    lab.write("dnssec: keep")
    lab.call("plan", "--out", "mx.plan")
    begun = datetime.now(UTC)
    assert lab.walk("mx.plan", lambda: lab.relay.updates == 1).code == Exit.WAITING
    lab.settled(names.DOMAIN, "MX")
    early = lab.walk("mx.plan", lambda: True)
    assert (early.code, lab.relay.updates) == (Exit.WAITING, 1)
    told = re.search(r"not before ([0-9-]+ [0-9:]+)Z", early.said)
    assert told, early.said
    until = datetime.fromisoformat(told[1]).replace(tzinfo=UTC)
    assert until >= begun.replace(microsecond=0) + timedelta(seconds=names.TTL)
    lab.later(until - datetime.now(UTC) + timedelta(seconds=1))
    assert lab.walk("mx.plan", lambda: True).code == Exit.WAITING
    assert lab.mx() == [f"30 0 {names.LEGACY}.", f"30 10 {names.NEW}."]


def test_an_mx_that_is_not_microsofts_stops_the_plan(lab: Lab) -> None:
    lab.primary.update(names.DOMAIN, names.DOMAIN, "MX", names.TTL, f"10 {names.OWN}.")
    lab.assign()
    lab.write("dnssec: keep")
    refused = lab.call("plan", "--strict")
    assert (refused.code, "foreign-mx" in refused.said) == (Exit.REFUSED, True)
    assert lab.call("apply", "--auto-approve").code == Exit.REFUSED
    assert lab.relay.updates == 0


def test_a_server_that_serves_the_old_set_holds_the_rollout(lab: Lab) -> None:
    stale = lab.customers[names.THIRD]
    stale.copy_from(names.WEB)
    lab.assign()
    lab.write("dnssec: keep")
    lab.call("plan", "--out", "mx.plan")
    assert lab.walk("mx.plan", lambda: lab.relay.updates == 1).code == Exit.WAITING
    lab.later(timedelta(minutes=2))
    held = lab.walk("mx.plan", lambda: True)
    assert (held.code, lab.relay.updates) == (Exit.WAITING, 1)
    assert f"{names.THIRD} serves 0 {names.LEGACY}. (TTL {names.TTL})" in held.said
    stale.copy_from(names.PRIMARY)
    lab.settled(names.DOMAIN, "MX")
    lab.walk("mx.plan", lambda: True)
    lab.later(timedelta(minutes=2))
    lab.walk("mx.plan", lambda: lab.relay.updates == 2)


def test_a_policy_of_mta_sts_that_does_not_name_the_new_host_holds_the_rollout(lab: Lab) -> None:
    lab.primary.update(names.DOMAIN, f"_mta-sts.{names.DOMAIN}", "TXT", 5, '"v=STSv1; id=1"')
    lab.assign()
    lab.write("dnssec: keep")
    policy, tls = PolicyFile(names.LEGACY), lab.authority.server(f"mta-sts.{names.DOMAIN}")
    with web((names.WEB, 443), policy.respond_to, lab.now, tls):
        lab.call("plan", "--out", "mx.plan")
        lab.walk("mx.plan", lambda: lab.relay.updates == 1)
        lab.settled(names.DOMAIN, "MX")
        lab.walk("mx.plan", lambda: True)
        lab.later(timedelta(minutes=2))
        held = lab.walk("mx.plan", lambda: True)
        assert (held.code, lab.relay.updates) == (Exit.WAITING, 1)
        assert f"policy 1 does not name {names.NEW}" in held.said
        policy.hosts = (names.LEGACY, names.NEW)
        lab.primary.update(names.DOMAIN, f"_mta-sts.{names.DOMAIN}", "TXT", 5, '"v=STSv1; id=2"')
        lab.settled(f"_mta-sts.{names.DOMAIN}", "TXT")
        named = lab.walk("mx.plan", lambda: True)
        assert (named.code, lab.relay.updates) == (Exit.WAITING, 1)
        lab.later(timedelta(days=1, minutes=1))
        lab.walk("mx.plan", lambda: lab.relay.updates == 2)


def test_a_ds_that_matches_no_key_is_told_and_mended(lab: Lab) -> None:
    lab.sign()
    lab.delegate(WRONG_DS)
    lab.write("dnssec: manage, parent: com")
    assert lab.call("verify").code == Exit.PENDING
    assert "broken-now" in lab.call("plan", "--out", "mend.plan").said
    assert lab.call("apply", "mend.plan", "--auto-approve").code == Exit.UNAPPROVED
    named = ("apply", "mend.plan", "--auto-approve", "--confirm", names.DOMAIN)
    assert lab.call(*named).code == Exit.WAITING
    assert len(served(names.REGISTRY, names.DOMAIN, "DS")) == 2
    assert lab.call(*named, "--wait", "1m").code == Exit.DONE
    assert [one.lower() for one in served(names.REGISTRY, names.DOMAIN, "DS")] == [
        f"5 {ds.lower()}" for ds in ds_of(names.PRIMARY, names.DOMAIN)
    ]
    assert lab.call("verify").code == Exit.DONE
    lab.mail()


def test_a_tlsa_of_microsofts_host_that_matches_nothing_is_not_dane(lab: Lab) -> None:
    lab.settle()
    lab.publish_tlsa(WRONG_TLSA)
    lab.write("dnssec: manage, dane: true, parent: com")
    assert lab.call("verify").code == Exit.PENDING
    lab.call("plan", "--out", "dane.plan")
    held = lab.call("apply", "dane.plan", "--auto-approve")
    assert (held.code, "presents a certificate that no record matches" in held.said) == (Exit.WAITING, True)
    lab.publish_tlsa(lab.authority.tlsa(names.NEW))
    assert lab.walk("dane.plan").code == Exit.DONE
    assert lab.call("verify").code == Exit.DONE


def test_a_dead_tlsa_in_the_zone_keeps_the_ds_back(lab: Lab) -> None:
    with lab.own_host():
        lab.primary.update(names.DOMAIN, f"_25._tcp.{names.OWN}", "TLSA", 5, WRONG_TLSA)
        lab.sign()
        lab.settled(f"_25._tcp.{names.OWN}", "TLSA")
        lab.write(f"dnssec: manage, parent: com, route: gateway, mx: [{{preference: 10, exchange: {names.OWN}}}]")
        lab.call("plan", "--out", "ds.plan")
        lab.walk("ds.plan", lambda: True)
        lab.later(timedelta(seconds=50))
        held = lab.walk("ds.plan", lambda: True)
        assert (held.code, served(names.REGISTRY, names.DOMAIN, "DS")) == (Exit.WAITING, [])
        assert "presents a certificate that no record matches" in held.said
        lab.primary.update(names.DOMAIN, f"_25._tcp.{names.OWN}", "TLSA", 5, lab.authority.tlsa(names.OWN))
        lab.settled(f"_25._tcp.{names.OWN}", "TLSA")
        assert lab.walk("ds.plan").code == Exit.DONE
        lab.forget()
        assert any("Verified TLS" in line for line in lab.mail().tls)


def test_without_its_state_it_comes_to_the_same_end(lab: Lab) -> None:
    """Every wait starts again, and is longer; what was done is not done again."""
    lab.assign()
    lab.write("dnssec: keep")
    seen = [lab.mx()]
    for _ in range(8):
        lab.lose_state()
        if lab.call("plan", "--out", "mx.plan", "--detailed-exitcode").code == Exit.DONE:
            break
        lab.walk("mx.plan", lambda: True)
        if lab.mx() == seen[-1]:
            lab.later(timedelta(days=1, minutes=1))
            lab.walk("mx.plan", lambda: True)
        seen.append(lab.mx())
        lab.settled(names.DOMAIN, "MX")
    hosts = [[value.partition(" ")[2] for value in held] for held in seen]
    old, new = f"{names.LEGACY}.", f"{names.NEW}."
    assert [f"0 {new}"] == hosts[-1]
    changes = [held for held, before in zip(hosts[1:], hosts, strict=False) if held != before]
    assert changes == [[f"0 {old}", f"10 {new}"], [f"0 {new}", f"20 {old}"], [f"0 {new}"]]
