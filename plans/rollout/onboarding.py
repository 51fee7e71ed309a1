"""A domain on its way to mail: what the tenant has to prove and to turn on before Microsoft assigns an MX.

`readiness` judges how far a domain is, `keys` tells what must be read of its zone, `propose` gives the steps: the TXT record
that proves the domain, Microsoft's verification by a person, Exchange turned on by a person. The MX is not known before that;
the next plan proposes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from plans import microsoft
from plans.conditions import GraphSays, ProviderHolds, Readiness
from plans.desired import MAIL_SERVICE, DomainFacts, GraphAnswer, Subject, VerificationText
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Finding, Risk, Severity
from plans.rollout import surroundings
from plans.snapshot import Snapshot
from plans.values import Key, Name, RRset, Txt, ZoneRef, rrset

TAKEOVER = "EmailVerifiedDomainTakeoverScheduled"


class Verify(StrEnum):
    """How the record that proves a domain gets into its zone."""

    MANUAL = "manual"
    """A person publishes it."""
    DNS = "dns"
    """We add it to the TXT set that is there; every value of others stays."""


@dataclass(frozen=True, slots=True)
class Onboarding:
    """A domain that is not ready for mail. `proof` is what it must publish; None: it is verified already."""

    subject: Subject
    answer: GraphAnswer
    proof: VerificationText | None


def readiness(answer: GraphAnswer, *, onboard: bool) -> tuple[Onboarding | None, tuple[Finding, ...]]:
    """Say how far a domain is: on its way, never ours to bring to mail (a finding that stops), or ready (neither).

    `onboard`: somebody wants this domain for mail by name. Else one that is not ready is left alone.
    https://learn.microsoft.com/graph/api/resources/domain
    """
    subject, facts = Subject(answer.domain), answer.facts
    findings = tuple(_ineligible(subject, answer))
    if facts is None or any(finding.stops for finding in findings):
        return None, findings
    if not facts.is_verified:
        return _unproved(subject, answer, onboard=onboard)
    if MAIL_SERVICE not in facts.supported_services:
        if onboard:
            return Onboarding(subject, answer, None), findings
        held = ", ".join(facts.supported_services) or "none"
        what = f"The domain is not used for mail: its services are {held}."
        return None, (Finding.block(subject, "domain-no-email", what, _listed(subject)),)
    return None, findings


def keys(onboarding: Onboarding, zone: Name) -> frozenset[Key]:
    """Give the keys that must be read before anything is proposed: none where nothing is to be published."""
    if onboarding.proof is None:
        return frozenset()
    return surroundings.keys(onboarding.proof.label, zone) | {Key(onboarding.proof.label, "TXT")}


def wanted(proof: VerificationText, live: RRset | None) -> RRset:
    """Give the TXT set that has the proof beside every value that is there."""
    held = live.values if live else ()
    return rrset(proof.label, "TXT", live.ttl if live else proof.ttl, [*held, Txt.of(proof.text)])


def propose(onboarding: Onboarding, snapshot: Snapshot | None, verify: Verify) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Propose the steps that are left. `snapshot` holds `keys`; None: no provider of ours holds the zone."""
    proof = onboarding.proof
    steps = [_turn_on_mail(onboarding.answer)]
    if proof:
        published = _publish(onboarding.answer, proof, snapshot, verify)
        if isinstance(published, Finding):
            return None, (published,)
        steps = [*published, *steps]
    outline = ("Then Microsoft assigns the mail host; the next plan creates the MX.",)
    return Rollout(onboarding.subject, tuple(steps), outline), ()


def _publish(
    answer: GraphAnswer, proof: VerificationText, snapshot: Snapshot | None, verify: Verify
) -> Finding | tuple[Step, ...]:
    """Give the steps to the domain's verification."""
    key = Key(proof.label, "TXT")
    live = snapshot.sets[key] if snapshot else None
    if isinstance(live, RRset) and Txt.of(proof.text) in live.values:
        return (_verify(answer, None),)
    if verify is Verify.MANUAL or snapshot is None:
        return (_verify(answer, proof),)
    obstacle = surroundings.obstacle(Subject(answer.domain), key, snapshot)
    if obstacle:
        return obstacle
    before = live if isinstance(live, RRset) else None
    return (_add_text(snapshot.zone, before, wanted(proof, before)), _verify(answer, None))


def _add_text(zone: ZoneRef, before: RRset | None, after: RRset) -> Step:
    return Step(Risk.ADD_TXT, Change(before, after), zone, (), (ProviderHolds(zone, after.key, after),))


