"""What a zone's servers and its parent's serve now, address by address, all of it asked anew and over TCP."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

import dns.dnssec
import dns.message
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

from plans.facts import DnsKey, NoAnswer, Security, Signed, ZoneFacts
from plans.values import Ds, Key, Live, Name, RRset, ancestors
from providers.contract import Unavailable
from provisioner.dns import answers
from provisioner.dns.answers import Bogus, Delegated, Lame
from provisioner.dns.chain import Chain
from provisioner.dns.client import Wish
from provisioner.dns.everywhere import Told, about, ask_all, not_delegated
from provisioner.dns.roots import Servers
from provisioner.dns.secured import DENIAL, WORST_FIRST
from provisioner.dns.signatures import check, is_usable
from provisioner.dns.validation import Standing, Unsigned, dnskeys, signers, verdict, zone_keys
from provisioner.dns.zones import Effort, Way, Zones, parent

SCANNING = frozenset(Name(f"{tld}.") for tld in ("ch", "cr", "cz", "fo", "li", "nu", "se", "sk"))
"""Registries that look for CDS and CDNSKEY (RFC 7344, RFC 8078); see https://github.com/fiwswe/cds-updates."""

_REVERSE = Name("arpa.")
"""RIPE NCC looks for them below it; which of its zones are RIPE's is not told, so that all count."""
_DIGESTS = ("SHA256", "SHA384")
_NS_AT_PARENT = Wish(tcp=True)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Apex:
    """What one address answers for its own zone: the answers by key, and what they hold. `negative_ttl` in seconds."""

    answers: Mapping[Key, dns.message.Message]
    negative_ttl: int
    ns: RRset


@dataclass(frozen=True, slots=True)
class _Delegation:
    """What one address of the parent says of a zone. `ttl` in seconds."""

    found: Delegated
    ttl: int


@dataclass(frozen=True, slots=True)
class _AtParent:
    """The DS that one address of the parent holds, and what a validator makes of it."""

    held: Live
    trusted: tuple[DS, ...] | Unsigned


class Surveyor:
    """Gathers the facts of zones; several threads may use it. `note` takes what had to be left out."""

    def __init__(
        self, zones: Zones, way: Way, chain: Chain, now: Callable[[], datetime], note: Callable[[Iterable[str]], None]
    ) -> None:
        self._zones, self._way, self._chain, self._now, self._note = zones, way, chain, now, note

    def facts(self, zone: Name, keys: Collection[Key]) -> ZoneFacts:
        """Gather what is served of a zone; where its servers name different NS sets, it has none of its own.

        Raises `Unavailable` where it is not delegated, nobody answers for it, or the parent does not tell its SOA.
        """
        effort, now = Effort(), self._now()
        over = self._zones.enclosing(parent(zone), effort)
        above = self._chain.above(over.zone, effort)
        over_servers = self._zones.all_addresses(over, effort)
        said = self._told(over.zone, over_servers, lambda at: self._delegation(over.zone, zone, at))
        held = self._told(over.zone, over_servers, lambda at: self._ds(zone, above, at, now))
        delegated = _united(zone, said)
        asked = (Key(zone, "SOA"), Key(zone, "NS"), Key(zone, "DNSKEY"), *sorted(set(keys)))
        own = self._told(zone, self._zones.all_addresses(delegated, effort), lambda at: self._apex(zone, asked, at))
        if not own.answers:
            mend = f"See what they say:  dig +norecurse {zone} SOA @SERVER ; then try again."
            raise Unavailable(f"No server of zone {zone} answers for it", own.why, mend)
        security, why = _security(zone, above, held, own.answers, now)
        child_ns = {frozenset(Name(str(value)) for value in one.ns.values) for one in own.answers.values()}
        return ZoneFacts(
            zone=zone,
            parent=over.zone,
            security=security,
            why=why,
            parent_security=above.security,
            ds=_agreed(held),
            signed={
                **{at: _signed(zone, one, now) for at, one in own.answers.items()},
                **{at: NoAnswer(fault.why) for at, fault in own.faults.items()},
            },
            delegated=delegated.servers,
            own=child_ns.pop() if len(child_ns) == 1 else frozenset(),
            ns_ttl=max(*(one.ns.ttl for one in own.answers.values()), *(one.ttl for one in said.answers.values())),
            negative_ttl=max(one.negative_ttl for one in own.answers.values()),
            parent_negative_ttl=self._zones.first(over, over.zone, "SOA", partial(_denial_ttl, over.zone), effort),
            parent_scans_cds=over.zone in SCANNING or _REVERSE in (over.zone, *ancestors(over.zone)),
        )

    def _told(self, zone: Name, servers: Servers, ask: Callable[[str], _T]) -> Told[_T]:
        told = ask_all(zone, servers, ask)
        self._note(told.left_out)
        return told

    def _delegation(self, over: Name, zone: Name, at: str) -> _Delegation:
        answer = self._way.ask(at, zone, "NS", _NS_AT_PARENT)
        found = answers.step(answer, over, zone)
        owner = dns.name.from_text(zone)
        named = [one.ttl for one in (*answer.answer, *answer.authority) if one.rdtype == dns.rdatatype.NS and one.name == owner]
        return _Delegation(found or Delegated(zone, frozenset()), max(named, default=0))

    def _ds(self, zone: Name, above: Standing, at: str, now: datetime) -> _AtParent:
        asked = Key(zone, "DS")
        answer = self._way.ask(at, zone, "DS", DENIAL)
        held = answers.key(answer, above.zone, asked).held
        if above.security is Security.SECURE:
            return _AtParent(held, signers(answer, zone, above, now))
        if held is None and above.security is not Security.INSECURE:
            msg = f"denies it, and its zone cannot be validated: {above.why}"
            raise Lame(msg)
        return _AtParent(held, Unsigned(above.why))

    def _apex(self, zone: Name, asked: Sequence[Key], at: str) -> _Apex:
        found, held = {}, {}
        for key in asked:
            with about(key):
                found[key] = self._way.ask(at, key.owner, key.type, DENIAL)
                held[key] = answers.key(found[key], zone, key).held
        return _Apex(found, _negative_ttl(held[Key(zone, "SOA")]), _regular(held[Key(zone, "NS")], "NS"))


