"""What a person brings to a registrar, as its form asks for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from plans.facts import DnsKey
from plans.plan import Manual
from plans.values import Ds, Name

SHA256 = 2
"""The digest type of the DS that we make (RFC 4509)."""


def at_the_registrar(
    zone: Name, parent: Name, before: Collection[Ds], after: Collection[Ds], keys: Mapping[Ds, DnsKey]
) -> Manual:
    """Print what a registrar's form asks for: the DS set, and the DNSKEY of a new DS for those that ask for the key itself."""
    lines = [f"remove  {zone} IN DS {ds}" for ds in sorted(set(before) - set(after))]
    for ds in sorted(after):
        lines.append(f"{'have  ' if ds in before else 'add   '}  {zone} IN DS {ds}")
        if ds not in before:
            lines += _forms(ds, keys.get(ds))
    return Manual(f"At the registrar of {zone.rstrip('.')}, make the DS set at {parent} exactly this:", tuple(lines))


def _forms(ds: Ds, key: DnsKey | None) -> Iterator[str]:
    kind = " (SHA-256)" if ds.digest_type == SHA256 else ""
    yield (
        f"in a form:  key tag {ds.key_tag}, algorithm {ds.algorithm}, digest type {ds.digest_type}{kind}, digest {ds.digest}"
    )
    if key:
        yield f"or the key:  flags {key.flags}, protocol 3, algorithm {key.algorithm}, public key {key.public_key}"
