"""A plan as Markdown, for a comment or a job's summary: what it comes to, what was said to it, findings, then steps."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never
from urllib.parse import quote

from plans.approval import Approval, Vote
from plans.conditions import Condition, GraphSays, HeldFor, ProviderHolds, ServedEverywhere, ZoneSigned
from plans.plan import Change, Entry, Filters, Manual, Rollout, SetSigning, Step
from plans.policy import Finding, Risk, Severity
from plans.values import RRset
from provisioner.planfile import PlanFile
from provisioner.report.approvals_text import approval_lines
from provisioner.report.inert_markdown import block, code, cut, diff
from provisioner.report.lines import plain
from provisioner.report.moment import told
from provisioner.report.plan_text import action_parts, condition_text, counted_subjects, evidence_lines, subject_text

LARGEST = 60_000
"""Characters; GitHub takes comments of 65,536, other systems longer ones."""
_FOR_FINDINGS = 20_000
"""Characters of them that findings may take."""
_FOR_VOTES = 8_000
"""Characters that approvals and rejections may take."""
_FOR_A_COUNT = 30
"""Characters by which a group's title grows when more subjects are like its first."""

_NAMED = 4
"""So many of the subjects that share a finding are named; the rest is counted."""
_LONGEST_NAME = 200
"""Characters of the name of a file; what is longer would leave no room for the plan."""


def plan_markdown(plan: PlanFile, plan_file: str, manifest: str, votes: Sequence[Vote] = ()) -> str:
    """Render a plan in at most `LARGEST` characters; `plan_file` and `manifest` are named as the user typed them.

    The first line is a comment that no reader sees, with the manifest's name: by it a pipeline finds what it wrote before.
    """
    typed = shlex.quote(plan_file)
    file = typed if len(typed) <= _LONGEST_NAME else "PLAN"
    findings, risks = _Findings(), Counter[Risk]()
    for entry in plan.entries():
        risks.update(step.risk for step in (entry.rollout.steps if entry.rollout else ()))
        for finding in entry.findings:
            findings.add(finding)
    top = "".join([*_head(plan, risks, manifest), *_said(plan.id, votes), *findings.told()])
    longest_end = "".join(_end(plan, file, findings.left_out, plan.totals.subjects))
    steps = _Steps(LARGEST - len(top) - len(longest_end))
    for entry in plan.entries():
        if entry.rollout:
            steps.add(entry, entry.rollout)
    return "".join([top, *steps.told(), *_end(plan, file, findings.left_out, steps.left_out)])


def _head(plan: PlanFile, risks: Counter[Risk], manifest: str) -> Iterator[str]:
    totals, header = plan.totals, plan.header
    yield f"<!-- provisioner-plan {quote(manifest[-_LONGEST_NAME:], errors='replace')} -->\n"
    yield f"### Plan {code(plan.id[:12])}: {counted_subjects(totals.kinds)}, {_count(totals.steps, 'step')}\n\n"
    yield f"**{totals.add} to add, {totals.change} to change, {totals.delete} to delete.** {totals.in_sync} in sync, "
    known = f", {totals.acknowledged} acknowledged" if totals.acknowledged else ""
    yield f"{totals.blocked} blocked, {totals.failed} failed{known}; "
    yield f"{_count(totals.warnings, 'warning')}, {_count(totals.notices, 'notice')}.\n\n"
    if risks:
        yield f"By risk class: {', '.join(f'{code(risk)} {count}' for risk, count in sorted(risks.items()))}.\n\n"
    by = f" by {cut(header.planner)}" if header.planner else ""
    yield f"Made {told(header.created)}{by}. No rollout begins after **{told(header.expires)}**. Plan id {code(plan.id)}\n\n"
    if header.policy:
        yield f"The policy is that of the file with the SHA-256 {cut(header.policy)}.\n\n"
    yield from _partial(header.filters)


def _partial(filters: Filters) -> Iterator[str]:
    if filters.partial:
        globs = filters.options
        yield f"**This plan is partial:** {cut(' '.join(globs))}\n\n"


