"""A domain's MX: what is wanted of it, and the steps that bring it there.

`desire` judges what Microsoft Graph says of a domain that is ready for mail (`plans.rollout.onboarding` tells), `keys` what
must be read of the zone, `propose` compares the two. Each refusal is a finding; where there is one that stops, there are no
steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum

from plans import microsoft
from plans.conditions import Condition, ProviderHolds, ServedEverywhere
from plans.desired import Cloud, Desired, GraphAnswer, Pin, Stated, Subject
from plans.duration import duration
from plans.microsoft import HostKind, host_kind, microsoft_host
from plans.plan import Change, Rollout, Step
from plans.policy import Finding, Risk, Severity
from plans.rollout import exchange, surroundings
from plans.rollout.phased import Remembered, Terms, phases
from plans.snapshot import Snapshot
from plans.values import Key, Mx, Name, RRset, rrset

EQUAL_PREFERENCES = frozenset({0, 10})
"""On a lone MX these mean the same to Exchange Online: Graph says 0, the cmdlets expect 10."""

GATEWAY_TTL = 3600
"""Seconds: that of an MX set whose TTL nobody asks for."""
SENDER_QUEUES = timedelta(days=5)
"""For as long senders try a host again that they have once been led to (RFC 5321 §4.5.4.1)."""

_COMPARE = "Compare with the domain's DNS records in the Microsoft 365 admin centre, then plan again."


class Strategy(StrEnum):
    """How an MX that differs is brought to the wanted state."""

    PHASED = "phased"
    """In steps with waits between them, the old hosts kept until no resolver asks for them."""
    DIRECT = "direct"
    """In one write."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """Somebody else's MX host that is to be replaced: it must be the live one, and take mail `until` then; `at`: now."""

    from_host: Name
    until: datetime
    at: datetime


class MicrosoftTlsa(Enum):
    """What is seen of the TLSA set of a domain's host under mx.microsoft."""

    PUBLISHED = "it is secure, and matches"
    WITHDRAWN = "its servers deny it"
    UNCLEAR = "neither, or nobody could tell"


@dataclass(frozen=True, slots=True)
class Dane:
    """Whether a domain is to have DANE, and what is seen of its host's TLSA."""

    asked: bool
    tlsa: MicrosoftTlsa


def desire(answer: GraphAnswer, pins: Sequence[Pin] = ()) -> tuple[Desired | None, tuple[Finding, ...]]:
    """Say which MX Graph's answer asks for, or the pin in its stead while Graph still answers the legacy host.

    No desired state comes without a finding that stops, and none with one.
    """
    subject = Subject(answer.domain)
    findings = tuple(_unclear(subject, answer))
    if any(finding.stops for finding in findings):
        return None, findings
    said = answer.mail_exchanges[0]
    exchange, of_pins = _pinned(subject, said.exchange, pins)
    if any(finding.stops for finding in of_pins):
        return None, (*findings, *of_pins)
    mx_set = rrset(answer.domain, "MX", said.ttl, [Mx(said.preference, exchange)])
    return Desired(subject, (mx_set,), (mx_set.key,), (answer, *pins)), (*findings, *of_pins)


def through_gateway(answer: GraphAnswer, hosts: Sequence[Mx], where: str) -> Desired:
    """Give the desired state of a domain whose mail goes through a gateway: its MX hosts are those that the manifest says."""
    subject = Subject(answer.domain)
    mx_set = rrset(answer.domain, "MX", GATEWAY_TTL, hosts)
    told = ", ".join(map(str, mx_set.values))
    return Desired(subject, (mx_set,), (mx_set.key,), (answer, Stated(answer.domain, f"MX {told}", where)))


def keys(domain: Name, zone: Name) -> frozenset[Key]:
    """Give the keys that must be read before an MX is proposed: beside what surrounds it, the addresses that stand in for one.

    RFC 5321 §5.1: where there is no MX, mail goes to the address.
    """
    return surroundings.keys(domain, zone) | {Key(domain, kind) for kind in ("MX", "A", "AAAA")}


