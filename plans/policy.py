"""Findings: what a run has to say of a subject; and the risk classes of steps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from plans.desired import Subject
from plans.problem import Problem


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
    """One thing that is wrong with one subject: `what` is wrong and where, and how to `mend` it."""

    severity: Severity
    code: str
    subject: Subject
    what: str
    mend: str

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
