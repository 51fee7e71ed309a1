"""Where every lookup begins: the root's name servers, built in or from a hints file."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.rdatatype
import dns.zonefile

from plans.values import Name
from providers.contract import Unavailable

Servers = Mapping[Name, frozenset[str]]
"""Name servers, each with its addresses."""

ROOT_SERVERS: Servers = {
    Name(f"{letter}.root-servers.net."): frozenset(addresses)
    for letter, addresses in {
        "a": ("198.41.0.4", "2001:503:ba3e::2:30"),
        "b": ("170.247.170.2", "2801:1b8:10::b"),
        "c": ("192.33.4.12", "2001:500:2::c"),
        "d": ("199.7.91.13", "2001:500:2d::d"),
        "e": ("192.203.230.10", "2001:500:a8::e"),
        "f": ("192.5.5.241", "2001:500:2f::f"),
        "g": ("192.112.36.4", "2001:500:12::d0d"),
        "h": ("198.97.190.53", "2001:500:1::53"),
        "i": ("192.36.148.17", "2001:7fe::53"),
        "j": ("192.58.128.30", "2001:503:c27::2:30"),
        "k": ("193.0.14.129", "2001:7fd::1"),
        "l": ("199.7.83.42", "2001:500:9f::42"),
        "m": ("202.12.27.33", "2001:dc3::35"),
    }.items()
}
"""https://www.iana.org/domains/root/servers"""


def read_hints(path: Path) -> Servers:
    """Read a hints file: zone-file lines with the root's NS records and their addresses (RFC 9609). Raises `Unavailable`."""
    mend = f"Write the root's NS, A and AAAA records into {path}, or take `hints` out of resolver: in the manifest."
    try:
        records = dns.zonefile.read_rrsets(path.read_text(encoding="utf-8"), rdclass=None, default_ttl=0)
    except (OSError, UnicodeError) as error:
        raise Unavailable("The hints file cannot be read", f"{path}: {error}", mend) from None
    except (dns.exception.DNSException, ValueError) as error:
        raise Unavailable("The hints file cannot be used", f"{path}: {error}", mend) from None
    named: set[str] = set()
    addresses: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for rdata in record:
            if record.rdtype == dns.rdatatype.NS and not record.name.labels[0]:
                named.add(rdata.to_text().lower())
            elif record.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA}:
                addresses[record.name.to_text().lower()].add(str(ipaddress.ip_address(rdata.to_text())))
    servers = {Name(host): frozenset(addresses[host]) for host in sorted(named) if addresses[host]}
    if not servers:
        raise Unavailable("The hints file cannot be used", f"{path} names no server of the root with an address.", mend)
    return servers
