"""A zone's DNSSEC: signed, its DS at the parent, and the way back, in an order in which no answer is ever bogus.

A DS says that the zone is signed. So it comes in when no cache can hold unsigned data any more, and it is out of every cache
before the signatures go (RFC 6781 §4.1.2, RFC 7583 §3.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from plans.conditions import (
    ChainValid,
    ClockTrusted,
    Condition,
    DelegatedTo,
    HeldFor,
    MxOffDane,
    ParentSecure,
    ParentServesDs,
    Plain,
    ProviderHolds,
    TlsaGone,
    TlsaHarmless,
    ZoneSigned,
    ZoneUnsigned,
)
from plans.desired import Dnssec
from plans.facts import NoAnswer, Security, Signed, ZoneFacts
from plans.plan import Change, Manual, Rollout, SetSigning, Step
from plans.policy import Finding, Risk, Severity
from plans.rollout.phased import UNKNOWN_TTL
from plans.rollout.registrar import SHA256, at_the_registrar
from plans.rollout.zone_wish import Wish
from plans.values import Ds, Irregular, Key, Name, RRset

DS_TTL = 3600
"""Seconds: that of a new DS set where none stood, its provider gives none of its own, and no other stands at the parent.

Every wait for a DS counts with the TTL that is written.
"""
SIGNATURES_LEFT = 3 * 86400
"""Seconds for which signatures must be valid beyond every TTL before a DS makes them matter."""


def propose(wish: Wish, now: datetime) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Propose the steps that are known in full, or say why there are none. Neither: the zone is as it should be."""
    broken = tuple(_broken(wish))
    if wish.dnssec is Dnssec.KEEP:
        return None, broken
    refusals = tuple(_refusals(wish))
    if refusals:
        return None, (*broken, *refusals)
    made = _off(wish) if wish.dnssec is Dnssec.OFF else _manage(wish, now)
    return (None, (*broken, made)) if isinstance(made, Finding) else (made, broken)


def counts_on_ttls(wish: Wish, now: datetime) -> bool:
    """Whether the highest TTL of the zone makes a difference to what is proposed, as where a DS is to come in."""
    doubled = replace(wish.surety, longest_ttl=2 * wish.surety.longest_ttl)
    return propose(wish, now) != propose(replace(wish, surety=doubled), now)


def entry_points(facts: ZoneFacts) -> frozenset[Ds] | None:
    """Give the SHA-256 DS of each key that signs the DNSKEY set as an entry point, at every address alike; None: not alike."""
    found = {_of_address(one) for one in facts.signed.values()}
    return next(iter(found)) if len(found) == 1 else None


def _of_address(one: Signed | NoAnswer | None) -> frozenset[Ds] | None:
    match one:
        case Signed(keys, _, signing):
            signs = [key for key in keys if key.is_entry_point and key.tag in signing]
            return frozenset(ds for key in signs for ds in key.ds if ds.digest_type == SHA256)
        case NoAnswer():
            return None
        case _:
            return frozenset()


def _broken(wish: Wish) -> Iterator[Finding]:
    """Find a zone that validators refuse as it is."""
    if wish.facts.security is Security.BOGUS:
        what = f"Validating resolvers refuse {wish.zone.name} now: {wish.facts.why}"
        mend = f"Apply this plan if it mends the DS; else have the DS of {wish.subject} removed at the parent."
        yield Finding(Severity.WARNING, "broken-now", wish.subject, what, mend)


def _refusals(wish: Wish) -> Iterator[Finding]:
    facts, subject = wish.facts, wish.subject
    if isinstance(wish.parent.held, Irregular):
        what = f"The DS set at the parent cannot be owned: {wish.parent.held.reason}."
        yield Finding.block(subject, "set-irregular", what, "Make it a plain set there, then plan again.")
    silent = [f"{address}: {one.why}" for address, one in sorted(facts.signed.items()) if isinstance(one, NoAnswer)]
    if isinstance(facts.ds, NoAnswer):
        silent.append(f"the parent's: {facts.ds.why}")
    if silent or not facts.signed:
        what = "Not every server told how it serves the zone's keys and its DS.\n" + "\n".join(silent)
        yield Finding(Severity.ERROR, "dnssec-unreadable", subject, what, f"See what they say:  dig +dnssec {subject} DNSKEY")
    elif wish.dnssec is Dnssec.MANAGE and facts.parent_security is Security.INSECURE:
        what = f"The zone above, {facts.parent.rstrip('.')}, is not secure: a DS in it would mean nothing."
        yield Finding.block(subject, "parent-insecure", what, "Drop `dnssec: manage` until the zone above has its own DS.")
    elif wish.dnssec is Dnssec.OFF and wish.held and facts.security is not Security.BOGUS:
        yield from _dane_that_stays(wish)


