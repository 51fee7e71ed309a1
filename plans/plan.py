"""A plan as data: changes, steps, rollouts, and the lines of a plan that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, cast

from plans.conditions import Condition
from plans.desired import Evidence, Source, Subject, SubjectKind
from plans.policy import Finding, Risk, Severity
from plans.values import MANAGED_TYPES, Key, RRset, ZoneRef

STAGED = "staged"
"""The code of the finding that a zone is being prepared, and is not looked up in DNS."""
WAITS = "waits"
"""The code of the finding that a subject's rollout is open already, and waits."""
NOT_LISTED = "not-listed"
"""The code of the finding that a customer holds a domain which the manifest does not list."""
GOES_ON = "goes-on"
"""The code of the finding that a subject's rollout is open already, and its next step can be taken."""


@dataclass(frozen=True, slots=True)
class Change:
    """One key's whole set before and after; None is no set. The only thing that an adapter ever writes."""

    before: RRset | None
    after: RRset | None
    kind: Literal["change"] = "change"

    def __post_init__(self) -> None:
        if self.before == self.after:
            msg = "a change changes something"
            raise ValueError(msg)
        if self.before and self.after and self.before.key != self.after.key:
            msg = f"a change is about one key, not {self.before.key} and {self.after.key}"
            raise ValueError(msg)
        if self.key.type not in MANAGED_TYPES:
            msg = f"{self.key.type} sets are never written"
            raise ValueError(msg)
        if self.key.type == "TXT":
            held, wanted = (set(one.values) if one else set() for one in (self.before, self.after))
            same_ttl = self.before is None or self.after is None or self.before.ttl == self.after.ttl
            if not (same_ttl and held < wanted and len(wanted - held) == 1):
                msg = f"of {self.key} nothing is changed but that one value is added"
                raise ValueError(msg)

    @property
    def key(self) -> Key:
        """The key that is changed."""
        known = cast("RRset", self.after or self.before)  # never both None, see above
        return known.key


@dataclass(frozen=True, slots=True)
class SetSigning:
    """Turn the signing of a zone on or off (RFC 4035 §2)."""

    signed: bool
    kind: Literal["set-signing"] = "set-signing"


@dataclass(frozen=True, slots=True)
class Manual:
    """Something that only a person can do: what, and the exact text to copy, one line each."""

    what: str
    copy: tuple[str, ...] = ()
    kind: Literal["manual"] = "manual"


Action = Change | SetSigning | Manual


@dataclass(frozen=True, slots=True)
class Step:
    """One action, the zone it acts in (None for a person's step), what it requires first, and how one sees that it is done."""

    risk: Risk
    action: Action
    zone: ZoneRef | None
    requires: tuple[Condition, ...]
    done_when: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if (self.zone is None) != isinstance(self.action, Manual):
            msg = "a manual step acts in no zone of ours, every other step in exactly one"
            raise ValueError(msg)
        if not self.done_when:
            msg = "a step without done_when would never be known to be done"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Rollout:
    """The ordered steps of one subject, fully known; `outline` tells what follows and is never executed."""

    subject: Subject
    steps: tuple[Step, ...]
    outline: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.steps:
            msg = "a rollout has steps"
            raise ValueError(msg)


def acts_alike(some: Sequence[Step], others: Sequence[Step]) -> bool:
    """Whether steps do the same in the same order, whatever each waits for."""
    return [(one.action, one.zone) for one in some] == [(one.action, one.zone) for one in others]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which domains a run was told to look at: globs as typed, and labels of the providers that hold them. None named: all."""

    domains: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether anything may have been left out."""
        return bool(self.domains or self.excluded or self.providers)

    @property
    def options(self) -> tuple[str, ...]:
        """They as they are typed."""
        return (
            *(f"--domain {glob}" for glob in self.domains),
            *(f"--exclude-domain {glob}" for glob in self.excluded),
            *(f"--provider {label}" for label in self.providers),
        )


