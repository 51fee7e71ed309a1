"""Microsoft's mail hosts by name: recognised here, never built.

The suffixes are those that Microsoft documents for each cloud; which host serves a domain is known from Graph alone.
"""

from __future__ import annotations

import re
from enum import Enum

from plans.desired import Cloud
from plans.values import Live, Mx, Name, RRset, is_at_or_below, name

GRAPH_ROOTS = {
    Cloud.GLOBAL: "https://graph.microsoft.com",
    Cloud.USGOV: "https://graph.microsoft.us",
    Cloud.USGOV_DOD: "https://dod-graph.microsoft.us",
    Cloud.CHINA: "https://microsoftgraph.chinacloudapi.cn",
}
"""Where each cloud's Microsoft Graph is (https://learn.microsoft.com/graph/deployments), without version path."""

MX_MICROSOFT = Name("mx.microsoft.")
"""Below it lie the hosts that can have DNSSEC, and so DANE."""

_LEGACY: dict[Cloud, tuple[Name, ...]] = {
    Cloud.GLOBAL: (
        Name("mail.protection.outlook.com."),
        Name("mail.eo.outlook.com."),
        Name("mail.protection.outlook.de."),
    ),
    Cloud.USGOV: (Name("mail.protection.office365.us."),),
    Cloud.USGOV_DOD: (Name("mail.protection.office365.us."),),
    Cloud.CHINA: (Name("mail.protection.partner.outlook.cn."),),
}
_INITIAL_SUFFIXES = tuple(map(name, ("onmicrosoft.com", "onmicrosoft.us", "partner.onmschina.cn")))
_KNOWN_FORM = re.compile(r"[a-z0-9-]+\.[a-z0-9]+-v[0-9]+\.mx\.microsoft\.\Z")
_VERIFICATION = re.compile(r"ms[0-9]+\.msv1\.invalid\.\Z")


class HostKind(Enum):
    """Whose a mail host is, as far as its name tells."""

    MX_MICROSOFT = "under mx.microsoft"
    LEGACY = "a legacy name of Exchange Online"
    VERIFICATION = "a domain verification record, which takes no mail"
    FOREIGN = "not Microsoft's"


def host_kind(host: Name) -> HostKind:
    """Say whose a mail host is, in whichever cloud."""
    if is_at_or_below(host, MX_MICROSOFT):
        return HostKind.MX_MICROSOFT
    if any(is_at_or_below(host, suffix) for of_cloud in _LEGACY.values() for suffix in of_cloud):
        return HostKind.LEGACY
    if _VERIFICATION.match(host):
        return HostKind.VERIFICATION
    return HostKind.FOREIGN


def microsoft_host(live: Live) -> Name | None:
    """Give the host under mx.microsoft that an MX set names, if it names one."""
    held = [one.exchange for one in live.values if isinstance(one, Mx)] if isinstance(live, RRset) else []
    return next((host for host in held if host_kind(host) is HostKind.MX_MICROSOFT), None)


def suffixes(cloud: Cloud) -> tuple[Name, ...]:
    """Give the names below which a cloud's mail hosts lie; mx.microsoft is known of the global cloud alone."""
    return (MX_MICROSOFT, *_LEGACY[cloud]) if cloud is Cloud.GLOBAL else _LEGACY[cloud]


def serves(host: Name, cloud: Cloud) -> bool:
    """Whether a host's name lies below one of the cloud's suffixes."""
    return any(host != suffix and is_at_or_below(host, suffix) for suffix in suffixes(cloud))


def has_known_form(host: Name) -> bool:
    """Whether a name under mx.microsoft looks like every one that Microsoft was seen to assign."""
    return bool(_KNOWN_FORM.match(host))


def is_onmicrosoft(domain: Name) -> bool:
    """Whether a domain is one that Microsoft itself gives to tenants, and whose DNS it runs."""
    return any(is_at_or_below(domain, suffix) for suffix in _INITIAL_SUFFIXES)
