"""Bad input for a rollout to DANE: each is found as the table says, and the program writes nothing on it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.lab.dane import names
from tests.lab.dane.servers import served, until
from tests.lab.dane.spoiling import ending, of_unknown_kind
from tests.lab.dane.test_refusals import WRONG_DS, WRONG_TLSA
from tests.lab.dane.web import PolicyFile, web
from tests.lab.dane.world import Lab, Ran, ds_of
from tests.provisioner.cli.refusal_table import TABLE, Found, codes, steps, unmet

MANAGED = "dnssec: manage, parent: com"
GATEWAY = f"route: gateway, mx: [{{preference: 10, exchange: {names.OWN}}}]"
TLSA, STS = f"_25._tcp.{names.OWN}", f"_mta-sts.{names.DOMAIN}"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Ends = tuple[Ran, Ran]
"""How `plan` ended, and `apply` at last."""


def plan(lab: Lab) -> Ran:
    return lab.call("plan", "--strict", "--detailed-exitcode", "--out", "bad.plan")


def apply(lab: Lab) -> Ran:
    return lab.call("apply", "bad.plan", "--auto-approve", "--confirm", names.DOMAIN, "--json")


def ends(lab: Lab) -> Ends:
    """Plan, and apply."""
    return plan(lab), apply(lab)


# Mail hosts


def of_host(lab: Lab, files: str, *, signed: bool = True) -> Ends:
    """Plan for a mail host of the customer's with these files, and apply."""
    if signed:
        lab.sign()
    lab.write(f"dnssec: keep, {GATEWAY}", f"mail_hosts:\n  {names.OWN}: {{provider: bind, {files}}}\n")
    return ends(lab)


def next_is_current(lab: Lab) -> Ends:
    with lab.own_host():
        return of_host(lab, f"certificate: {{file: {names.OWN}.pem}}, next: {{file: {names.OWN}.pem}}")


def not_presented(lab: Lab) -> Ends:
    with lab.own_host():
        lab.authority.issue(names.OWN, "-other")
        return of_host(lab, f"certificate: {{file: {names.OWN}-other.pem}}")


def alias_at_tlsa(lab: Lab) -> Ends:
    with lab.own_host():
        lab.primary.update(names.DOMAIN, TLSA, "CNAME", 5, f"www.{names.DOMAIN}.")
        return of_host(lab, f"certificate: {{file: {names.OWN}.pem}}")


def wildcard_at_tlsa(lab: Lab) -> Ends:
    with lab.own_host():
        lab.primary.update(names.DOMAIN, f"*.{names.OWN}", "TLSA", 5, WRONG_TLSA)
        return of_host(lab, f"certificate: {{file: {names.OWN}.pem}}")


def unsigned_zone(lab: Lab) -> Ends:
    with lab.own_host():
        return of_host(lab, f"certificate: {{file: {names.OWN}.pem}}", signed=False)


# Zones


def unknown_algorithm(lab: Lab) -> Ends:
    lab.sign()
    lab.primary.spoil(names.DOMAIN, of_unknown_kind)
    lab.settled(names.DOMAIN, "DNSKEY")
    lab.write(MANAGED)
    return ends(lab)


def wrong_ds(lab: Lab) -> Ends:
    lab.sign()
    lab.delegate(WRONG_DS)
    lab.write(MANAGED)
    return ends(lab)


def lagging(lab: Lab) -> Ends:
    lab.customers[names.THIRD].copy_from(names.WEB)
    lab.primary.sign(names.DOMAIN)
    for at in (names.PRIMARY, names.SECOND):
        until(f"{at} serves keys", lambda at=at: bool(served(at, names.DOMAIN, "DNSKEY")))  # type: ignore[misc] # a bool it is
    lab.write(MANAGED)
    return ends(lab)


def signatures_at_one(lab: Lab, end: timedelta) -> None:
    """Let the signatures at one server end at another time than those at the others; `end` counts from now."""
    lab.customers[names.THIRD].spoil(names.DOMAIN, ending(datetime.now(UTC) + end, lab.primary.folder))


def expired(lab: Lab) -> Ends:
    lab.sign()
    lab.write(MANAGED)
    planned = plan(lab)
    signatures_at_one(lab, -HOUR)
    return planned, apply(lab)


def ending_tomorrow(lab: Lab) -> Ends:
    lab.sign()
    signatures_at_one(lab, DAY)
    lab.write(MANAGED)
    return ends(lab)


def dead_tlsa(lab: Lab) -> Ends:
    with lab.own_host():
        lab.primary.update(names.DOMAIN, TLSA, "TLSA", 5, WRONG_TLSA)
        lab.settled(TLSA, "TLSA")
        lab.write(f"{MANAGED}, {GATEWAY}")
        return ends(lab)


def off_with_dane(lab: Lab) -> Ends:
    lab.settle()
    lab.write("dnssec: off, parent: com")
    return ends(lab)


