"""A schedule whose clock is an hour off takes no step on trust of it, and goes on once it is right; mail always arrives."""

from __future__ import annotations

import re
from datetime import timedelta

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.servers import served
from tests.lab.dane.world import Lab, Ran

PENDING = ".provisioner/pending.jsonl"
HOUR = timedelta(hours=1)


def reconcile(lab: Lab) -> Ran:
    ran = lab.call("reconcile", "--detailed-exitcode", "--metrics", "lab.prom")
    lab.mail()
    return ran


def begin(lab: Lab) -> None:
    """Let a person begin what the schedule left, and the schedule see what came of it."""
    assert reconcile(lab).code == Exit.PENDING
    assert lab.call("apply", PENDING, "--auto-approve").code == Exit.WAITING


def ended_well(lab: Lab) -> float:
    """Give when the last run ended that ended well, in seconds since 1970, as the numbers for Prometheus say."""
    (told,) = re.findall(r"^provisioner_success_timestamp_seconds (\S+)$", (lab.folder / "lab.prom").read_text(), re.MULTILINE)
    return float(told)


def test_no_ttl_is_over_by_a_clock_that_is_wrong(lab: Lab) -> None:
    lab.assign()
    lab.write("dnssec: keep")
    begin(lab)
    assert lab.relay.updates == 1
    lab.settled(names.DOMAIN, "MX")
    for off in (timedelta(0), HOUR, -HOUR):
        lab.off = off
        ran = reconcile(lab)
        assert (ran.code, lab.relay.updates) == (Exit.WAITING, 1), ran.said
    lab.off = timedelta(0)
    lab.later(timedelta(minutes=2))
    assert [reconcile(lab).code, reconcile(lab).code] == [Exit.WAITING] * 2
    assert lab.relay.updates == 2


def test_no_ds_is_published_by_a_clock_that_is_wrong(lab: Lab) -> None:
    lab.sign()
    lab.write("dnssec: manage, parent: com")
    begin(lab)
    for off in (HOUR, -HOUR):
        lab.off = off
        assert (reconcile(lab).code, served(names.REGISTRY, names.DOMAIN, "DS")) == (Exit.WAITING, [])
    lab.off = timedelta(0)
    for _ in range(4):
        lab.later(timedelta(minutes=2))
        if reconcile(lab).code == Exit.DONE:
            break
    assert served(names.REGISTRY, names.DOMAIN, "DS")
    assert ended_well(lab) <= lab.now() + 1