def _united(zone: Name, said: Told[_Delegation]) -> Delegated:
    """Give every server that any address of the parent names."""
    servers: set[Name] = set()
    glue: dict[Name, frozenset[str]] = {}
    for one in said.answers.values():
        servers |= one.found.servers
        for server, addresses in one.found.glue.items():
            glue[server] = glue.get(server, frozenset()) | addresses
    if not servers:
        raise not_delegated(zone, said.why)
    return Delegated(zone, frozenset(servers), glue)


def _agreed(held: Told[_AtParent]) -> RRset | NoAnswer | None:
    """Give the DS set that all addresses of the parent hold."""
    if held.faults or not held.answers:
        return NoAnswer(held.why)
    sets = {one.held for one in held.answers.values()}
    if len(sets) > 1:
        said = "; ".join(f"{at}: {answers.words(one.held)}" for at, one in held.answers.items())
        return NoAnswer(f"the parent's servers differ: {said}")
    match sets.pop():
        case RRset() as found:
            return found
        case None:
            return None
        case irregular:
            return NoAnswer(irregular.reason)


def _security(
    zone: Name, above: Standing, held: Told[_AtParent], own: Mapping[str, _Apex], now: datetime
) -> tuple[Security, str]:
    """Say the worst that a validator may come to, whichever servers it happens to ask."""
    if above.security is not Security.SECURE:
        return above.security, above.why
    found = [(Security.BOGUS, f"{at}: {fault.why}") for at, fault in held.faults.items() if fault.bogus]
    for trusted in {one.trusted for one in held.answers.values()}:
        match trusted:
            case Unsigned(why):
                found.append((Security.INSECURE, why))
            case _:
                found.extend(_by(zone, trusted, at, apex, now) for at, apex in own.items())
    if not found:
        return Security.INDETERMINATE, held.why
    return min(found, key=lambda one: WORST_FIRST.index(one[0]))


def _by(zone: Name, trusted: tuple[DS, ...], at: str, apex: _Apex, now: datetime) -> tuple[Security, str]:
    """Say what one address's apex is worth to one who trusts a DS set."""
    try:
        keys = zone_keys(apex.answers[Key(zone, "DNSKEY")], zone, trusted, now)
        standing = Standing(zone, Security.SECURE, keys)
        for kind in ("SOA", "NS"):
            verdict(apex.answers[Key(zone, kind)], Key(zone, kind), standing, now)
    except Bogus as why:
        return Security.BOGUS, f"{at}: {why}"
    return Security.SECURE, ""


def _signed(zone: Name, apex: _Apex, now: datetime) -> Signed | None:
    """Say how an address serves its zone's DNSSEC, by its own keys alone."""
    found = dnskeys(apex.answers[Key(zone, "DNSKEY")], zone)
    if found is None:
        return None
    records, keys = found
    owner = dns.name.from_text(zone)
    told = tuple(sorted((_key(owner, key) for key in keys), key=lambda one: (one.tag, one.public_key)))
    ttl = records.records.ttl
    usable = tuple(filter(is_usable, keys))
    signing: frozenset[int] = frozenset()
    try:
        signing = check(records, owner, usable, now).tags
        standing = Standing(zone, Security.SECURE, usable)
        ends = [verdict(answer, key, standing, now).until for key, answer in apex.answers.items()]
    except Bogus as why:
        return Signed(told, ttl, signing, None, str(why))
    return Signed(told, ttl, signing, min(one for one in ends if one is not None))


def _key(owner: dns.name.Name, key: DNSKEY) -> DnsKey:
    made = (dns.dnssec.make_ds(owner, key, digest) for digest in _DIGESTS)
    ds = tuple(Ds(int(one.key_tag), int(one.algorithm), int(one.digest_type), one.digest.hex()) for one in made)
    return DnsKey(dns.dnssec.key_id(key), int(key.algorithm), int(key.flags), base64.b64encode(key.key).decode(), ds)


def _negative_ttl(soa: Live) -> int:
    """Give the seconds for which a resolver keeps a denial (RFC 2308 §5). Raises `Lame`."""
    held = _regular(soa, "SOA")
    return min(held.ttl, int(str(held.values[0]).split()[-1]))


def _denial_ttl(zone: Name, answer: dns.message.Message) -> int:
    return _negative_ttl(answers.key(answer, zone, Key(zone, "SOA")).held)


def _regular(held: Live, kind: str) -> RRset:
    if not isinstance(held, RRset):
        msg = f"has no regular {kind} for it"
        raise Lame(msg)
    return held
