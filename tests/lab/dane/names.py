"""Who is who in the lab's Internet, and what the zones hold before anything happens. All of it is on loopback."""

from __future__ import annotations

ROOT, REGISTRY, MICROSOFT = "127.0.77.1", "127.0.77.2", "127.0.77.3"
PRIMARY, SECOND, THIRD = "127.0.77.11", "127.0.77.12", "127.0.77.13"
"""The customer's name servers."""
RESOLVER, SENDER = "127.0.77.53", "127.0.77.20"
"""A validating resolver, and a mail server of somebody who writes to the customer."""
LEGACY_ADDRESS, NEW_ADDRESS, OWN_ADDRESS = "127.0.77.25", "127.0.77.26", "127.0.77.27"
WEB = "127.0.77.80"
"""The customer's web server."""
UPDATES, REGISTRY_UPDATES = "127.0.77.90", "127.0.77.91"
"""Where the primary and the registry take dynamic updates."""
ADDRESSES = (
    ROOT, REGISTRY, MICROSOFT, PRIMARY, SECOND, THIRD, RESOLVER, SENDER, LEGACY_ADDRESS, NEW_ADDRESS, OWN_ADDRESS, WEB,
    UPDATES, REGISTRY_UPDATES,
)  # fmt: skip

DOMAIN = "contoso-lab.com"
LEGACY = "contoso-lab-com.mail.protection.outlook.com"
NEW = "contoso-lab-com.o-v1.mx.microsoft"
VERIFIED = f"Verified TLS connection established to {NEW}"
"""What Postfix says of a delivery by DANE."""
OWN = f"mx1.{DOMAIN}"
"""A mail host of the customer's own."""

KEY = 'key "lab" { algorithm hmac-sha256; secret "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="; };\n'
"""What every server of the lab is administered with."""

TTL = 40
"""Seconds: the customer's MX at first, the highest TTL in the zone; above the 30 to which it is lowered."""

_SOA = "$TTL 5\n@ SOA ns hostmaster 1 30 5 86400 3\n"

CUSTOMER = f"""{_SOA}@ NS ns1
@ NS ns2
@ NS ns3
ns1 A {PRIMARY}
ns2 A {SECOND}
ns3 A {THIRD}
@ {TTL} MX 0 {LEGACY}.
@ TXT "v=spf1 include:spf.protection.outlook.com -all"
www A {WEB}
mta-sts A {WEB}
mx1 A {OWN_ADDRESS}
"""

ZONES = {
    ROOT: {
        ".": f"{_SOA}@ NS a.root.\na.root. A {ROOT}\n"
        f"com. NS ns.nic.com.\nns.nic.com. A {REGISTRY}\n"
        f"microsoft. NS ns.nic.microsoft.\nns.nic.microsoft. A {REGISTRY}\n",
    },
    REGISTRY: {
        "com": f"{_SOA}@ NS ns.nic\nns.nic A {REGISTRY}\n"
        f"outlook NS ns.outlook\nns.outlook A {MICROSOFT}\n"
        + "".join(f"contoso-lab NS ns{n}.contoso-lab\n" for n in (1, 2, 3))
        + "".join(f"ns{n}.contoso-lab A {at}\n" for n, at in enumerate((PRIMARY, SECOND, THIRD), 1)),
        "microsoft": f"{_SOA}@ NS ns.nic\nns.nic A {REGISTRY}\nmx NS ns.mx\nns.mx A {MICROSOFT}\n",
    },
    MICROSOFT: {
        "outlook.com": f"{_SOA}@ NS ns\nns A {MICROSOFT}\ncontoso-lab-com.mail.protection A {LEGACY_ADDRESS}\n",
        "mx.microsoft": f"{_SOA}@ NS ns\nns A {MICROSOFT}\ncontoso-lab-com.o-v1 A {NEW_ADDRESS}\n",
    },
    PRIMARY: {DOMAIN: CUSTOMER},
}
"""For each primary server its zones; a zone's text is relative to it."""

SIGNED = {".": ROOT, "com": REGISTRY, "microsoft": REGISTRY, "mx.microsoft": MICROSOFT}
"""The zones that are signed from the beginning, from the root down, each with its server."""