def _dane_that_stays(wish: Wish) -> Iterator[Finding]:
    """Find what relies on the DS, and is not to go before it."""
    if wish.with_dane:
        named = _told(wish.with_dane)
        what = f"The MX of {named} is under mx.microsoft: without a DS, senders no longer check it by DANE (RFC 7672 §2.2.1)."
        mend = "Bring the MX back to the legacy host first (`exchange: …mail.protection.outlook.com`), then plan again."
        yield Finding.block(wish.subject, "dane-before-ds", what, mend)
    if wish.with_tlsa:
        named = _told(wish.with_tlsa)
        what = (
            f"`mail_hosts` asks for a TLSA set at {named}, which counts for nothing without the DS that `dnssec: off` removes."
        )
        mend = (
            f"Take {named} out of `mail_hosts` and remove the TLSA at the DNS provider; or drop `dnssec: off`. Then plan again."
        )
        yield Finding.block(wish.subject, "tlsa-before-ds", what, mend)


def _manage(wish: Wish, now: datetime) -> Rollout | Finding | None:
    served = entry_points(wish.facts)
    if served is None:
        what = "The servers of the zone do not serve the same keys."
        return Finding.block(
            wish.subject, "keys-differ", what, "Plan again when every server has the newest version of the zone."
        )
    if not served and not (wish.provider and wish.provider.signed):
        return _sign(wish, now)
    wanted = frozenset(wish.provider.ds) if wish.provider and wish.provider.ds else served
    if not wanted:
        what = "The zone is signed, and nobody tells the DS for it."
        return Finding.block(wish.subject, "ds-unknown", what, "Plan again in some minutes: the keys are being made.")
    held = wish.held
    steps = tuple(_to_wanted_ds(wish, held, wanted, now))
    return Rollout(wish.subject, steps) if steps else None


def _sign(wish: Wish, now: datetime) -> Rollout:
    name = wish.zone.name
    scanned = wish.facts.parent_scans_cds
    requires: tuple[Condition, ...] = _harmless(wish)
    if scanned:
        requires = (_delegated(wish, now), *_long_harmless(wish), ParentSecure(name), ClockTrusted())
    done_when = (ZoneSigned(name, (), 0),)
    outline = ["Then the DS goes to the parent, once no cache can hold unsigned answers; the next plan proposes it."]
    if scanned:
        outline.append(f"{wish.facts.parent} looks for CDS records (RFC 7344): it may take the DS by itself.")
    if wish.provider is None:
        what = f"Sign the zone {wish.subject} where it is served (RFC 4035 §2); all of its servers must serve the signatures."
        return Rollout(wish.subject, (Step(Risk.MANUAL, Manual(what), None, requires, done_when),), tuple(outline))
    risk = Risk.ADD_DS if scanned else Risk.SIGN
    return Rollout(wish.subject, (Step(risk, SetSigning(signed=True), wish.zone, requires, done_when),), tuple(outline))


def _to_wanted_ds(wish: Wish, held: frozenset[Ds], wanted: frozenset[Ds], now: datetime) -> Iterator[Step]:
    """Add the DS of keys that have none, then remove those that no key stands behind."""
    matching = frozenset(one for one in held if one.digest_type != SHA256 and _is_served(one, wish.facts))
    both = held | wanted
    if both != held:
        yield _set_ds(wish, held, both, Risk.ADD_DS, _before_adding(wish, held, wanted, now))
    if gone := both - wanted - matching:
        served = HeldFor(ParentServesDs(wish.zone.name, _sorted(both)), _ds_ttl(wish))
        signed = ZoneSigned(wish.zone.name, _sorted(wanted), SIGNATURES_LEFT)
        yield _set_ds(wish, both, both - gone, Risk.REMOVE_DS, (served, signed))


def remembered(rollout: Rollout) -> int | None:
    """Give the TTL (seconds) of the DS set as an open rollout knows it, before it took the set away; None: it does not."""
    waits = [one for step in rollout.steps for one in step.requires if isinstance(one, HeldFor)]
    return max((one.seconds for one in waits if isinstance(one.condition, ParentServesDs)), default=None)


def _is_served(ds: Ds, facts: ZoneFacts) -> bool:
    signed = [one for one in facts.signed.values() if isinstance(one, Signed)]
    return bool(signed) and all(any(ds in key.ds for key in one.keys) for one in signed)


def _before_adding(wish: Wish, held: frozenset[Ds], wanted: frozenset[Ds], now: datetime) -> tuple[Condition, ...]:
    """Give what must be so before a DS counts on the zone's keys.

    Beside a DS that is valid already, only the new key must have reached every cache; else every unsigned answer must be gone.
    A zone that validators refuse already can only be mended by it.
    """
    name, surety, facts = wish.zone.name, wish.surety, wish.facts
    key_ttl = max((one.key_ttl for one in facts.signed.values() if isinstance(one, Signed)), default=0)
    signed = ZoneSigned(name, _sorted(wanted), max(surety.longest_ttl, key_ttl, _ds_ttl(wish)) + SIGNATURES_LEFT)
    if held and facts.security is Security.BOGUS:
        return (signed, ClockTrusted())
    if held and facts.security is Security.SECURE:
        return (HeldFor(signed, key_ttl + surety.propagation), ClockTrusted())
    wait = max(surety.longest_ttl, facts.negative_ttl, key_ttl) + surety.propagation
    return (
        HeldFor(signed, _left(wait, surety.signed_since, now)),
        _delegated(wish, now),
        *_long_harmless(wish),
        ParentSecure(name),
        ClockTrusted(),
    )


