"""What one moment's facts say of a condition, purely; what was not gathered is not met."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import assert_never

from plans.conditions import (
    ChainValid,
    ClockTrusted,
    DelegatedTo,
    GraphAsks,
    GraphSays,
    HostResolves,
    HostTakesMail,
    MxOffDane,
    ParentSecure,
    ParentServesDs,
    Plain,
    Presents,
    ProviderHolds,
    Readiness,
    ServedEverywhere,
    TlsaGone,
    TlsaHarmless,
    TlsaSecure,
    ZoneSigned,
    ZoneUnsigned,
)
from plans.dane import Dane, names_key, of_chain
from plans.desired import MAIL_SERVICE, GraphAnswer
from plans.facts import Confirmation, Facts, HostFacts, NoAnswer, Security, Signed, ZoneFacts
from plans.microsoft import HostKind, host_kind, microsoft_host
from plans.values import Ds, Irregular, Key, Live, Name, RRset, Tlsa, told

TRUSTED_SKEW = timedelta(seconds=60)


class Judgement(Enum):
    """What the facts say of a condition."""

    MET = "met"
    NOT_YET = "not yet"
    """It was looked at, and is not so; time or a person may bring it."""
    UNKNOWN = "not known"
    """It was not gathered, or could not be."""
    CONTRADICTED = "contradicted"
    """It is not so, and no waiting makes it so: the plan is for another world."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement with its reason, and when a wait runs out (UTC) where that is known.

    What is met has a reason where it was not seen: on whose word.
    """

    judgement: Judgement
    why: str = ""
    until: datetime | None = None

    @property
    def met(self) -> bool:
        """Whether the condition is met."""
        return self.judgement is Judgement.MET

    @property
    def on_word(self) -> bool:
        """Whether it is met by somebody's word, and was not seen."""
        return self.met and bool(self.why)


MET = Verdict(Judgement.MET)


def clock(facts: Facts) -> Verdict:
    """Judge the clock by what others told; where nobody did, there is nothing against it."""
    skew = facts.clock_skew or timedelta(0)
    return met_if(abs(skew) <= TRUSTED_SKEW, f"this machine's clock is {skew.total_seconds():.0f} s off")


def instant(condition: Plain, facts: Facts) -> Verdict:  # noqa: C901, PLR0911, PLR0912 - one line a kind
    """Judge a condition that needs no memory."""
    match condition:
        case ProviderHolds(_, key, after):
            return met_if(facts.live[key] == after, "it holds another") if key in facts.live else not_gathered("the zone")
        case ServedEverywhere(zone, key, after):
            return _at_each_server(zone, key, facts, lambda held: held == after)
        case MxOffDane(zone=zone, key=key):
            return _at_each_server(zone, key, facts, _is_off_dane)
        case GraphSays(domain, readiness):
            return _graph_says(domain, readiness, facts)
        case GraphAsks(domain, exchange):
            return _graph_asks(domain, exchange, facts)
        case HostResolves(host):
            return _resolves(facts.hosts.get(host))
        case HostTakesMail(host):
            return _takes_mail(facts.hosts.get(host))
        case ChainValid(zone):
            return _chain(facts.zones.get(zone))
        case ZoneSigned():
            return _signed(condition, facts)
        case ZoneUnsigned(zone):
            return _unsigned(facts.zones.get(zone))
        case DelegatedTo(zone, servers):
            return _delegated(facts.zones.get(zone), frozenset(servers))
        case ParentServesDs(zone, ds):
            return _parent_serves(facts.zones.get(zone), ds)
        case ParentSecure(zone):
            found = facts.zones.get(zone)
            return _of_security(found.parent_security, "") if found else not_gathered("the zone above")
        case TlsaHarmless(host):
            return _tlsa(facts.hosts.get(host), must_be_secure=False)
        case TlsaSecure(host):
            return _tlsa(facts.hosts.get(host), must_be_secure=True)
        case TlsaGone(host):
            return _tlsa_gone(facts.hosts.get(host))
        case Presents():
            return _presents(condition, facts)
        case ClockTrusted():
            return clock(facts) if facts.clock_skew is not None else not_gathered("the time of an HTTPS server")
        case _ as never:
            assert_never(never)


