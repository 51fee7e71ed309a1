"""Whether a domain's MTA-STS policy lets mail through to its MX hosts (RFC 8461)."""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from plans import mta_sts
from plans.facts import NoAnswer, StsMode, StsPolicy
from plans.values import Name
from plans.verify.check import Check, Standing

_UNLISTED = {
    StsMode.ENFORCE: Standing.FAULT,
    StsMode.TESTING: Standing.NOTICE,
    StsMode.NONE: Standing.GOOD,
}


def sts_check(policy: StsPolicy | NoAnswer, hosts: Collection[Name]) -> Check:
    """Compare a policy with the MX hosts that are served."""
    match policy:
        case NoAnswer(why):
            mend = "Senders go on with the policy that they remember. Have it served again, or take the `_mta-sts` record away."
            return Check("MTA-STS", Standing.UNDETERMINED, why, mend)
        case StsPolicy(id=""):
            return Check("MTA-STS", Standing.GOOD, "there is no policy")
        case StsPolicy():
            return _listed(policy, hosts)
        case _ as never:
            assert_never(never)


def _listed(policy: StsPolicy, hosts: Collection[Name]) -> Check:
    which = f"policy {policy.id} (mode {policy.mode})"
    unlisted = sorted(host for host in hosts if not mta_sts.lists(policy, [host]))
    if not unlisted:
        return Check("MTA-STS", Standing.GOOD, f"{which} names every MX host")
    standing = _UNLISTED[policy.mode]
    mend = "Name them in the policy, then change the id in the `_mta-sts` record."
    what = f"{which} does not name {', '.join(unlisted)}"
    return Check("MTA-STS", standing, what, "" if standing is Standing.GOOD else mend)