def _delegated(wish: Wish, now: datetime) -> HeldFor:
    servers = tuple(sorted(wish.facts.delegated))
    return HeldFor(DelegatedTo(wish.zone.name, servers), _left(wish.facts.ns_ttl, wish.surety.delegated_since, now))


def _left(wait: int, since: datetime | None, now: datetime) -> int:
    """Give what is left of a wait that somebody says began earlier."""
    return max(0, wait - max(0, int((now - since).total_seconds()))) if since else wait


def _off(wish: Wish) -> Rollout | None:
    """Take the DS out once DANE is, and once no cache holds it, the signatures."""
    name, held = wish.zone.name, wish.held
    served = any(isinstance(one, Signed) for one in wish.facts.signed.values())
    if not held and not wish.facts.ds and not served and not (wish.provider and wish.provider.signed):
        return None
    steps = [_set_ds(wish, held, frozenset(), Risk.REMOVE_DS, _dane_gone(wish))] if held else []
    unknown = max(_ds_ttl(wish), UNKNOWN_TTL) if wish.remembered is None else wish.remembered
    gone = HeldFor(ParentServesDs(name, ()), _ds_ttl(wish) if held else unknown)
    done_when = (ZoneUnsigned(name),)
    if wish.provider is None:
        what = f"Stop signing the zone {wish.subject} where it is served."
        steps.append(Step(Risk.MANUAL, Manual(what), None, (gone,), done_when))
    else:
        steps.append(Step(Risk.UNSIGN, SetSigning(signed=False), wish.zone, (gone,), done_when))
    return Rollout(wish.subject, tuple(steps))


def _set_ds(wish: Wish, before: frozenset[Ds], after: frozenset[Ds], risk: Risk, requires: tuple[Condition, ...]) -> Step:
    """Bring the DS set at the parent from one to another, by its provider or by a person at the registrar."""
    name, key = wish.zone.name, Key(wish.zone.name, "DS")
    done_when: tuple[Condition, ...] = (ParentServesDs(name, _sorted(after)),)
    if after:
        done_when = (*done_when, ChainValid(name))
    if wish.parent.zone is None:
        keys = {ds: key for one in wish.facts.signed.values() if isinstance(one, Signed) for key in one.keys for ds in key.ds}
        by_hand = at_the_registrar(name, wish.facts.parent, before, after, keys)
        return Step(Risk.MANUAL, by_hand, None, requires, done_when)
    old, new = (_at_parent(wish, key, one) for one in (before, after))
    return Step(risk, Change(old, new), wish.parent.zone, requires, (ProviderHolds(wish.parent.zone, key, new), *done_when))


def _harmless(wish: Wish) -> tuple[Condition, ...]:
    return tuple(TlsaHarmless(host) for host in wish.mail_hosts)


def _long_harmless(wish: Wish) -> tuple[Condition, ...]:
    """Give the same for as long as an older TLSA set may be cached: with a DS the signatures that lie beside it count."""
    return tuple(HeldFor(TlsaHarmless(host), wish.surety.longest_ttl) for host in wish.mail_hosts)


def _dane_gone(wish: Wish) -> tuple[Condition, ...]:
    """Give what keeps the DS: a TLSA set of a host in the zone, an MX under mx.microsoft, and any that a cache may hold.

    How long the TTL of a set was that has gone is not known any more, so that it counts as the zone's longest. Nothing keeps
    it where the zone is refused now.
    """
    if wish.facts.security is Security.BOGUS:
        return ()
    gone: list[Plain] = [TlsaGone(host) for host in wish.mail_hosts]
    gone += [MxOffDane(wish.zone.name, domain) for domain in wish.domains]
    return tuple(HeldFor(one, wish.surety.longest_ttl) for one in gone)


def _at_parent(wish: Wish, key: Key, ds: frozenset[Ds]) -> RRset | None:
    """Give a DS set as the parent's provider holds it, or will."""
    held = wish.parent.held
    if isinstance(held, RRset) and frozenset(held.values) == ds:
        return held
    return RRset(key, _written_ttl(wish), _sorted(ds)) if ds else None


def _written_ttl(wish: Wish) -> int:
    """Give the TTL of a DS set that we write: the provider's, else that of the set before."""
    known = [held.ttl for held in (wish.parent.held, wish.facts.ds) if isinstance(held, RRset)]
    return next((ttl for ttl in (wish.parent.ttl, *known) if ttl is not None), DS_TTL)


def _ds_ttl(wish: Wish) -> int:
    """Give for how long a cache may hold a DS set of today, or one that we write."""
    return max([held.ttl for held in (wish.parent.held, wish.facts.ds) if isinstance(held, RRset)] + [_written_ttl(wish)])


def _sorted(ds: frozenset[Ds]) -> tuple[Ds, ...]:
    return tuple(sorted(ds))


def _told(names: tuple[Name, ...]) -> str:
    return ", ".join(one.rstrip(".") for one in names)