def propose(
    desired: Desired,
    snapshot: Snapshot,
    strategy: Strategy,
    terms: Terms | None = None,
    remembered: Remembered | None = None,
    dane: Dane | None = None,
    takeover: Takeover | None = None,
) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Propose the steps for a domain, or say why there are none. Neither: the MX is right.

    `desired` is canonical for the snapshot's provider. `snapshot` holds `keys`. `terms` None: what is written there is not
    served yet, so that nothing can be walked in phases. `remembered` is what the journal knows of the live set. `dane` None:
    nobody looked. `takeover`: somebody else's host may be replaced.
    """
    subject, wanted = desired.subject, desired.rrsets[0]
    live = snapshot.sets[wanted.key]
    if isinstance(live, RRset) and is_right(live, wanted):
        made = phases(subject, live, live, snapshot.zone, terms, remembered) if terms else None
    else:
        refusals = tuple(_refusals(desired, snapshot, strategy, terms, takeover))
        if refusals:
            return None, refusals
        made = _change(desired, snapshot, strategy, terms, remembered)
    if isinstance(made, Finding):
        return None, (made,)
    old = None if remembered else microsoft_host(live)
    return _with_exchange(made, old, desired, snapshot, dane), ()


def _change(
    desired: Desired, snapshot: Snapshot, strategy: Strategy, terms: Terms | None, remembered: Remembered | None
) -> Rollout | Finding | None:
    """Give the steps from the live set to the wanted one."""
    subject, wanted = desired.subject, desired.rrsets[0]
    live = snapshot.sets[wanted.key]
    if isinstance(live, RRset) and strategy is Strategy.PHASED and terms:
        as_asked = replace(terms, graph=terms.graph and not _goes_back(desired))
        return phases(subject, live, wanted, snapshot.zone, as_asked, remembered)
    if isinstance(live, RRset):
        after = RRset(wanted.key, live.ttl, wanted.values)
        outline = (f"Resolvers may use the old set for {duration(live.ttl)}; its hosts are Microsoft's and go on taking mail.",)
        return _one_step(subject, Risk.REPLACE_MX, Change(live, after), snapshot, terms, outline)
    outline = ("Resolvers that asked before may hold the negative answer for as long as the zone's SOA says (RFC 2308).",)
    return _one_step(subject, Risk.CREATE_MX, Change(None, wanted), snapshot, terms, outline)


def _with_exchange(
    made: Rollout | None, old: Name | None, desired: Desired, snapshot: Snapshot, dane: Dane | None
) -> Rollout | None:
    """Add what a person does in Exchange Online: before the MX where DANE is turned off, else after it.

    `old` is the host whose DANE has to be turned off first; None: there is none, or the MX is on its way already.
    """
    domain, zone = desired.subject.name, snapshot.zone.name
    host = desired.rrsets[0].values[0]
    steps, outline = made.steps if made else (), made.outline if made else ()
    if _goes_back(desired):
        if old and steps:
            first = replace(steps[0], requires=(*steps[0].requires, exchange.tlsa_forgotten(old)))
            off = (exchange.turn_off_dane(domain, old),)
            steps = (*(() if dane and dane.tlsa is MicrosoftTlsa.WITHDRAWN else off), first, *steps[1:])
    elif dane and dane.asked and isinstance(host, Mx) and host_kind(host.exchange) is HostKind.MX_MICROSOFT:
        if steps or dane.tlsa is not MicrosoftTlsa.PUBLISHED:
            steps = (*steps, exchange.turn_on_dane(domain, zone, host.exchange))
    elif dane and dane.asked and isinstance(host, Mx) and host_kind(host.exchange) is HostKind.LEGACY:
        steps = (*steps, exchange.assign_host(domain, zone, host.exchange))
        outline = (*outline, "Then the MX moves to the host that Microsoft assigned; the next plan proposes it.")
    return Rollout(desired.subject, steps, outline) if steps else None


def _goes_back(desired: Desired) -> bool:
    """Whether somebody asks for a legacy host by name, where Graph asks for one under mx.microsoft."""
    pinned = [one.exchange for one in desired.evidence if isinstance(one, Pin)]
    asked = [mx.exchange for one in desired.evidence if isinstance(one, GraphAnswer) for mx in one.mail_exchanges]
    legacy = bool(pinned) and host_kind(pinned[0]) is HostKind.LEGACY
    return legacy and any(host_kind(host) is HostKind.MX_MICROSOFT for host in asked)


def _one_step(
    subject: Subject, risk: Risk, change: Change, snapshot: Snapshot, terms: Terms | None, outline: tuple[str, ...]
) -> Rollout:
    done_when: tuple[Condition, ...] = (ProviderHolds(snapshot.zone, change.key, change.after),)
    if terms:
        done_when = (*done_when, ServedEverywhere(snapshot.zone.name, change.key, change.after))
    return Rollout(subject, (Step(risk, change, snapshot.zone, (), done_when),), outline)


def is_right(live: RRset, wanted: RRset) -> bool:
    """Whether a live MX set leads mail where the wanted one would, whatever its TTL."""
    match live.values, wanted.values:
        case (Mx() as held,), (Mx() as asked,):
            same = held.preference == asked.preference or {held.preference, asked.preference} <= EQUAL_PREFERENCES
            return held.exchange == asked.exchange and same
        case _:
            return live.values == wanted.values


def _pinned(subject: Subject, said: Name, pins: Sequence[Pin]) -> tuple[Name, tuple[Finding, ...]]:
    """Give the host that is wanted: Graph's, unless it is a legacy one and a pin names the one that Microsoft assigned."""
    if not pins:
        return said, ()
    told = " and ".join(f"{pin.exchange} ({pin.where})" for pin in pins)
    pinned = pins[0].exchange
    if any(pin.exchange != pinned for pin in pins):
        mend = f"Find out with Get-DnssecStatusForVerifiedDomain which is right, then: provisioner pin {subject} HOST"
        return said, (Finding.block(subject, "pins-differ", f"Two hosts are pinned: {told}.", mend),)
    if pinned == said:
        return said, ()
    if host_kind(pinned) is HostKind.LEGACY and host_kind(said) is HostKind.MX_MICROSOFT:
        what = f"Graph asks for {said.rstrip('.')}; the pinned {told} is wanted in its stead: the way back from DANE."
        mend = f"Disable-DnssecForVerifiedDomain -DomainName {subject} makes Graph answer the legacy host again."
        return pinned, (Finding(Severity.NOTICE, "going-back", subject, what, mend),)
    if host_kind(said) is HostKind.MX_MICROSOFT:
        what = f"Graph asks for {said.rstrip('.')}, and pinned is {told}."
        return said, (
            Finding.block(subject, "pin-contradicted", what, f"If Graph is right, drop the pin: provisioner forget {subject}"),
        )
    what = f"Graph still answers {said.rstrip('.')}; the pinned {told} is wanted in its stead."
    return pinned, (Finding(Severity.NOTICE, "pinned", subject, what, "Drop the pin once Graph answers the same host."),)