def _said(plan_id: str, votes: Sequence[Vote]) -> Iterator[str]:
    """Tell approvals and rejections; the latter first, since one is enough. What finds no room is counted."""
    if not votes:
        return
    yield "#### Said to this plan\n\nApply verifies each signature.\n\n"
    _, *lines = approval_lines(plan_id, "", sorted(votes, key=lambda vote: isinstance(vote, Approval)))
    room = _FOR_VOTES
    for number, one in enumerate(lines):
        piece = f"- {cut(plain(one).strip())}\n"
        room -= len(piece)
        if room < 0:
            yield f"- and {len(lines) - number} more\n"
            break
        yield piece
    yield "\n"


def _end(plan: PlanFile, file: str, findings: int, subjects: int) -> Iterator[str]:
    missing = [_count(subjects, "subject with steps", "subjects with steps")] if subjects else []
    missing += [_count(findings, "finding")] if findings else []
    if missing:
        yield f"**Left out here: {' and '.join(missing)}.** To see all: {code(f'provisioner show {file}')}\n\n"
    if plan.totals.steps:
        yield f"To approve: {code(f'provisioner approve {file}')}. To apply: {code(f'provisioner apply {file}')}\n"
    else:
        yield "There is nothing to approve.\n"


def _count(number: int, one: str, many: str = "") -> str:
    return f"1 {one}" if number == 1 else f"{number} {many or f'{one}s'}"


@dataclass(slots=True)
class _Alike:
    """Findings that say the same of several subjects."""

    finding: Finding
    named: list[str] = field(default_factory=list)
    count: int = 0

    def told(self) -> str:
        finding = self.finding
        subjects = ", ".join(map(code, self.named))
        more = f" and {self.count - len(self.named)} more" if self.count > len(self.named) else ""
        told = (f"known: {finding.acknowledged}" if finding.acknowledged else "", finding.what, finding.mend)
        words = "".join(f"<br>{code(line)}" for line in "\n".join(told).splitlines() if line)
        return f"- **{finding.severity}** {code(finding.code)}: {subjects}{more}{words}\n"


class _Findings:
    """Findings as they are told: the worst first, like ones once; what finds no room is counted."""

    def __init__(self) -> None:
        self._alike: dict[Severity, dict[tuple[str, ...], _Alike]] = {
            severity: {} for severity in (Severity.ERROR, Severity.BLOCK, Severity.WARNING, Severity.NOTICE)
        }
        self._room = dict.fromkeys(self._alike, _FOR_FINDINGS)
        self.left_out = 0

    def add(self, finding: Finding) -> None:
        """Take one finding more; no severity keeps more text than could ever be told."""
        known = self._alike[finding.severity]
        key = (finding.code, finding.acknowledged, finding.what, finding.mend)
        if key not in known:
            size = sum(map(len, key))
            if size > self._room[finding.severity]:
                self.left_out += 1
                return
            self._room[finding.severity] -= size
            known[key] = _Alike(finding)
        alike = known[key]
        alike.count += 1
        if len(alike.named) < _NAMED:
            alike.named.append(subject_text(finding.subject))

    def told(self) -> Iterator[str]:
        """Give the findings, each whole. To be called once, at the end: it counts what is left out."""
        room, begun = _FOR_FINDINGS, False
        for alike in (one for of_severity in self._alike.values() for one in of_severity.values()):
            piece = alike.told()
            if len(piece) > room:
                self.left_out += alike.count
                continue
            if not begun:
                yield "#### Findings\n\n"
            yield piece
            begun = True
            room -= len(piece)
        if begun:
            yield "\n"


@dataclass(slots=True)
class _Group:
    """Subjects whose steps differ in nothing but names and values: what all have in common, and each one's values."""

    first: str
    common: str
    title: str
    subjects: list[str] = field(default_factory=list)

    def told(self) -> Iterator[str]:
        more = f" and {len(self.subjects) - 1} more" if len(self.subjects) > 1 else ""
        yield f"<details><summary>{self.first}{more}: {self.title}</summary>\n\n"
        yield self.common
        yield from self.subjects
        yield "</details>\n\n"


