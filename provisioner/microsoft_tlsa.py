"""What is seen of the TLSA that Microsoft publishes for a domain's MX host."""

from __future__ import annotations

from plans.conditions import Instant, TlsaGone, TlsaSecure
from plans.judging import Memory, judge
from plans.rollout.domain import MicrosoftTlsa
from plans.values import Name
from provisioner.fleet import Fleet
from provisioner.probe.gather import gather


def seen(fleet: Fleet, host: Name | None) -> MicrosoftTlsa:
    """Look at a host; None: the domain has none of Microsoft's with DNSSEC."""
    if host is None:
        return MicrosoftTlsa.UNCLEAR
    asked: dict[Instant, MicrosoftTlsa] = {
        TlsaSecure(host): MicrosoftTlsa.PUBLISHED,
        TlsaGone(host): MicrosoftTlsa.WITHDRAWN,
    }
    facts = gather(fleet.witness(), asked, fleet.now(), {}, {}, {})
    return next((told for one, told in asked.items() if judge(one, facts, Memory()).met), MicrosoftTlsa.UNCLEAR)
