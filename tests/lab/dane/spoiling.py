"""What can be wrong with a signed zone's text as a server serves it: signatures of another time, keys of an unknown kind."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdataset
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG

VALIDITY = timedelta(days=14)
"""How long a signature is valid, whenever it ends."""
UNKNOWN = 17
"""SM2SM3 (RFC 9563), an algorithm of which the program can check no signature."""

Change = Callable[[dns.zone.Zone], None]


def ending(at: datetime, keys: Path) -> Change:
    """Sign all that is signed anew, so that every signature ends at a time (UTC); BIND keeps its keys in a folder."""

    def change(held: dns.zone.Zone) -> None:
        apex = held.origin or dns.name.root
        private = {tag: _private(file) for file in keys.glob("K*.private") for tag in [int(file.stem.split("+")[-1])]}
        keyset = [key for _, rdataset in _sets(held, "DNSKEY") for key in rdataset]
        public = {dns.dnssec.key_id(key): key for key in keyset if isinstance(key, DNSKEY)}
        with held.writer() as changed:
            for owner, signatures in _sets(held, "RRSIG"):
                signed = held.find_rdataset(owner, signatures.covers)
                tags = [one.key_tag for one in signatures if isinstance(one, RRSIG)]
                made = [dns.dnssec.sign((owner, signed), private[tag], apex, public[tag], at - VALIDITY, at) for tag in tags]
                changed.replace(owner, dns.rdataset.from_rdata_list(signatures.ttl, made))

    return change


def of_unknown_kind(held: dns.zone.Zone) -> None:
    """Let keys and signatures be of an algorithm of which the program can check no signature."""
    with held.writer() as changed:
        for kind in ("DNSKEY", "RRSIG"):
            for owner, rdataset in _sets(held, kind):
                made = [one.replace(algorithm=UNKNOWN) for one in rdataset]
                changed.replace(owner, dns.rdataset.from_rdata_list(rdataset.ttl, made))


def _sets(held: dns.zone.Zone, kind: str) -> list[tuple[dns.name.Name, dns.rdataset.Rdataset]]:
    """Give the sets of a type; of signatures there is one for each type that they cover."""
    return [found for found in held.iterate_rdatasets() if found[1].rdtype == dns.rdatatype.from_text(kind)]


def _private(file: Path) -> ec.EllipticCurvePrivateKey:
    """Read a private key as BIND keeps it."""
    said = next(line for line in file.read_text().splitlines() if line.startswith("PrivateKey: "))
    return ec.derive_private_key(int.from_bytes(base64.b64decode(said.split()[1])), ec.SECP256R1())