def met_if(so: bool, why: str) -> Verdict:  # noqa: FBT001 - reads as a sentence
    """Give the verdict of something that was looked at; `why` it is not met."""
    return MET if so else Verdict(Judgement.NOT_YET, why)


def not_gathered(what: str) -> Verdict:
    """Give the verdict of something that nobody looked at, or could not."""
    return Verdict(Judgement.UNKNOWN, f"{what} could not be looked at")


def _at_each_server(zone: Name, key: Key, facts: Facts, is_so: Callable[[Live], bool]) -> Verdict:
    """Judge what every address of a zone's servers serves at a key."""
    answers = facts.served.get((zone, key))
    if not answers:
        return not_gathered(f"the servers of {zone}")
    silent = [f"{address}: {held.why}" for address, held in answers.items() if isinstance(held, NoAnswer)]
    others = [
        f"{address} serves {told(held)}"
        for address, held in answers.items()
        if not isinstance(held, NoAnswer) and not is_so(held)
    ]
    if others:
        return Verdict(Judgement.NOT_YET, "; ".join(others))
    return Verdict(Judgement.UNKNOWN, "; ".join(silent)) if silent else MET


def _is_off_dane(held: Live) -> bool:
    return not isinstance(held, Irregular) and microsoft_host(held) is None


def _graph_says(domain: Name, readiness: Readiness, facts: Facts) -> Verdict:
    answer = facts.graph.get(domain)
    if readiness is Readiness.ASSIGNED:
        if domain in facts.pins and host_kind(facts.pins[domain]) is HostKind.MX_MICROSOFT:
            return MET
        return met_if(_is_assigned(answer), "it names none yet") if answer else not_gathered("Microsoft Graph")
    if answer is None or answer.facts is None:
        return not_gathered("Microsoft Graph")
    verified = answer.facts.is_verified
    match readiness:
        case Readiness.VERIFIED:
            return met_if(verified, "it is not")
        case Readiness.EMAIL:
            return met_if(verified and MAIL_SERVICE in answer.facts.supported_services, "it is not")
        case _ as never:
            assert_never(never)


def _is_assigned(answer: GraphAnswer) -> bool:
    return any(host_kind(mx.exchange) is HostKind.MX_MICROSOFT for mx in answer.mail_exchanges)


def _graph_asks(domain: Name, exchange: Name, facts: Facts) -> Verdict:
    answer = facts.graph.get(domain)
    if answer is None or len(answer.mail_exchanges) != 1:
        return not_gathered("Microsoft Graph")
    said = answer.mail_exchanges[0].exchange
    if said != exchange and host_kind(said) is HostKind.LEGACY:
        said = facts.pins.get(domain, said)
    return MET if said == exchange else Verdict(Judgement.CONTRADICTED, f"it asks for {said} now")


def _resolves(host: HostFacts | None) -> Verdict:
    if host is None or host.addresses is None:
        return Verdict(Judgement.UNKNOWN, host.why) if host and host.why else not_gathered("the host")
    return met_if(bool(host.addresses), "it has none")


def _takes_mail(host: HostFacts | None) -> Verdict:
    resolved = _resolves(host)
    if host is None or not host.addresses or not resolved.met:
        return resolved
    for address in sorted(host.addresses):
        session = host.sessions.get(address)
        if session is None or session.accepts is None:
            return Verdict(Judgement.UNKNOWN, f"{address}: {session.why if session else 'it was not asked'}")
        if not (session.accepts and session.starttls and session.chain):
            return Verdict(Judgement.NOT_YET, f"{address}: {session.why or 'it offers no STARTTLS'}")
    return MET


