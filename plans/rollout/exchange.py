"""What only a person can do in Exchange Online on the way to DANE and back: no documented API runs these cmdlets.

https://learn.microsoft.com/purview/how-smtp-dane-works
"""

from __future__ import annotations

from plans.conditions import ChainValid, GraphSays, HeldFor, Readiness, TlsaGone, TlsaSecure
from plans.plan import Manual, Step
from plans.policy import Risk
from plans.values import Name

TLSA_TTL = 86400
"""Seconds: what is waited for after Microsoft withdrew a TLSA set whose TTL nobody remembers."""


def assign_host(domain: Name, zone: Name, live: Name) -> Step:
    """Have Microsoft assign a host under mx.microsoft, once the domain's zone is secure; `live` is the MX host of today."""
    bare = domain.rstrip(".")
    what = (
        f"Have Microsoft assign a host with DNSSEC to {bare}. Connectors and devices that send to {live.rstrip('.')} by name "
        "must use the tenant's own name first. In Exchange Online PowerShell, then here:"
    )
    copy = (
        f"Enable-DnssecForVerifiedDomain -DomainName {bare}",
        f"provisioner pin {bare} HOST     # HOST is the DnssecMxValue that it printed",
    )
    done_when = (GraphSays(domain, Readiness.ASSIGNED),)
    return Step(Risk.MANUAL, Manual(what, copy), None, (ChainValid(zone),), done_when)


def turn_on_dane(domain: Name, zone: Name, host: Name) -> Step:
    """Have Microsoft publish the TLSA of the domain's host, once the domain's own zone is secure."""
    bare = domain.rstrip(".")
    what = f"Turn on DANE for mail to {bare}, in Exchange Online PowerShell; Microsoft publishes the TLSA in 15 to 30 minutes:"
    copy = (f"Enable-SmtpDaneInbound -DomainName {bare}",)
    return Step(Risk.MANUAL, Manual(what, copy), None, (ChainValid(zone),), (TlsaSecure(host),))


def turn_off_dane(domain: Name, host: Name) -> Step:
    """Have Microsoft withdraw the TLSA of the domain's host; over once no cache can hold it."""
    bare = domain.rstrip(".")
    what = f"Turn off DANE for mail to {bare}, in Exchange Online PowerShell:"
    copy = (f"Disable-SmtpDaneInbound -DomainName {bare}",)
    return Step(Risk.MANUAL, Manual(what, copy), None, (), (TlsaGone(host),))


def tlsa_forgotten(host: Name) -> HeldFor:
    """Give the wait until no cache holds the TLSA that Microsoft withdrew."""
    return HeldFor(TlsaGone(host), TLSA_TTL)
