"""Findings: what a run has to say of a subject; and the risk classes of steps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from plans.desired import Subject
from plans.problem import Problem

if TYPE_CHECKING:
    from plans.plan import Entry

CONTESTED = "contested"
"""The code of the finding that somebody changes back what we write (`plans.contest`)."""


class Severity(StrEnum):
    """How much a finding stops."""

    NOTICE = "notice"
    """Worth knowing; nothing is stopped."""
    WARNING = "warning"
    """Likely wrong; nothing is stopped."""
    BLOCK = "block"
    """Judged and refused: the subject gets no steps."""
    ERROR = "error"
    """Could not be judged, since something could not be read: the subject gets no steps."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one subject: `what` is wrong and where, and how to `mend` it.

    `acknowledged`: where, until when and why somebody said that it is known; empty: nobody did. It stops what it stopped.
    """

    severity: Severity
    code: str
    subject: Subject
    what: str
    mend: str
    acknowledged: str = ""

    @classmethod
    def block(cls, subject: Subject, code: str, what: str, mend: str) -> Self:
        """Make a finding that refuses the subject its steps."""
        return cls(Severity.BLOCK, code, subject, what, mend)

    @classmethod
    def failed(cls, subject: Subject, code: str, problem: Problem, severity: Severity = Severity.ERROR) -> Self:
        """Make the finding of a problem: the subject could not be judged, unless another severity is given."""
        return cls(severity, code, subject, f"{problem.headline}\n{problem.detail}", problem.mend)

    @property
    def stops(self) -> bool:
        """Whether the subject may get no steps because of this."""
        return self.severity in {Severity.BLOCK, Severity.ERROR}


class Risk(StrEnum):
    """The risk class of a step: what it can do to mail, and so who may approve it."""

    CREATE_MX = "create-mx"
    LOWER_TTL = "lower-ttl"
    ADD_MX = "add-mx"
    SWAP_MX = "swap-mx"
    REMOVE_MX = "remove-mx"
    REPLACE_MX = "replace-mx"
    RAISE_TTL = "raise-ttl"
    SIGN = "sign"
    ADD_DS = "add-ds"
    REMOVE_DS = "remove-ds"
    UNSIGN = "unsign"
    FIRST_TLSA = "first-tlsa"
    EXTEND_TLSA = "extend-tlsa"
    REMOVE_TLSA = "remove-tlsa"
    ADD_TXT = "add-txt"
    MANUAL = "manual"


def unattended(entry: Entry, allowed: Collection[Risk]) -> bool:
    """Whether the steps of a subject may be taken without a person, as far as their classes and the findings tell.

    The class of every step is among those that policy allows. A TTL is lowered for what follows: only an approved rollout does
    it. What somebody changes back is not written again.
    """
    risks = {step.risk for step in entry.rollout.steps} if entry.rollout else set()
    is_contested = any(finding.code == CONTESTED for finding in entry.findings)
    return risks <= frozenset(allowed) - {Risk.LOWER_TTL} and not is_contested