def _of_security(security: Security, why: str) -> Verdict:
    match security:
        case Security.SECURE:
            return MET
        case Security.INSECURE | Security.BOGUS:
            return Verdict(Judgement.NOT_YET, f"it is {security}{f': {why}' if why else ''}")
        case Security.INDETERMINATE:
            return Verdict(Judgement.UNKNOWN, why or "it could not be found out")
        case _ as never:
            assert_never(never)


def _chain(zone: ZoneFacts | None) -> Verdict:
    return _of_security(zone.security, zone.why) if zone else not_gathered("the chain")


def _signed(condition: ZoneSigned, facts: Facts) -> Verdict:
    zone = facts.zones.get(condition.zone)
    if zone is None or not zone.signed:
        return not_gathered(f"the servers of {condition.zone}")
    verdicts = [_signed_at(address, one, condition, facts.at) for address, one in sorted(zone.signed.items())]
    return next((one for one in verdicts if one.judgement is Judgement.NOT_YET), None) or next(
        (one for one in verdicts if not one.met), MET
    )


def _signed_at(address: str, found: Signed | NoAnswer | None, condition: ZoneSigned, now: datetime) -> Verdict:
    match found:
        case NoAnswer(why):
            return Verdict(Judgement.UNKNOWN, f"{address}: {why}")
        case None:
            return Verdict(Judgement.NOT_YET, f"{address} serves no DNSKEY")
        case Signed():
            fault = _key_fault(found, condition.ds)
            if fault or found.valid_until is None:
                return Verdict(Judgement.NOT_YET, f"{address}{fault or f': {found.fault}'}")
            least = now + timedelta(seconds=condition.beyond)
            ends = f"signatures end {found.valid_until:%Y-%m-%d %H:%M:%SZ}, and must last beyond {least:%Y-%m-%d %H:%M:%SZ}"
            return met_if(found.valid_until > least, f"{address}: {ends}")
        case _ as never:
            assert_never(never)


def _key_fault(found: Signed, wanted: tuple[Ds, ...]) -> str:
    """Say why the DNSKEY set is not signed by all wanted keys, or by any entry point; empty: it is."""
    missing = [str(one.key_tag) for one in wanted if not any(one in key.ds for key in found.keys)]
    if missing:
        return f" serves no DNSKEY for the DS {', '.join(missing)}"
    signing = [key for key in found.keys if key.tag in found.signing]
    idle = [str(one.key_tag) for one in wanted if not any(one in key.ds for key in signing)]
    if not idle and any(key.is_entry_point for key in signing):
        return ""
    which = f"the DNSKEY {', '.join(idle)} does not sign" if idle else "no entry point signs"
    return f": {which} the DNSKEY set{f': {found.fault}' if found.fault and not found.signing else ''}"


def _unsigned(zone: ZoneFacts | None) -> Verdict:
    if zone is None or not zone.signed:
        return not_gathered("the zone's servers")
    silent = [f"{address}: {one.why}" for address, one in sorted(zone.signed.items()) if isinstance(one, NoAnswer)]
    signing = [address for address, one in sorted(zone.signed.items()) if isinstance(one, Signed)]
    if isinstance(zone.ds, NoAnswer):
        silent.append(zone.ds.why)
    if signing or isinstance(zone.ds, RRset):
        return Verdict(Judgement.NOT_YET, f"{', '.join(signing)} serve a DNSKEY" if signing else "its parent holds a DS")
    return Verdict(Judgement.UNKNOWN, "; ".join(silent)) if silent else MET


def _delegated(zone: ZoneFacts | None, servers: frozenset[Name]) -> Verdict:
    if zone is None or not zone.delegated or not zone.own:
        return not_gathered("the delegation")
    named = {"its parent": zone.delegated, "the zone": zone.own}
    others = [f"{who} names {', '.join(sorted(said))}" for who, said in named.items() if said != servers]
    return met_if(not others, "; ".join(others))