def _unclear(subject: Subject, answer: GraphAnswer) -> Iterator[Finding]:
    """Find what makes Graph's records no clear wish for exactly one MX at the domain."""
    for description in answer.unavailable:
        yield Finding.block(subject, "graph-unavailable", f"Graph gives no record: {description}", _COMPARE)
    for kind in answer.unknown:
        what = f"Graph answers a mail record of a type that this version does not know: {kind}."
        yield Finding.block(
            subject, "graph-unknown-record", what, "Update provisioner; if the newest version says the same, report it."
        )
    mail = answer.mail_exchanges
    foreign = [exchange.label for exchange in mail if exchange.label != answer.domain]
    if foreign:
        named = ", ".join(label.rstrip(".") for label in foreign)
        yield Finding.block(
            subject, "graph-foreign-label", f"Graph's MX record is labelled {named}, which is not this domain.", _COMPARE
        )
    elif not mail and not answer.unavailable:
        yield Finding.block(subject, "graph-no-mx", "Graph's answer holds no MX record for the service Email.", _COMPARE)
    elif len(mail) > 1:
        named = ", ".join(exchange.exchange for exchange in mail)
        yield Finding.block(
            subject, "graph-two-mx", f"Graph's answer holds {len(mail)} MX records where one is expected: {named}", _COMPARE
        )
    elif mail:
        yield from _host_findings(subject, mail[0].exchange, answer.cloud)