def off_with_tlsa(lab: Lab) -> Ends:
    lab.sign()
    lab.delegate(*ds_of(names.PRIMARY, names.DOMAIN))
    with lab.own_host():
        lab.primary.update(names.DOMAIN, TLSA, "TLSA", 5, lab.authority.tlsa(names.OWN))
        lab.settled(TLSA, "TLSA")
        host = f"{names.OWN}: {{provider: bind, certificate: {{file: {names.OWN}.pem}}}}"
        lab.write(f"dnssec: off, parent: com, {GATEWAY}", f"mail_hosts:\n  {host}\n")
        return ends(lab)


def clock_off(lab: Lab) -> Ends:
    lab.sign()
    lab.write(MANAGED)
    planned = plan(lab)
    lab.off = HOUR
    return planned, apply(lab)


def nobody_signs(lab: Lab) -> Ends:
    lab.write(MANAGED)
    planned, _ = ends(lab)
    lab.later(7 * DAY)
    return planned, apply(lab)


# MX


def begun(lab: Lab) -> Ran:
    """Plan the way to the assigned host, and take the first step."""
    lab.assign()
    lab.write("dnssec: keep")
    planned, _ = ends(lab)
    assert lab.relay.updates == 1
    lab.settled(names.DOMAIN, "MX")
    return planned


def clock_jumps_back(lab: Lab) -> Ends:
    planned = begun(lab)
    apply(lab)
    lab.off = -HOUR
    return planned, apply(lab)


def preference_50(lab: Lab) -> Ends:
    lab.primary.update(names.DOMAIN, names.DOMAIN, "MX", names.TTL, f"50 {names.LEGACY}.")
    lab.settled(names.DOMAIN, "MX")
    lab.write("dnssec: keep")
    planned, _ = ends(lab)
    assert lab.mx() == [f"{names.TTL} 0 {names.LEGACY}."]
    lab.settled(names.DOMAIN, "MX")
    return planned, apply(lab)


@contextmanager
def announced(lab: Lab) -> Iterator[PolicyFile]:
    """Let the customer have an MTA-STS policy that names the legacy host alone, until the block ends."""
    lab.primary.update(names.DOMAIN, STS, "TXT", 5, '"v=STSv1; id=1"')
    lab.settled(STS, "TXT")
    policy = PolicyFile(names.LEGACY)
    with web((names.WEB, 443), policy.respond_to, lab.told_time, lab.authority.server(f"mta-sts.{names.DOMAIN}")):
        yield policy


def policy_times_out(lab: Lab) -> Ends:
    with announced(lab):
        planned = begun(lab)
    with socket.create_server((names.WEB, 443)):  # it takes connections, and says nothing
        return planned, apply(lab)


def policy_changes(lab: Lab) -> Ends:
    with announced(lab) as policy:
        planned = begun(lab)
        apply(lab)
        policy.hosts = (names.LEGACY, names.NEW)
        return planned, apply(lab)


INPUTS: Mapping[str, Callable[[Lab], Ends]] = {
    "`next` with the same key as `certificate`": next_is_current,
    "certificate that the host does not present": not_presented,
    "CNAME at the owner of the TLSA set": alias_at_tlsa,
    "wildcard that a first TLSA set would shadow": wildcard_at_tlsa,
    "mail host in a zone that is not signed": unsigned_zone,
    "keys of an algorithm that cannot be checked": unknown_algorithm,
    "DS at the parent that matches no key": wrong_ds,
    "server that lags behind the others": lagging,
    "server whose signatures have expired": expired,
    "server whose signatures end tomorrow": ending_tomorrow,
    "dead TLSA in a zone about to be signed": dead_tlsa,
    "`dnssec: off` under an MX under mx.microsoft": off_with_dane,
    "`dnssec: off` under a mail host of `mail_hosts`": off_with_tlsa,
    "clock that is an hour off": clock_off,
    "clock that jumps back": clock_jumps_back,
    "MX of the legacy host at preference 50": preference_50,
    "MTA-STS host that does not answer in time": policy_times_out,
    "MTA-STS policy that changes under the same id": policy_changes,
    "step by hand that nobody does for a week": nobody_signs,
}


@pytest.mark.parametrize("label", INPUTS)
def test_bad_input(label: str, lab: Lab) -> None:
    row = TABLE[label]
    planned, applied = INPUTS[label](lab)
    assert (planned.code, applied.code) == (row.plan, row.apply), (planned.said, applied.said)
    match row.found:
        case Found.FINDING:
            assert (row.code in codes(planned.said), row.says in planned.said) == (True, True), planned.said
        case Found.STEP:
            assert (row.code in steps(planned.said), row.says in planned.said) == (True, True), planned.said
        case Found.CONDITION:
            assert [why for kind, why in unmet(applied.said) if kind == row.code and row.says in why], applied.said
            assert '"written": 0' in applied.said