@dataclass(frozen=True, slots=True)
class Header:
    """What a whole plan has in common. No rollout of it may begin after `expires`; times are UTC.

    `planner` is who made it, as whoever ran `plan` said; empty: nobody said. `policy` is the SHA-256 of the bytes of the file
    whose policy it was made under, in hexadecimal; empty: the manifest's.
    """

    created: datetime
    expires: datetime
    filters: Filters
    sources: tuple[Source, ...]
    planner: str = ""
    policy: str = ""

    def __post_init__(self) -> None:
        if self.created.utcoffset() != timedelta(0) or self.expires.utcoffset() != timedelta(0):
            msg = "the times of a plan are UTC"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a plan says of one subject: findings, steps, both or (it is as it should be) neither."""

    subject: Subject
    tenant: str
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    rollout: Rollout | None = None
    supersedes: str = ""
    """The id of the plan whose open rollout this one takes the place of; empty: of none."""

    def __post_init__(self) -> None:
        if self.rollout and self.stopped:
            msg = f"{self.subject} is stopped by a finding and may have no steps"
            raise ValueError(msg)

    @property
    def stopped(self) -> bool:
        """Whether a finding refuses this subject its steps."""
        return any(finding.stops for finding in self.findings)

    @property
    def acknowledged(self) -> bool:
        """Whether all that refuses this subject its steps is known, as somebody said."""
        return self.stopped and all(finding.acknowledged for finding in self.findings if finding.stops)

    @property
    def goes_on(self) -> bool:
        """Whether its steps are the rest of a rollout that was open already when it was planned."""
        return any(finding.code in {GOES_ON, WAITS} for finding in self.findings)

    @property
    def managed(self) -> bool:
        """Whether it is about what the manifest names, and is not only told of."""
        return self.subject.kind is not SubjectKind.TENANT and all(one.code != NOT_LISTED for one in self.findings)

    @property
    def in_sync(self) -> bool:
        """Whether nothing is to do and nothing is to say."""
        return not self.findings and self.rollout is None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a plan amounts to; the summary line, the JSON and the exit code all come from here."""

    subjects: int = 0
    in_sync: int = 0
    steps: int = 0
    add: int = 0
    change: int = 0
    delete: int = 0
    notices: int = 0
    warnings: int = 0
    blocked: int = 0
    failed: int = 0
    rollouts: int = 0
    waiting: int = 0
    """How many of the rollouts are open already, and wait as far as the journal tells."""
    acknowledged: int = 0
    """How many subjects are stopped by what somebody acknowledged, and by nothing else."""
    zones: int = 0
    mail_hosts: int = 0
    tenants: int = 0
    """How many of the subjects are such; all others are domains."""

    def plus(self, entry: Entry) -> Totals:
        """Count one subject more. `blocked` and `failed` count subjects, the other findings count each.

        What was acknowledged counts for none of them.
        """
        severities = [finding.severity for finding in entry.findings if not finding.acknowledged]
        notices, warnings = severities.count(Severity.NOTICE), severities.count(Severity.WARNING)
        if not (entry.managed or entry.stopped or entry.rollout):
            return replace(self, notices=self.notices + notices, warnings=self.warnings + warnings)
        steps = entry.rollout.steps if entry.rollout else ()
        changes = [step.action for step in steps if isinstance(step.action, Change)]
        return replace(
            self,
            subjects=self.subjects + 1,
            in_sync=self.in_sync + (entry.rollout is None and not entry.stopped),
            steps=self.steps + len(steps),
            add=self.add + sum(change.before is None for change in changes),
            change=self.change + sum(None not in (change.before, change.after) for change in changes),
            delete=self.delete + sum(change.after is None for change in changes),
            notices=self.notices + notices,
            warnings=self.warnings + warnings,
            blocked=self.blocked + (Severity.BLOCK in severities and Severity.ERROR not in severities),
            failed=self.failed + (Severity.ERROR in severities),
            rollouts=self.rollouts + (entry.rollout is not None),
            waiting=self.waiting + any(finding.code == WAITS for finding in entry.findings),
            acknowledged=self.acknowledged + entry.acknowledged,
            zones=self.zones + (entry.subject.kind is SubjectKind.ZONE),
            mail_hosts=self.mail_hosts + (entry.subject.kind is SubjectKind.MAIL_HOST),
            tenants=self.tenants + (entry.subject.kind is SubjectKind.TENANT),
        )

    @property
    def proceeding(self) -> int:
        """How many subjects were judged and not refused."""
        return self.subjects - self.blocked - self.failed - self.acknowledged

    @property
    def kinds(self) -> Mapping[SubjectKind, int]:
        """How many subjects there are of each kind."""
        domains = self.subjects - self.zones - self.mail_hosts - self.tenants
        return {
            SubjectKind.DOMAIN: domains,
            SubjectKind.ZONE: self.zones,
            SubjectKind.MAIL_HOST: self.mail_hosts,
            SubjectKind.TENANT: self.tenants,
        }
