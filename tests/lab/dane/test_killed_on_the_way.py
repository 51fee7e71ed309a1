"""The program is killed around the writes of DS and TLSA, and at each entry of its journal while a person does a step.

It comes to the same end, with no step done twice; mail arrives all along.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.certificates import present
from tests.lab.dane.killer import Killer
from tests.lab.dane.relay import Moment
from tests.lab.dane.servers import served
from tests.lab.dane.test_rolls import tlsa, to_plan
from tests.lab.dane.world import Lab, ds_of

AROUND, AFTER = (Moment.SENT, Moment.DONE), (Moment.TOLD,)
MOST = 40
"""So many runs bring any of these plans to its end, however often they are killed."""


@pytest.mark.parametrize("moments", [AROUND, AFTER], ids=["around", "after"])
def test_killed_while_the_zone_is_signed_and_gets_its_ds(lab: Lab, moments: Sequence[Moment]) -> None:
    lab.write("dnssec: manage, parent: com")
    lab.call("plan", "--out", "sign.plan")
    assert by_entries(lab, "sign.plan") == Exit.WAITING
    lab.sign()
    lab.mail()
    assert by_entries(lab, "sign.plan") == Exit.DONE
    lab.call("plan", "--out", "ds.plan")
    by_writes(lab, "ds.plan", moments)
    assert [one.split()[1] for one in served(names.REGISTRY, names.DOMAIN, "DS")] == lab.key_tags()
    well(lab)


def test_killed_while_the_certificate_of_a_mail_host_changes(lab: Lab) -> None:
    first = f"certificate: {{file: {names.OWN}.pem}}"
    with lab.own_host() as host:
        upcoming = lab.authority.issue(names.OWN, "-next")
        lab.sign()
        lab.delegate(*ds_of(names.PRIMARY, names.DOMAIN))
        to_plan(lab, first, "first.plan")
        by_writes(lab, "first.plan", AROUND)
        to_plan(lab, f"{first}, next: {{file: {names.OWN}-next.pem}}", "next.plan")
        by_writes(lab, "next.plan", AFTER, Exit.WAITING)
        assert by_entries(lab, "next.plan") == Exit.WAITING
        present(host.tls, upcoming)
        assert by_entries(lab, "next.plan") == Exit.DONE
        to_plan(lab, f"certificate: {{file: {names.OWN}-next.pem}}", "last.plan")
        by_writes(lab, "last.plan", AROUND)
        assert tlsa() == {lab.authority.tlsa(names.OWN, "-next")}
        well(lab)


def by_entries(lab: Lab, plan: str) -> int:
    """Kill the program at the first entry that it writes into its journal, then at the second, until it ends by itself."""
    killer = Killer(lab)
    return next(code for number in range(1, MOST) if (code := killer.apply_to_entry(plan, number)) >= 0)


def by_writes(lab: Lab, plan: str, moments: Sequence[Moment], ends: Exit = Exit.DONE) -> None:
    """Kill the program at each moment of a plan's one write, and see that it is made once; `ends` is how the plan ends then."""
    killer, code = Killer(lab, moments), -1
    lab.relay.befall = lab.registry.befall = killer.befall
    for _ in range(MOST):
        code = killer.apply(plan)
        if (code, killer.killed) == (ends, [*moments]):
            break
        lab.later(timedelta(seconds=names.TTL + 10))
        lab.mail()
    assert (code, killer.killed, killer.reached) == (ends, [*moments], 1)


def well(lab: Lab) -> None:
    """See that the program finds nothing wrong, in the world and in its journal."""
    lab.forget()
    assert lab.call("verify").code == Exit.DONE
    assert lab.call("plan", "--detailed-exitcode").code == Exit.DONE
    assert lab.call("history", "--verify").code == Exit.DONE
    lab.mail()