class _Steps:
    """Steps as they are told; the subjects that find no room are counted, and none is told by half."""

    def __init__(self, room: int) -> None:
        self._groups: dict[object, _Group] = {}
        self._room = room - len("#### Steps\n\n")
        self.left_out = 0

    def add(self, entry: Entry, rollout: Rollout) -> None:
        """Take one subject more, if there is room for all of it."""
        shape = (entry.subject.kind, *map(_shape, rollout.steps))
        group = self._groups.get(shape)
        made = group or _Group(code(subject_text(entry.subject)), _common(rollout), _title(rollout))
        piece = "".join(_subject(entry, rollout))
        size = len(piece) + (0 if group else _FOR_A_COUNT + sum(map(len, made.told())))
        if size > self._room:
            self.left_out += 1
            return
        self._room -= size
        self._groups[shape] = made
        made.subjects.append(piece)

    def told(self) -> Iterator[str]:
        """Give the groups, in the order in which their first subjects stand in the plan."""
        if self._groups:
            yield "#### Steps\n\n"
        for group in self._groups.values():
            yield from group.told()


def _title(rollout: Rollout) -> str:
    return f"{_count(len(rollout.steps), 'step')}, {', '.join(code(step.risk) for step in rollout.steps)}"


def _common(rollout: Rollout) -> str:
    """Tell what each step requires and when it is done, with the first subject's names."""
    lines = []
    for number, step in enumerate(rollout.steps, 1):
        conditions = [f"requires {code(condition_text(condition, step))}" for condition in step.requires]
        conditions += [f"done when {code(condition_text(condition, step))}" for condition in step.done_when]
        lines.append(f"{number}. {code(step.risk)}: {'; '.join(conditions)}\n")
    return "".join([*lines, "\n"])


def _subject(entry: Entry, rollout: Rollout) -> Iterator[str]:
    """Tell all that is one subject's own: whose it is, why, every value before and after, what to copy, what follows."""
    zones = sorted({step.zone.provider for step in rollout.steps if step.zone})
    where = [f"provider {code(label)}" for label in zones] + ([f"tenant {code(entry.tenant)}"] if entry.tenant else [])
    yield f"**{code(subject_text(entry.subject))}**  {', '.join(where)}"
    for evidence in entry.evidence:
        yield from (f"<br>{code(plain(line).strip())}" for line in evidence_lines(evidence))
    if entry.supersedes:
        yield f"<br>Takes the place of the open rollout of plan {code(entry.supersedes)}"
    yield "\n\n"
    lines = [line for number, step in enumerate(rollout.steps, 1) for line in _changed(number, step)]
    if lines:
        yield diff(lines)
    for number, step in enumerate(rollout.steps, 1):
        if isinstance(step.action, Manual):
            yield f"Step {number}, by hand: {code(step.action.what)}\n\n"
            yield block(step.action.copy) if step.action.copy else ""
    if rollout.outline:
        yield f"Afterwards: {'<br>'.join(map(code, rollout.outline))}\n\n"


def _changed(number: int, step: Step) -> Iterator[str]:
    match step.action:
        case Change(before, after):
            yield f"  {number} {plain(action_parts(step))}"
            yield from _values("-", before)
            yield from _values("+", after)
        case SetSigning():
            yield f"  {number} {plain(action_parts(step))}"
        case Manual():
            pass
        case _ as never:
            assert_never(never)


def _values(sign: str, held: RRset | None) -> Iterator[str]:
    if held:
        yield from (f"{sign} {value} ttl={held.ttl}" for value in held.values)


def _shape(step: Step) -> object:
    """Give what two steps have in common that differ in nothing but names and values."""
    action: object
    match step.action:
        case Change(before, after):
            action = (before is None, after is None, bool(before and after and before.values == after.values))
        case SetSigning(signed):
            action = signed
        case Manual():
            action = None
        case _ as never:
            assert_never(never)
    at = step.zone and (step.zone.provider, step.zone.type)
    return step.risk, action, at, tuple(map(_kind, step.requires)), tuple(map(_kind, step.done_when))


def _kind(condition: Condition) -> object:
    match condition:
        case HeldFor(held, seconds):
            return condition.kind, seconds, _kind(held)
        case GraphSays(_, readiness):
            return condition.kind, readiness
        case ZoneSigned(_, _, beyond):
            return condition.kind, beyond
        case ProviderHolds(_, _, after) | ServedEverywhere(_, _, after):
            return condition.kind, after is None
        case _:
            return condition.kind
