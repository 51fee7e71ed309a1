"""Findings that somebody knows of and lives with for a time: they are told as that, and stop what they stopped all the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from plans.desired import Subject
from plans.plan import Entry
from plans.policy import Finding, Severity
from plans.values import Name

UNUSED = "acknowledged-in-vain"
"""The code of the finding that an acknowledgement fits nothing."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody knows that a finding of this code is about this name, be it a domain, a zone or a mail host.

    It counts until just before `until` (UTC). `reason` is why, `where` the file and line that say so.
    """

    name: Name
    code: str
    reason: str
    until: datetime
    where: str

    def __str__(self) -> str:
        return f"{self.where}, until {self.until:%Y-%m-%d}: {self.reason}"


def acknowledged(entries: Iterable[Entry], said: Collection[Acknowledgement], now: datetime, *, whole: bool) -> Iterator[Entry]:
    """Mark the findings that somebody acknowledged, and tell which acknowledgements fit nothing.

    `whole`: the entries are all that there are; else nothing can be said of names that are not among them.
    """
    unused = list(said)
    for entry in entries:
        findings = tuple(_marked(finding, said, now) for finding in entry.findings)
        fitting = {(entry.subject.name, finding.code) for finding in entry.findings}
        unused = [one for one in unused if (one.name, one.code) not in fitting]
        yield replace(entry, findings=findings)
    if whole:
        for name in sorted({one.name for one in unused}):
            subject = Subject(name)
            yield Entry(subject, "", tuple(_in_vain(subject, one) for one in unused if one.name == name))


def _marked(finding: Finding, said: Collection[Acknowledgement], now: datetime) -> Finding:
    fitting = (one for one in said if (one.name, one.code) == (finding.subject.name, finding.code) and now < one.until)
    by = next(fitting, None)
    return replace(finding, acknowledged=str(by)) if by else finding


def _in_vain(subject: Subject, one: Acknowledgement) -> Finding:
    what = f"{one.where} acknowledges {one.code}, and no such finding is about {subject}."
    return Finding(Severity.NOTICE, UNUSED, subject, what, "Remove it from policy.acknowledge.")