def _parent_serves(zone: ZoneFacts | None, wanted: tuple[Ds, ...]) -> Verdict:
    if zone is None:
        return not_gathered("the zone above")
    if isinstance(zone.ds, NoAnswer):
        return Verdict(Judgement.UNKNOWN, zone.ds.why)
    held = frozenset(zone.ds.values) if zone.ds else frozenset()
    return met_if(held == frozenset(wanted), f"it serves {told(zone.ds)}")


def _tlsa(host: HostFacts | None, *, must_be_secure: bool) -> Verdict:
    if host is None:
        return not_gathered("the host")
    held = host.tlsa.held
    if must_be_secure and host.tlsa.security is not Security.SECURE:
        return _of_security(host.tlsa.security, host.tlsa.why)
    if host.tlsa.security in {Security.INDETERMINATE, Security.BOGUS}:
        return Verdict(Judgement.UNKNOWN, host.tlsa.why)
    if held is None:
        return met_if(not must_be_secure, "it has no TLSA")
    if not isinstance(held, RRset):
        return Verdict(Judgement.NOT_YET, f"its TLSA set is {held.reason}")
    records = [value for value in held.values if isinstance(value, Tlsa)]
    return _each_presents(host, records)


def _tlsa_gone(host: HostFacts | None) -> Verdict:
    if host is None or host.tlsa.security in {Security.INDETERMINATE, Security.BOGUS}:
        return Verdict(Judgement.UNKNOWN, host.tlsa.why) if host else not_gathered("the host")
    return met_if(host.tlsa.held is None, "it has one")


def _presents(condition: Presents, facts: Facts) -> Verdict:
    """Judge by what was seen; for addresses of which nothing was heard somebody's word may stand in, against none that was."""
    host = facts.hosts.get(condition.host)
    if host is None:
        return not_gathered("the host")
    seen = _each_presents(host, condition.records)
    mute = frozenset(at for at in host.addresses or () if at in host.sessions and host.sessions[at].is_mute)
    if not mute:
        return seen
    heard = replace(host, addresses=(host.addresses or frozenset()) - mute)
    others = _each_presents(heard, condition.records) if heard.addresses else MET
    if not others.met:
        return others
    word = facts.confirmations.get(condition.host)
    doubt = _doubt(word, mute, condition, facts.at)
    return Verdict(seen.judgement, f"{seen.why}; {doubt}") if doubt or word is None else Verdict(Judgement.MET, f"by {word}")


def _doubt(word: Confirmation | None, mute: frozenset[str], condition: Presents, now: datetime) -> str:
    """Say why a word cannot stand in for what these addresses present; empty: it can."""
    again = f"whoever sees it from elsewhere may say so:  provisioner confirm {condition.host.rstrip('.')}"
    if word is None:
        return again
    if not word.counts(now):
        return f"{word}, {'is of a time yet to come' if now < word.at else 'has lapsed'}; {again}"
    if not names_key(condition.records, word.key):
        return f"{word}, is for another key, {word.key[:16]}; {again}"
    unnamed = sorted(mute - word.addresses)
    return f"{word}, is not about {', '.join(unnamed)}; {again}" if unnamed else ""


def _each_presents(host: HostFacts, records: Iterable[Tlsa]) -> Verdict:
    """Judge whether each address presents a certificate that one of the records matches."""
    if not host.addresses:
        return _resolves(host)
    tried = tuple(records)
    unknown: Verdict | None = None
    for address in sorted(host.addresses):
        session = host.sessions.get(address)
        if session is None or session.accepts is None:
            unknown = Verdict(Judgement.UNKNOWN, f"{address}: {session.why if session else 'it was not asked'}")
        elif not session.chain:
            return Verdict(Judgement.NOT_YET, f"{address}: {session.why or 'it presents no certificate'}")
        elif (found := of_chain(tried, session.chain)) is Dane.UNDETERMINED:
            unknown = Verdict(Judgement.UNKNOWN, f"{address}: all hangs on records of usage 2, which are not judged here")
        elif found is not Dane.VERIFIED:
            return Verdict(Judgement.NOT_YET, f"{address} presents a certificate that no record matches")
    return unknown or MET
