"""Whether a zone is delegated as it says itself, and whether what its parent says of its keys is true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import assert_never

from plans.duration import duration
from plans.facts import NoAnswer, Secured, Security, Signed, ZoneFacts
from plans.rollout.zone import SIGNATURES_LEFT
from plans.values import Ds, Name, RRset, Value
from plans.verify.check import Check, Standing
from plans.verify.mx import UnderWay

LEAST_VALIDITY = timedelta(days=1)
"""Signatures that end sooner are a fault: perhaps nobody is there in time."""


def delegation_check(zone: ZoneFacts) -> Check:
    """Compare the servers that the parent names with those that the zone names itself."""
    mend = "Make both the same: at the registrar or in the zone above, or in the NS set of the zone."
    if not zone.own:
        what = f"the servers of {zone.zone} name different NS sets; its parent names {_named(zone.delegated)}"
        return Check("delegation", Standing.FAULT, what, mend)
    if zone.own != zone.delegated:
        what = f"the parent of {zone.zone} names {_named(zone.delegated)}; the zone itself names {_named(zone.own)}"
        return Check("delegation", Standing.FAULT, what, mend)
    return Check("delegation", Standing.GOOD, f"{zone.zone} and its parent name {_named(zone.own)}")


def chain_check(zone: ZoneFacts, mx: Secured, *, signed: bool, under_way: UnderWay | None) -> Check:
    """Say what a validator makes of a zone and of the MX set in it. `signed`: the manifest asks for it."""
    security, why = _weaker((zone.security, zone.why), (mx.security, mx.why))
    told = f"{zone.zone} is {security}{f': {why}' if why else ''}"
    match security:
        case Security.SECURE:
            return Check("chain", Standing.GOOD, told)
        case Security.BOGUS:
            mend = (
                "Who validates gets no answer, and no mail through. Have the DS removed or corrected, or the zone signed anew."
            )
            return Check("chain", Standing.FAULT, told, mend)
        case Security.INDETERMINATE:
            return Check("chain", Standing.UNDETERMINED, told)
        case Security.INSECURE if signed and under_way:
            return Check(
                "chain", Standing.NOTICE, f"{told}; {under_way} is to sign it", "Apply that plan again until it is done."
            )
        case Security.INSECURE if signed:
            return Check("chain", Standing.FAULT, f"{told}; the manifest asks for a signed zone", "provisioner plan")
        case Security.INSECURE:
            return Check("chain", Standing.GOOD, told)
        case _ as never:
            assert_never(never)


_WEAKEST_FIRST = (Security.BOGUS, Security.INDETERMINATE, Security.INSECURE, Security.SECURE)


def _weaker(*found: tuple[Security, str]) -> tuple[Security, str]:
    return min(found, key=lambda one: _WEAKEST_FIRST.index(one[0]))


def ds_checks(zone: ZoneFacts, at: datetime) -> Iterator[Check]:
    """Say whether the parent's DS names keys that sign the zone everywhere, and for how long its signatures are valid yet."""
    match zone.ds:
        case NoAnswer(why):
            yield Check("DS", Standing.UNDETERMINED, why)
        case None:
            yield Check("DS", Standing.GOOD, f"{zone.parent} holds none for {zone.zone}")
        case RRset(values=values):
            yield _matching(zone, values)
        case _ as never:
            assert_never(never)
    signed = {address: one for address, one in sorted(zone.signed.items()) if isinstance(one, Signed)}
    if signed:
        yield _signatures(zone, signed, at)


def _matching(zone: ZoneFacts, values: tuple[Value, ...]) -> Check:
    held = [value for value in values if isinstance(value, Ds)]
    heard = {address: one for address, one in sorted(zone.signed.items()) if not isinstance(one, NoAnswer)}
    silent = [f"{address}: {one.why}" for address, one in sorted(zone.signed.items()) if isinstance(one, NoAnswer)]
    unnamed = [address for address, one in heard.items() if not (one and any(_names(ds, one) for ds in held))]
    if unnamed:
        what = f"{zone.parent} holds {_tags(held)}, which names no DNSKEY that signs at {', '.join(unnamed)}"
        return Check(
            "DS", Standing.FAULT, what, "Bring the DS of the served key to the parent, or have this one removed there."
        )
    if silent:
        return Check("DS", Standing.UNDETERMINED, "\n".join([f"{zone.parent} holds {_tags(held)}", *silent]))
    dead = [ds for ds in held if not any(one and _names(ds, one) for one in heard.values())]
    if dead:
        what = f"{zone.parent} holds {_tags(held)}, of which {_tags(dead)} names no DNSKEY that signs"
        return Check("DS", Standing.NOTICE, what, "Have it removed, unless it is for a key that is still to come.")
    return Check("DS", Standing.GOOD, f"{zone.parent} holds {_tags(held)}, which every server serves and signs with")


def _names(ds: Ds, signed: Signed) -> bool:
    """Whether a DS names a key that signs; of a digest type that is not made here the key tag is taken for it."""
    of_tag = [
        key for key in signed.keys if (key.tag, key.algorithm) == (ds.key_tag, ds.algorithm) and key.tag in signed.signing
    ]
    return any(ds in key.ds or all(ds.digest_type != made.digest_type for made in key.ds) for key in of_tag)


def _signatures(zone: ZoneFacts, signed: dict[str, Signed], at: datetime) -> Check:
    """Say for how long the signatures of every server are valid; where no DS makes them count they are no fault."""
    worst = Standing.NOTICE if zone.ds is None else Standing.FAULT
    mend = "See that the zone is signed anew in time, where it is signed."
    for address, one in signed.items():
        if one.valid_until is None:
            return Check("signatures", worst, f"{address}: {one.fault}", mend)
    ends = {address: one.valid_until for address, one in signed.items() if one.valid_until}
    address, end = min(ends.items(), key=lambda one: one[1])
    left, margin = end - at, timedelta(seconds=SIGNATURES_LEFT + max(one.key_ttl for one in signed.values()))
    told = f"valid until {end:%Y-%m-%d %H:%M:%SZ}, for {duration(max(0, round(left.total_seconds())))} more ({address})"
    if left < LEAST_VALIDITY:
        return Check("signatures", worst, told, mend)
    if left < margin:
        return Check("signatures", Standing.NOTICE, told, mend)
    return Check("signatures", Standing.GOOD, told)


def _named(hosts: Iterable[Name]) -> str:
    return ", ".join(sorted(hosts))


def _tags(held: Iterable[Ds]) -> str:
    return f"the DS {', '.join(f'{ds.key_tag} (algorithm {ds.algorithm}, digest type {ds.digest_type})' for ds in held)}"