def _verify(answer: GraphAnswer, proof: VerificationText | None) -> Step:
    """Make the person's step; with a proof, the record is part of it, once as a zone file's line and once as a form asks."""
    domain, bare = answer.domain, answer.domain.rstrip(".")
    copy = [f"az rest --method post --url {_graph_url(answer)}/verify"]
    what = f"Let Microsoft verify {bare}: Microsoft 365 admin centre, Settings, Domains; or:"
    if proof:
        text = Txt.of(proof.text)
        copy = [
            f"{proof.label} {proof.ttl} IN TXT {text}",
            f"name {bare}, type TXT, TTL {proof.ttl}, value {proof.text}",
            *copy,
        ]
        what = f"Publish this TXT record, keeping those that are there, then let Microsoft verify {bare}:"
    done_when = (GraphSays(domain, Readiness.VERIFIED),)
    return Step(Risk.MANUAL, Manual(what, tuple(copy)), None, (), done_when)


def _turn_on_mail(answer: GraphAnswer) -> Step:
    domain, bare = answer.domain, answer.domain.rstrip(".")
    what = (
        f"Turn on Exchange for {bare}: Microsoft 365 admin centre, Settings, Domains; or, naming the services that it has "
        "already as well:"
    )
    body = f'{{"supportedServices": ["{MAIL_SERVICE}"]}}'
    copy = (f"az rest --method patch --url {_graph_url(answer)} --body '{body}'",)
    requires = (GraphSays(domain, Readiness.VERIFIED),)
    return Step(Risk.MANUAL, Manual(what, copy), None, requires, (GraphSays(domain, Readiness.EMAIL),))


def _graph_url(answer: GraphAnswer) -> str:
    return f"{microsoft.GRAPH_ROOTS[answer.cloud]}/v1.0/domains/{answer.domain.rstrip('.')}"


def _unproved(subject: Subject, answer: GraphAnswer, *, onboard: bool) -> tuple[Onboarding | None, tuple[Finding, ...]]:
    if not onboard:
        what = "The tenant has not verified the domain yet."
        return None, (Finding.block(subject, "domain-not-verified", what, _listed(subject)),)
    proofs = set(answer.verification)
    if len(proofs) == 1 and next(iter(proofs)).label == answer.domain:
        return Onboarding(subject, answer, proofs.pop()), ()
    told = ", ".join(sorted(f"{proof.label} {proof.text}" for proof in proofs)) or "none"
    what = f"The tenant has not verified the domain yet, and Graph gives no single TXT record for it to do so: {told}."
    return None, (Finding.block(subject, "domain-not-verified", what, "Verify the domain in the Microsoft 365 admin centre."),)


def _listed(subject: Subject) -> str:
    return f"If it is to take mail, write {subject} under domains: in the manifest; else leave it out of the tenant's globs."


def _ineligible(subject: Subject, answer: GraphAnswer) -> Iterator[Finding]:
    """Find what makes a domain none of ours, whatever its records say."""
    leave_out = f"Take {subject} out of the manifest."
    facts = answer.facts
    if microsoft.is_onmicrosoft(answer.domain):
        what = "Microsoft itself runs the DNS of *.onmicrosoft.com domains."
        yield Finding.block(subject, "domain-onmicrosoft", what, leave_out)
    elif facts:
        yield from _unfit(subject, facts, leave_out)


def _unfit(subject: Subject, facts: DomainFacts, leave_out: str) -> Iterator[Finding]:
    if facts.is_initial:
        what = "It is the tenant's initial domain, whose DNS Microsoft runs."
        yield Finding.block(subject, "domain-initial", what, leave_out)
    if not facts.is_admin_managed:
        what = "Its DNS is delegated to Microsoft (isAdminManaged is false)."
        yield Finding.block(subject, "domain-delegated", what, leave_out)
    if facts.availability_status == TAKEOVER:
        what = "It is being taken over from a self-service tenant, which takes Microsoft some time."
        yield Finding.block(subject, "domain-takeover", what, "Plan again when the takeover is through.")
    if "EmailInternalRelayOnly" in facts.supported_services:
        what = "The tenant relays its mail (EmailInternalRelayOnly): mailboxes are elsewhere."
        mend = "Make sure that mail for it is to come to Exchange Online first."
        yield Finding(Severity.WARNING, "domain-relay-only", subject, what, mend)
