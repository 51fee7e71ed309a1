"""Whether a domain's mail DNS is as it should be, judged purely from what was seen of it from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from plans.facts import HostFacts, NoAnswer, Secured, StsPolicy, ZoneFacts
from plans.values import Live, Name, RRset
from plans.verify.check import Check, Standing, worst
from plans.verify.dane import dane_checks
from plans.verify.mx import UnderWay, mail_hosts, mx_check
from plans.verify.sts import sts_check
from plans.verify.zone import chain_check, delegation_check, ds_checks

__all__ = ["Check", "Seen", "Standing", "UnderWay", "Wanted", "checks", "mail_hosts", "mx_check", "worst"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a domain is to be.

    `mx` None: nothing can be said of it yet. `signed`: its zone is to be signed, `dane`: its mail hosts are to be verified by
    DANE. The open rollouts are those of the domain and of its zone.
    """

    domain: Name
    mx: RRset | None
    signed: bool = False
    dane: bool = False
    rollout: UnderWay | None = None
    zone_rollout: UnderWay | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a domain `at` that time (UTC).

    `served` is its MX set by address of its zone's servers, `mx` the same as a validator has it; `hosts` are those that any of
    the servers names.
    """

    at: datetime
    zone: ZoneFacts | NoAnswer
    served: Mapping[str, Live | NoAnswer]
    mx: Secured
    hosts: Mapping[Name, HostFacts | NoAnswer]
    sts: StsPolicy | NoAnswer


def checks(wanted: Wanted, seen: Seen) -> tuple[Check, ...]:
    """Judge everything: what breaks all else comes first."""
    found: list[Check] = []
    if isinstance(seen.zone, NoAnswer):
        found.append(Check("zone", Standing.UNDETERMINED, seen.zone.why))
    else:
        found.append(chain_check(seen.zone, seen.mx, signed=wanted.signed, under_way=wanted.zone_rollout))
        found.extend(ds_checks(seen.zone, seen.at))
        found.append(delegation_check(seen.zone))
    found.append(mx_check(wanted.domain, wanted.mx, wanted.rollout, seen.served, seen.hosts))
    under_way = wanted.zone_rollout or wanted.rollout
    found.extend(dane_checks(seen.mx, seen.hosts, seen.at, asked=wanted.dane, under_way=under_way))
    found.append(sts_check(seen.sts, seen.hosts))
    return tuple(found)
