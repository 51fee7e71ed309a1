"""Where every validation begins: the keys of the root that are trusted, built in or from a file, as DS."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.zonefile
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

from providers.contract import Unavailable
from provisioner.dns.signatures import is_supported

Anchor = tuple[DS, ...]
"""The keys that are trusted; one that signs the root's DNSKEY set is enough (RFC 4035 §5)."""


_DIGESTS = {
    20326: "e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d",
    38696: "683d2d0acb8c9b712a1948b27f741219298d0a450d612c483af444a4c0fb2b16",
}

ROOT_ANCHOR: Anchor = tuple(
    cast("DS", dns.rdata.from_text("IN", "DS", f"{tag} 8 2 {digest}")) for tag, digest in _DIGESTS.items()
)
"""KSK-2017 and KSK-2024 (https://data.iana.org/root-anchors/root-anchors.xml)."""


def read_anchor(path: Path) -> Anchor:
    """Read a trust anchor: zone-file lines with DNSKEY or DS records of the root. Raises `Unavailable`."""
    mend = f"Write the root's DNSKEY or DS records into {path}, or take `trust_anchor` out of resolver: in the manifest."
    try:
        records = dns.zonefile.read_rrsets(path.read_text(encoding="utf-8"), rdclass=None, default_ttl=0)
    except (OSError, UnicodeError) as error:
        raise Unavailable("The trust anchor cannot be read", f"{path}: {error}", mend) from None
    except (dns.exception.DNSException, ValueError) as error:
        raise Unavailable("The trust anchor cannot be used", f"{path}: {error}", mend) from None
    found: list[DS] = []
    for record in records:
        if record.name != dns.name.root:
            raise Unavailable(
                "The trust anchor cannot be used", f"{path} has a record of {record.name}, not of the root.", mend
            )
        for rdata in record:
            match rdata:
                case DS():
                    found.append(rdata)
                case DNSKEY():
                    found.append(dns.dnssec.make_ds(record.name, rdata, "SHA256"))
                case _:
                    pass
    usable = tuple(one for one in found if is_supported(one))
    if not usable:
        what = f"{path} has no DNSKEY or DS of an algorithm that can be checked."
        raise Unavailable("The trust anchor cannot be used", what, mend)
    return usable
