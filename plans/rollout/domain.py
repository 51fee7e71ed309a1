"""A domain's MX: what is wanted of it, and the steps that bring it there.

`desire` judges what Microsoft Graph says, `keys` tells what must be read of the zone, `propose` compares the two. Each
refusal is a finding; where there is one that stops, there are no steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from plans import microsoft
from plans.desired import Cloud, Desired, GraphAnswer, Subject
from plans.duration import duration
from plans.microsoft import HostKind, host_kind
from plans.plan import Change, ProviderHolds, Rollout, Step
from plans.policy import Finding, Risk, Severity
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Mx, Name, RRset, ancestors, is_at_or_below, rrset

EQUAL_PREFERENCES = frozenset({0, 10})
"""On a lone MX these mean the same to Exchange Online: Graph says 0, the cmdlets expect 10."""

_COMPARE = "Compare with the domain's DNS records in the Microsoft 365 admin centre, then plan again."


class Strategy(StrEnum):
    """How an MX that differs is brought to the wanted state."""

    PHASED = "phased"
    """In steps with waits between them, the old hosts kept until no resolver asks for them."""
    DIRECT = "direct"
    """In one write."""


def desire(answer: GraphAnswer) -> tuple[Desired | None, tuple[Finding, ...]]:
    """Say what Graph's answer asks for. No desired state comes without a finding that stops, and none with one."""
    subject = Subject(answer.domain)
    findings = tuple(_ineligible(subject, answer)) or tuple(_unclear(subject, answer))
    if any(finding.stops for finding in findings):
        return None, findings
    wanted = answer.mail_exchanges[0]
    mx_set = rrset(answer.domain, "MX", wanted.ttl, [Mx(wanted.preference, wanted.exchange)])
    return Desired(subject, (mx_set,), (mx_set.key,), (answer,)), findings


def keys(domain: Name, zone: Name) -> frozenset[Key]:
    """Give the keys that must be read before anything is proposed for a domain in a zone.

    Beside the MX set these are the addresses that stand in for a missing one (RFC 5321 §5.1), and an owner for each name whose
    existence decides whether a wildcard or a delegation covers the domain (RFC 4592 §3.3.1, RFC 1034 §4.3.2).
    """
    between = [above for above in (domain, *ancestors(domain)) if above != zone and is_at_or_below(above, zone)]
    wildcards = [Name(f"*.{above}") for above in ancestors(domain) if is_at_or_below(above, zone)]
    return frozenset(
        [Key(domain, kind) for kind in ("MX", "A", "AAAA", "CNAME")]
        + [Key(owner, "NS") for owner in between]
        + [Key(owner, "MX") for owner in wildcards]
    )


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
    done_when = (ProviderHolds(change.key, change.after),)
    return Rollout(subject, (Step(risk, change, snapshot.zone, (), done_when),), outline)


def _is_right(live: RRset, wanted: RRset) -> bool:
    match live.values, wanted.values:
        case (Mx() as held,), (Mx() as asked,):
            same = held.preference == asked.preference or {held.preference, asked.preference} <= EQUAL_PREFERENCES
            return held.exchange == asked.exchange and same
        case _:
            return False


def _ineligible(subject: Subject, answer: GraphAnswer) -> Iterator[Finding]:
    """Find what makes a domain none of ours, whatever its records say (https://learn.microsoft.com/graph/api/resources/domain)."""
    leave_out = f"Take {subject} out of the manifest."
    if microsoft.is_onmicrosoft(answer.domain):
        yield Finding.block(
            subject, "domain-onmicrosoft", "Microsoft itself runs the DNS of *.onmicrosoft.com domains.", leave_out
        )
        return
    facts = answer.facts
    if facts is None:
        return
    if facts.is_initial:
        yield Finding.block(
            subject, "domain-initial", "It is the tenant's initial domain, whose DNS Microsoft runs.", leave_out
        )
    if not facts.is_admin_managed:
        yield Finding.block(
            subject, "domain-delegated", "Its DNS is delegated to Microsoft (isAdminManaged is false).", leave_out
        )
    if not facts.is_verified:
        mend = "Verify the domain in the Microsoft 365 admin centre, then plan again."
        yield Finding.block(subject, "domain-not-verified", "The tenant has not verified the domain yet.", mend)
    elif "Email" not in facts.supported_services:
        mend = "Turn on Exchange for the domain in the Microsoft 365 admin centre, then plan again."
        held = ", ".join(facts.supported_services) or "none"
        yield Finding.block(subject, "domain-no-email", f"The domain is not used for mail: its services are {held}.", mend)


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
    domain, live = wanted.key.owner, snapshot.sets[wanted.key]
    at_provider = f"at the DNS provider ({snapshot.zone.provider}), then plan again"
    cut = _delegation(domain, snapshot)
    if cut:
        what = f"The zone {snapshot.zone.name} delegates {cut} away: a record for {domain} in it would be seen by nobody."
        yield Finding.block(
            subject, "delegated-away", what, f"Name the provider that holds the zone {cut} as the domain's provider."
        )
    elif snapshot.sets[Key(domain, "CNAME")] is not None:
        what = f"{domain} is an alias (CNAME), beside which no MX can stand (RFC 1034 §3.6.2)."
        yield Finding.block(subject, "cname-at-name", what, f"Remove the CNAME {at_provider}.")
    elif isinstance(live, Irregular):
        yield Finding.block(
            subject, "set-irregular", f"The MX set cannot be owned: {live.reason}.", f"Make it a plain set {at_provider}."
        )
    elif isinstance(live, RRset):
        yield from _refusals_to_replace(subject, live, wanted, strategy, at_provider)
    else:
        yield from _refusals_to_create(subject, domain, snapshot, at_provider)


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
    wildcard = _shadowed_wildcard(domain, snapshot)
    if wildcard:
        what = (
            f"Names like {domain} are answered by the wildcard {wildcard}, which a record of its own would shadow (RFC 4592)."
        )
        yield Finding.block(
            subject, "wildcard-shadowed", what, f"Give {domain} what it needs of the wildcard's records {at_provider}."
        )


def _delegation(domain: Name, snapshot: Snapshot) -> Name | None:
    """Give the zone cut between the domain and the zone's apex, if there is one."""
    zone = snapshot.zone.name
    between = (above for above in (domain, *ancestors(domain)) if above != zone and is_at_or_below(above, zone))
    return next((above for above in between if "NS" in snapshot.nodes.get(above, ())), None)


def _shadowed_wildcard(domain: Name, snapshot: Snapshot) -> Name | None:
    """Give the wildcard that answers for the domain: the one of its closest encloser, while the domain itself is no node."""
    if domain in snapshot.nodes:
        return None
    for above in ancestors(domain):
        if not is_at_or_below(above, snapshot.zone.name):
            return None
        wildcard = Name(f"*.{above}")
        if snapshot.nodes.get(wildcard):
            return wildcard
        if above in snapshot.nodes:
            return None
    return None
