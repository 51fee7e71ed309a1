"""Approval: what of a plan needs it, how many people must give it, and whose signatures count. Nothing is verified here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

from plans.desired import Subject
from plans.plan import Entry
from plans.policy import Risk


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's signature over a plan's id (armored, OpenSSH's PROTOCOL.sshsig); times are UTC.

    Only the signature can be verified: `principal` (as whom the signer was known when it was made), `note`, `at` and `expires`
    are as the record says.
    """

    plan: str
    signature: str
    principal: str
    note: str
    at: datetime
    expires: datetime | None = None
    kind: Literal["approval"] = "approval"

    def __post_init__(self) -> None:
        _require_utc(self.at)
        _require_utc(self.expires or self.at)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Somebody's no to a plan, for good: no signature is asked for, since it only stops."""

    plan: str
    by: str
    note: str
    at: datetime
    kind: Literal["rejection"] = "rejection"

    def __post_init__(self) -> None:
        _require_utc(self.at)


Vote = Approval | Rejection


@dataclass(frozen=True, slots=True)
class Signed:
    """Whose signature a verified one is: every principal for which its key is allowed."""

    principals: frozenset[str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A signature that counts for nothing, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many people must approve a step of which risk class; a class that is not named takes `default`."""

    default: int = 0
    named: Mapping[Risk, int] = field(default_factory=dict)

    def asked(self, risks: Iterable[Risk]) -> Mapping[Risk, int]:
        """Give those of the classes that need anybody's approval, each with its number."""
        return {risk: number for risk in sorted(set(risks)) if (number := self.named.get(risk, self.default))}


@dataclass(frozen=True, slots=True)
class Begun:
    """What the state says of one of a plan's rollouts: since when it is open, and how it ended; None: it has not."""

    opened: datetime
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What of a plan needs approval, by risk class.

    `fresh`: of rollouts that may begin now, or whose approval was carried long enough: judged as of now. `carried`: of those
    that have begun and keep the approval which they had at `since`.
    """

    fresh: frozenset[Risk] = frozenset()
    carried: frozenset[Risk] = frozenset()
    since: datetime | None = None


def due(entries: Iterable[Entry], begun: Mapping[Subject, Begun], expires: datetime, carry: timedelta, now: datetime) -> Due:
    """Say what needs approval of a plan of which no rollout may begin after `expires`. What is over needs none any more.

    What only goes on with a rollout of another plan may be walked after that time as well, and needs it then as before.
    """
    fresh: set[Risk] = set()
    carried: set[Risk] = set()
    opened: list[datetime] = []
    for entry in entries:
        risks = {step.risk for step in entry.rollout.steps} if entry.rollout else set()
        known = begun.get(entry.subject)
        if known is None:
            fresh |= risks if now < expires or entry.goes_on else set()
        elif known.outcome is None and now < known.opened + carry:
            carried |= risks
            opened.append(known.opened)
        elif known.outcome is None:
            fresh |= risks
    return Due(frozenset(fresh), frozenset(carried), min(opened, default=None))


def people(signed: Iterable[Signed], planner: str = "") -> tuple[frozenset[str], ...]:
    """Give those who signed, each by all principals of theirs: signatures that have one in common are one person's.

    Whoever may be `planner` is left out.
    """
    found: list[frozenset[str]] = []
    for one in signed:
        same = [person for person in found if person & one.principals]
        found = [person for person in found if person not in same]
        found.append(one.principals.union(*same))
    return tuple(person for person in found if not (planner and any(may_be(principal, planner) for principal in person)))


def may_be(principal: str, planner: str) -> bool:
    """Whether a principal may be the one who is named as planner.

    Case does not tell people apart, nor does a mail domain that only one of the two names has; a principal with `*` or `?` is
    anybody whom it fits.
    """
    pattern, name = principal.casefold().replace("[", "[[]"), planner.casefold()
    user, at, _ = name.partition("@")
    pattern_user, pattern_at, _ = pattern.partition("@")
    return fnmatchcase(name, pattern) or (not (at and pattern_at) and fnmatchcase(user, pattern_user))


def _require_utc(moment: datetime) -> None:
    if moment.utcoffset() != timedelta(0):
        msg = "the times of an approval are UTC"
        raise ValueError(msg)
