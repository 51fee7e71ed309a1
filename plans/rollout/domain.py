"""A domain's MX: what is wanted of it, and the steps that bring it there.

`desire` judges what Microsoft Graph says of a domain that is ready for mail (`plans.rollout.onboarding` tells), `keys` what
must be read of the zone, `propose` compares the two. Each refusal is a finding; where there is one that stops, there are no
steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from plans import microsoft
from plans.desired import Cloud, Desired, GraphAnswer, Pin, Subject
from plans.duration import duration
from plans.microsoft import HostKind, host_kind
from plans.plan import Change, ProviderHolds, Rollout, Step
from plans.policy import Finding, Risk, Severity
from plans.rollout import surroundings
from plans.snapshot import Snapshot
from plans.values import Key, Mx, Name, RRset, rrset

EQUAL_PREFERENCES = frozenset({0, 10})
"""On a lone MX these mean the same to Exchange Online: Graph says 0, the cmdlets expect 10."""

_COMPARE = "Compare with the domain's DNS records in the Microsoft 365 admin centre, then plan again."


class Strategy(StrEnum):
    """How an MX that differs is brought to the wanted state."""

    PHASED = "phased"
    """In steps with waits between them, the old hosts kept until no resolver asks for them."""
    DIRECT = "direct"
    """In one write."""


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


def keys(domain: Name, zone: Name) -> frozenset[Key]:
    """Give the keys that must be read before an MX is proposed: beside what surrounds it, the addresses that stand in for one.

    RFC 5321 §5.1: where there is no MX, mail goes to the address.
    """
    return surroundings.keys(domain, zone) | {Key(domain, kind) for kind in ("MX", "A", "AAAA")}


def propose(desired: Desired, snapshot: Snapshot, strategy: Strategy) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Propose the steps for a domain, or say why there are none. Neither: the MX is right.

    `desired` is canonical for the snapshot's provider. `snapshot` holds `keys`. TTLs in seconds.
    """
    subject, wanted = desired.subject, desired.rrsets[0]
    live = snapshot.sets[wanted.key]
    if isinstance(live, RRset) and _is_right(live, wanted):
        return None, ()
    refusals = _refusals(subject, wanted, snapshot, strategy)
    refusal = next(refusals, None)
    if refusal:
        return None, (refusal, *refusals)
    if isinstance(live, RRset):
        after = RRset(wanted.key, live.ttl, wanted.values)
        outline = (f"Resolvers may use the old set for {duration(live.ttl)}; its hosts are Microsoft's and go on taking mail.",)
        return _one_step(subject, Risk.REPLACE_MX, Change(live, after), snapshot, outline), ()
    outline = ("Resolvers that asked before may hold the negative answer for as long as the zone's SOA says (RFC 2308).",)
    return _one_step(subject, Risk.CREATE_MX, Change(None, wanted), snapshot, outline), ()


def _one_step(subject: Subject, risk: Risk, change: Change, snapshot: Snapshot, outline: tuple[str, ...]) -> Rollout:
    done_when = (ProviderHolds(snapshot.zone, change.key, change.after),)
    return Rollout(subject, (Step(risk, change, snapshot.zone, (), done_when),), outline)


def _is_right(live: RRset, wanted: RRset) -> bool:
    match live.values, wanted.values:
        case (Mx() as held,), (Mx() as asked,):
            same = held.preference == asked.preference or {held.preference, asked.preference} <= EQUAL_PREFERENCES
            return held.exchange == asked.exchange and same
        case _:
            return False


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
    if host_kind(said) is HostKind.MX_MICROSOFT:
        what = f"Graph asks for {said}, and pinned is {told}."
        return said, (
            Finding.block(subject, "pin-contradicted", what, f"If Graph is right, drop the pin: provisioner forget {subject}"),
        )
    what = f"Graph still answers {said}; the pinned {told} is wanted in its stead."
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
        what = f"Graph names the mail host {host}, which is none of Microsoft's in the {cloud} cloud ({known})."
        yield Finding.block(subject, "graph-unknown-host", what, _COMPARE)
    elif host_kind(host) is HostKind.MX_MICROSOFT and not microsoft.has_known_form(host):
        what = f"Graph names {host}, which lies under mx.microsoft and has not the form that Microsoft assigns to domains."
        mend = "Compare it with the Microsoft 365 admin centre before you approve."
        yield Finding(Severity.WARNING, "host-form-unknown", subject, what, mend)


