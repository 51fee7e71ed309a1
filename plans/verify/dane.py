"""What senders that do DANE make of a domain and of each of its MX hosts (RFC 7672)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import assert_never

from plans.conditions import TlsaHarmless, TlsaSecure
from plans.dane import WORST_FIRST, Dane, verdict
from plans.facts import Facts, HostFacts, NoAnswer, Secured, Security
from plans.judging import Memory, judge
from plans.values import Name, RRset
from plans.verdicts import Judgement
from plans.verify.check import Check, Standing
from plans.verify.mx import UnderWay

_MENDS = {
    Dane.FAILED: "Publish the record that matches, or have the host present the key that is published, before anything else.",
    Dane.NOT_DANE: "See what is left to do:  provisioner plan",
    Dane.ENCRYPTED: "Publish a record 3 1 1 (RFC 7672 §3.1).",
    Dane.UNDETERMINED: "Look again from a network that lets port 25 out; `doctor --smtp-target HOST` tries it.",
    Dane.VERIFIED: "",
}


def dane_checks(
    mx: Secured,
    hosts: Mapping[Name, HostFacts | NoAnswer],
    at: datetime,
    *,
    asked: bool,
    under_way: UnderWay | None,
) -> Iterator[Check]:
    """Judge each MX host and the domain. `mx`: the set that names them; `asked`: the manifest wants DANE for the domain."""
    verdicts = {host: _of_host(found) for host, found in sorted(hosts.items())}
    for host, found in sorted(hosts.items()):
        told, standing = verdicts[host], _standing(verdicts[host], asked=asked, under_way=under_way)
        danger = _danger(found, at) if told is Dane.NOT_DANE else ""
        if danger and standing is Standing.GOOD:
            standing = Standing.NOTICE
        yield _check(f"TLSA {host.rstrip('.')}", told, standing, f"{_why(found, told, at)}{danger}")
    told, why = _of_domain(mx, verdicts)
    yield _check("DANE", told, _standing(told, asked=asked, under_way=under_way), why)


def _check(name: str, told: Dane, standing: Standing, why: str) -> Check:
    return Check(name, standing, f"{told}: {why}", "" if standing is Standing.GOOD else _MENDS[told])


def _standing(told: Dane, *, asked: bool, under_way: UnderWay | None) -> Standing:
    match told:
        case Dane.FAILED:
            return Standing.FAULT
        case Dane.VERIFIED:
            return Standing.GOOD
        case _ if not asked:
            return Standing.GOOD
        case Dane.UNDETERMINED:
            return Standing.UNDETERMINED
        case Dane.ENCRYPTED:
            return Standing.NOTICE
        case Dane.NOT_DANE:
            return Standing.NOTICE if under_way else Standing.FAULT
        case _ as never:
            assert_never(never)


def _of_host(host: HostFacts | NoAnswer) -> Dane:
    """Judge a host: TLSA counts only beside addresses that are secure themselves (RFC 7672 §2.2)."""
    if isinstance(host, NoAnswer) or host.addresses is None:
        return Dane.UNDETERMINED
    match host.address_security:
        case Security.BOGUS:
            return Dane.FAILED
        case Security.INDETERMINATE:
            return Dane.UNDETERMINED
        case Security.INSECURE:
            return Dane.NOT_DANE
        case Security.SECURE:
            return verdict(host.tlsa, host.sessions)
        case _ as never:
            assert_never(never)


def _why(host: HostFacts | NoAnswer, told: Dane, at: datetime) -> str:
    if isinstance(host, NoAnswer):
        return host.why
    if host.addresses is None or host.address_security is not Security.SECURE:
        return f"its addresses are {host.address_security}{f': {host.why}' if host.why else ''}"
    match told:
        case Dane.VERIFIED:
            return f"its TLSA is secure and matches what it presents at {', '.join(sorted(host.sessions))}"
        case Dane.NOT_DANE:
            return "its TLSA would not be secure" if host.tlsa.security is Security.INSECURE else "it has no TLSA"
        case Dane.ENCRYPTED:
            return "SMTP can use none of its TLSA records"
        case Dane.FAILED | Dane.UNDETERMINED:
            return judge(TlsaSecure(host.host), Facts(at, {}, hosts={host.host: host}), Memory()).why
        case _ as never:
            assert_never(never)


def _danger(host: HostFacts | NoAnswer, at: datetime) -> str:
    """Tell of records that nobody heeds yet, and that would hold mail back once they are secure."""
    if isinstance(host, NoAnswer) or not isinstance(host.tlsa.held, RRset):
        return ""
    found = judge(TlsaHarmless(host.host), Facts(at, {}, hosts={host.host: host}), Memory())
    if found.judgement is not Judgement.NOT_YET:
        return ""
    return f"; once the zone is signed its TLSA would hold mail back: {found.why}"


def _of_domain(mx: Secured, verdicts: Mapping[Name, Dane]) -> tuple[Dane, str]:
    """Judge a domain: its MX set must be secure itself (RFC 7672 §2.2.1); some senders heed the TLSA of a host all the same."""
    if mx.security is Security.BOGUS:
        return Dane.FAILED, f"its MX set is bogus: {mx.why}"
    worst = next((one for one in WORST_FIRST if one in verdicts.values()), Dane.NOT_DANE)
    of_worst = ", ".join(host for host, one in verdicts.items() if one is worst) or "it has no MX host"
    if worst is Dane.FAILED:
        return worst, f"mail is held back at {of_worst}"
    if mx.security is Security.INDETERMINATE:
        return Dane.UNDETERMINED, f"whether its MX set is secure is not known: {mx.why}"
    if mx.security is Security.INSECURE:
        return Dane.NOT_DANE, "its MX set is not secure"
    return worst, of_worst
