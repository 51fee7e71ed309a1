"""What a validating sender may hold of DNSSEC and DANE at one time, and whether it fits together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from plans.dane import matches
from plans.plan import Change
from plans.values import Ds, RRset, Tlsa, told
from tests.simulate.spans import History, Span, cached

Keys = frozenset[int]
"""The tags of the keys that a zone is served with; none: it is not signed."""


@dataclass(frozen=True, slots=True)
class Ttls:
    """What the zone and its parent have; seconds. `longest` is the highest in the whole zone."""

    longest: int
    negative: int
    key: int
    ds: int
    parent_negative: int


def ds_of(tag: int) -> Ds:
    """Make the DS of a key."""
    return Ds(tag, 13, 2, f"{tag:064x}")


def tlsa_of(certificate: bytes) -> Tlsa:
    """Make the record 3 0 1 for a certificate."""
    return Tlsa(3, 0, 1, sha256(certificate).hexdigest())


def bogus(trusted: Iterable[Span[RRset | None]], servers: Sequence[History[Keys]], ttls: Ttls) -> Iterator[str]:
    """Tell where a DS that is cached meets data that no key behind it signs: unsigned answers, or another DNSKEY set.

    `trusted` are the answers for the DS that may be cached, `servers` what the zone is served with.
    """
    unsigned = max(ttls.longest, ttls.negative)
    answers = cached(servers, lambda keys: ttls.key if keys else unsigned)
    for anchor in trusted:
        if anchor.what is None:
            continue
        tags = {one.key_tag for one in anchor.what.values if isinstance(one, Ds)}
        for answer in answers:
            at = anchor.meets(answer)
            if at is not None and not tags & answer.what:
                held = f"keys {sorted(answer.what)}" if answer.what else "unsigned answers"
                yield f"dnssec: at {at} the DS for {sorted(tags)} meets {held}"


def mismatched(
    secure: Iterable[Span[object]], records: Iterable[Span[RRset | None]], addresses: Sequence[History[bytes]]
) -> Iterator[str]:
    """Tell where a TLSA set that is cached, and held for secure, matches nothing that an address presents."""
    certificates = [span for history in addresses for span in history.spans()]
    for tlsa in records:
        held = [one for one in tlsa.what.values if isinstance(one, Tlsa)] if tlsa.what else []
        for certificate in certificates if held else ():
            if any(matches(one, (certificate.what,)) for one in held):
                continue
            at = tlsa.meets(certificate)
            if at is not None and at >= 0:
                both = Span(at, min(tlsa.end, certificate.end), None)
                met = next((met for one in secure if (met := both.meets(one)) is not None), None)
                if met is not None:
                    yield f"dane: at {met} {', '.join(map(str, held))} is held, and {certificate.what!r} presented"


def early(writes: Iterable[tuple[int, Change]], trusted: Sequence[Span[RRset | None]]) -> Iterator[str]:
    """Tell of each write that takes a DS out while somebody holds an answer without the one that is to stay."""
    for at, change in writes:
        if change.before and change.after and set(change.after.values) < set(change.before.values):
            for one in trusted:
                if one.what and one.start <= at < one.end and not set(one.what.values) & set(change.after.values):
                    yield f"order: at {at} a DS goes, and somebody holds only {', '.join(map(str, one.what.values))}"


def relied(writes: Iterable[tuple[int, Change]], dane: Iterable[Span[RRset | None]]) -> Iterator[str]:
    """Tell of each write that takes the last DS out while somebody holds an answer by which senders rely on DANE."""
    gone = [at for at, change in writes if change.after is None]
    for one in dane:
        yield from (
            f"order: at {at} the DS goes, and somebody holds {told(one.what)}" for at in gone if one.start <= at < one.end
        )