def _refusals(subject: Subject, wanted: RRset, snapshot: Snapshot, strategy: Strategy) -> Iterator[Finding]:
    """Find why the wanted set may not be written over what the zone holds."""
    live = snapshot.sets[wanted.key]
    at_provider = f"at the DNS provider ({snapshot.zone.provider}), then plan again"
    obstacle = surroundings.obstacle(subject, wanted.key, snapshot)
    if obstacle:
        yield obstacle
    elif isinstance(live, RRset):
        yield from _refusals_to_replace(subject, live, wanted, strategy, at_provider)
    else:
        yield from _refusals_to_create(subject, wanted.key.owner, snapshot, at_provider)


def _refusals_to_replace(
    subject: Subject, live: RRset, wanted: RRset, strategy: Strategy, at_provider: str
) -> Iterator[Finding]:
    held = [value for value in live.values if isinstance(value, Mx)]
    kinds = {value: host_kind(value.exchange) for value in held}
    wanted_kinds = {host_kind(value.exchange) for value in wanted.values if isinstance(value, Mx)}
    foreign = ", ".join(str(value) for value, kind in kinds.items() if kind is HostKind.FOREIGN and not value.is_null)
    if any(value.is_null for value in held):
        what = "A null MX stands there: the domain says that it takes no mail (RFC 7505)."
        yield Finding.block(subject, "null-mx", what, f"If it is to take mail, remove the null MX {at_provider}.")
    elif foreign:
        what = f"Mail is routed to a host that is not Microsoft's: {foreign}"
        direct = f"If mail is to go to Exchange Online directly, remove that host {at_provider}"
        mend = f"{direct}; else take the domain out of the manifest."
        yield Finding.block(subject, "foreign-mx", what, mend)
    elif HostKind.MX_MICROSOFT in kinds.values() and HostKind.LEGACY in wanted_kinds:
        what = f"Graph asks for the legacy host {wanted.values[0]} while one under mx.microsoft is live: a step back."
        yield Finding.block(
            subject, "downgrade", what, "Find out with Get-DnssecStatusForVerifiedDomain which host Microsoft expects."
        )
    elif strategy is not Strategy.DIRECT:
        what = "The MX would change, and this version changes a live MX in one write only."
        mend = f"If that is wanted, write it down: add `strategy: direct` to {wanted.key.owner.rstrip('.')} in the manifest."
        yield Finding.block(subject, "strategy-not-direct", what, mend)


def _refusals_to_create(subject: Subject, domain: Name, snapshot: Snapshot, at_provider: str) -> Iterator[Finding]:
    for kind in ("A", "AAAA"):
        live = snapshot.sets[Key(domain, kind)]
        if live is not None:
            held = ", ".join(map(str, live.values)) if isinstance(live, RRset) else live.reason
            what = f"There is no MX, and the {kind} address {held} may be where mail goes today (RFC 5321 §5.1)."
            mend = f"If no mail goes there, add an MX for the wanted host yourself {at_provider}."
            yield Finding.block(subject, "address-at-name", what, mend)
    wildcard = surroundings.shadowed_wildcard(domain, snapshot)
    if wildcard:
        what = (
            f"Names like {domain} are answered by the wildcard {wildcard}, which a record of its own would shadow (RFC 4592)."
        )
        yield Finding.block(
            subject, "wildcard-shadowed", what, f"Give {domain} what it needs of the wildcard's records {at_provider}."
        )