def _host_findings(subject: Subject, host: Name, cloud: Cloud) -> Iterator[Finding]:
    if not microsoft.serves(host, cloud):
        known = ", ".join(f"*.{suffix.rstrip('.')}" for suffix in microsoft.suffixes(cloud))
        what = f"Graph names the mail host {host.rstrip('.')}, which is none of Microsoft's in the {cloud} cloud ({known})."
        yield Finding.block(subject, "graph-unknown-host", what, _COMPARE)
    elif host_kind(host) is HostKind.MX_MICROSOFT and not microsoft.has_known_form(host):
        named = host.rstrip(".")
        what = f"Graph names {named}, which lies under mx.microsoft and has not the form that Microsoft assigns to domains."
        mend = "Compare it with the Microsoft 365 admin centre before you approve."
        yield Finding(Severity.WARNING, "host-form-unknown", subject, what, mend)


def _refusals(
    desired: Desired, snapshot: Snapshot, strategy: Strategy, terms: Terms | None, takeover: Takeover | None
) -> Iterator[Finding]:
    """Find why the wanted set may not be written over what the zone holds."""
    subject, wanted = desired.subject, desired.rrsets[0]
    live = snapshot.sets[wanted.key]
    at_provider = f"at the DNS provider ({snapshot.zone.provider}), then plan again"
    obstacle = surroundings.obstacle(subject, wanted.key, snapshot)
    if obstacle:
        yield obstacle
    elif isinstance(live, RRset):
        yield from _refusals_to_replace(desired, live, at_provider, takeover)
        if strategy is Strategy.PHASED and terms is None:
            what = (
                "The MX would change in phases, and what is written here is not looked up in DNS, so that no wait could begin."
            )
            mend = f"To change it in one write, add `strategy: direct` to {wanted.key.owner.rstrip('.')} in the manifest."
            yield Finding.block(subject, "phases-need-dns", what, mend)
    else:
        yield from _refusals_to_create(subject, wanted.key.owner, snapshot, at_provider)


def _refusals_to_replace(desired: Desired, live: RRset, at_provider: str, takeover: Takeover | None) -> Iterator[Finding]:
    subject, wanted = desired.subject, desired.rrsets[0]
    held = [value for value in live.values if isinstance(value, Mx)]
    kinds = {value: host_kind(value.exchange) for value in held}
    wanted_kinds = {host_kind(value.exchange) for value in wanted.values if isinstance(value, Mx)}
    asked = {value.exchange for value in wanted.values if isinstance(value, Mx)}
    strange = [
        value for value, kind in kinds.items() if kind is HostKind.FOREIGN and not value.is_null and value.exchange not in asked
    ]
    if any(value.is_null for value in held):
        what = "A null MX stands there: the domain says that it takes no mail (RFC 7505)."
        yield Finding.block(subject, "null-mx", what, f"If it is to take mail, remove the null MX {at_provider}.")
    elif strange and takeover and {value.exchange for value in held} - asked == {takeover.from_host}:
        if takeover.until <= takeover.at + timedelta(seconds=live.ttl) + SENDER_QUEUES:
            what = f"{takeover.from_host} is said to take mail until {takeover.until:%Y-%m-%d}; senders may try it for longer."
            mend = "Have it take mail for the old TTL and five days more, and write that date under `takeover`."
            yield Finding.block(subject, "takeover-too-soon", what, mend)
    elif strange:
        foreign = ", ".join(map(str, strange))
        what = f"Mail is routed to a host that is not Microsoft's: {foreign}"
        direct = f"If mail is to go to Exchange Online directly, remove that host {at_provider}"
        mend = f"{direct}; else take the domain out of the manifest."
        yield Finding.block(subject, "foreign-mx", what, mend)
    elif HostKind.MX_MICROSOFT in kinds.values() and HostKind.LEGACY in wanted_kinds and not _goes_back(desired):
        what = f"Graph asks for the legacy host {wanted.values[0]} while one under mx.microsoft is live: a step back."
        yield Finding.block(
            subject, "downgrade", what, "Find out with Get-DnssecStatusForVerifiedDomain which host Microsoft expects."
        )


def _refusals_to_create(subject: Subject, domain: Name, snapshot: Snapshot, at_provider: str) -> Iterator[Finding]:
    for kind in ("A", "AAAA"):
        live = snapshot.sets[Key(domain, kind)]
        if live is not None:
            held = ", ".join(map(str, live.values)) if isinstance(live, RRset) else live.reason
            what = f"There is no MX, and the {kind} address {held} may be where mail goes today (RFC 5321 §5.1)."
            mend = f"If no mail goes there, add an MX for the wanted host yourself {at_provider}."
            yield Finding.block(subject, "address-at-name", what, mend)
