"""A plan as a person reads it: every value before and after, whole; why; how one sees that it is done; what follows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import assert_never

from plans.conditions import Condition, ProviderHolds, ServedEverywhere
from plans.desired import Emergency, Evidence, GraphAnswer, Journalled, Pin, Stated, Subject, SubjectKind
from plans.plan import Change, Entry, Filters, Manual, SetSigning, Step, Totals
from plans.values import RRset
from provisioner.planfile import PlanFile
from provisioner.report.finding_text import finding_lines
from provisioner.report.lines import Line, Part, Tone, line

_NAMED = 4
"""So many of the subjects that share a reason are named; the rest is counted."""

_POINTED = re.compile(r"(?<=\w)\.(?=[,;:])")
_KINDS = {
    SubjectKind.DOMAIN: ("domain", "domains"),
    SubjectKind.ZONE: ("zone", "zones"),
    SubjectKind.MAIL_HOST: ("mail host", "mail hosts"),
    SubjectKind.TENANT: ("tenant", "tenants"),
}


def plan_lines(plan: PlanFile, next_command: str) -> Iterator[Line]:
    """Render a plan: its subjects, who was left out, what it amounts to, and the command that comes next if there is one."""
    stopped: dict[str, list[str]] = defaultdict(list)
    stopped_kinds = Counter[SubjectKind]()
    for _, together in groupby(plan.entries(), _alike):
        entries = list(together)
        yield from _entry_lines(entries)
        stopped_kinds.update(entry.subject.kind for entry in entries if entry.stopped)
        for entry in entries:
            for code in sorted({finding.code for finding in entry.findings if finding.stops}):
                stopped[code].append(subject_text(entry.subject))
    totals = plan.totals
    yield from _partial(plan.header.filters)
    if stopped:
        counts = _counted(blocked=totals.blocked, failed=totals.failed, acknowledged=totals.acknowledged)
        yield line(Part(f"Not planned: {counts}", Tone.STOPPED if totals.blocked or totals.failed else Tone.FAINT))
        width = max(map(len, stopped))
        for code, subjects in sorted(stopped.items()):
            yield line(f"  {code:{width}}  {len(subjects):5}  {_some(subjects)}")
        yield ()
    if not totals.steps:
        yield line(Part("No changes. ", Tone.GOOD), _in_sync(totals, stopped_kinds))
        return
    steps = "1 step" if totals.steps == 1 else f"{totals.steps} steps"
    yield line(
        Part(f"Plan {plan.id[:12]}: ", Tone.STRONG),
        f"{counted_subjects(totals.kinds)}, {steps}: ",
        f"{totals.add} to add, {totals.change} to change, {totals.delete} to delete. ",
        f"{totals.in_sync} in sync.",
    )
    if next_command:
        yield line("Next: ", Part(next_command, Tone.STRONG))


def _alike(entry: Entry) -> object:
    """Give what entries have in common that are told as one: a tenant's domains that failed for the same reason."""
    told = tuple((one.severity, one.code, one.acknowledged, one.what, one.mend) for one in entry.findings)
    return (entry.tenant, told) if entry.stopped and not entry.evidence else entry.subject


def _some(subjects: Sequence[str]) -> str:
    """Name the first few of many."""
    named = ", ".join(subjects[:_NAMED])
    return named if len(subjects) <= _NAMED else f"{named} and {len(subjects) - _NAMED} more"


def _partial(filters: Filters) -> Iterator[Line]:
    if filters.partial:
        told = filters.options
        yield line(Part("This plan is partial: ", Tone.WARNED), " ".join(told))


def _in_sync(totals: Totals, stopped: Counter[SubjectKind]) -> str:
    """Say what is as it should be, where no subject has steps."""
    if not totals.subjects:
        return "The manifest names no domain."
    if not totals.proceeding:
        return "Nothing can be done before what is named above is mended."
    good = Counter(totals.kinds) - stopped
    told = []
    if domains := good.pop(SubjectKind.DOMAIN, 0):
        told.append(f"The MX of {counted_subjects({SubjectKind.DOMAIN: domains})} is what Microsoft Graph asks for.")
    if good:
        told.append(f"{counted_subjects(good)} {'is' if good.total() == 1 else 'are'} as the manifest asks.")
    return " ".join(told)


def _counted(**counts: int) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _entry_lines(alike: Sequence[Entry]) -> Iterator[Line]:
    entry = alike[0]
    zones = {step.zone.provider for step in entry.rollout.steps if step.zone} if entry.rollout else set()
    whose = [f"tenant {entry.tenant}"] if entry.tenant else []
    where = ", ".join([*(f"provider {label}" for label in sorted(zones)), *whose])
    yield line(Part(_some([subject_text(one.subject) for one in alike]), Tone.STRONG), f"  ({where})" if where else "")
    for evidence in entry.evidence:
        yield from evidence_lines(evidence)
    for finding in entry.findings:
        yield from finding_lines(finding)
    if entry.rollout:
        yield ()
        for number, step in enumerate(entry.rollout.steps, 1):
            yield from step_lines(str(number), step)
        for told in entry.rollout.outline:
            yield line("     afterwards  ", Part(told, Tone.FAINT))
    yield ()


def subject_text(subject: Subject) -> str:
    """Name a subject; a zone and a mail host have the names of domains, and are told apart from them."""
    told_apart = {SubjectKind.ZONE, SubjectKind.MAIL_HOST}
    return f"{_KINDS[subject.kind][0]} {subject}" if subject.kind in told_apart else str(subject)


def counted_subjects(counts: Mapping[SubjectKind, int]) -> str:
    """Count subjects by kind, as in `2 domains, 1 zone`; kinds of which there is none are left out."""
    told = [f"{count} {_KINDS[kind][count != 1]}" for kind in SubjectKind if (count := counts.get(kind, 0))]
    return ", ".join(told) or "0 domains"


def evidence_lines(evidence: Evidence) -> Iterator[Line]:
    """Say why something is wanted, and who says so."""
    match evidence:
        case GraphAnswer():
            yield from _answer(evidence)
        case Pin(_, exchange, where):
            yield line("  Pinned is ", Part(exchange, Tone.STRONG), Part(f"  ({where})", Tone.FAINT))
        case Stated(_, what, where):
            yield line("  The manifest asks for ", Part(what, Tone.STRONG), Part(f"  ({where})", Tone.FAINT))
        case Journalled(of, stood, overwritten_at, back_to):
            when = f"  (the journal: {back_to}; overwritten {overwritten_at:%Y-%m-%d %H:%M:%SZ})"
            yield line(f"  There stood at {of}: ", Part(stood, Tone.STRONG), Part(when, Tone.FAINT))
        case Emergency(_, reason):
            yield line("  An emergency: ", Part(reason, Tone.STRONG))
        case _ as never:
            assert_never(never)


def _answer(answer: GraphAnswer) -> Iterator[Line]:
    asked = ", ".join(f"MX {mx.preference} {mx.exchange}" for mx in answer.mail_exchanges) or "no MX"
    yield line(
        "  Microsoft Graph asks for ",
        Part(asked, Tone.STRONG),
        Part(f"  ({answer.source.where}, read {answer.read_at:%Y-%m-%d %H:%M:%SZ})", Tone.FAINT),
    )


def step_lines(title: str, step: Step, unmet: Mapping[Condition, str] | None = None) -> Iterator[Line]:
    """Render one step: what is done, before and after, what it requires first, and how one sees that it is done.

    `unmet` says of conditions that are waited for why, or until when.
    """
    yield line(f"  {title}  {step.risk}  ", *action_parts(step))
    match step.action:
        case Change(before, after):
            yield from _values("-", before, Tone.REMOVED)
            yield from _values("+", after, Tone.ADDED)
        case SetSigning():
            pass
        case Manual(_, copy):
            yield from (line("       ", text) for text in copy)
        case _ as never:
            assert_never(never)
    for when, conditions in (("requires ", step.requires), ("done when", step.done_when)):
        for condition in conditions:
            if told := unmet and unmet.get(condition):
                yield waits_line(condition, step, told)
            else:
                yield line(f"     {when}   ", Part(condition_text(condition, step), Tone.FAINT))


def waits_line(condition: Condition, step: Step, told: str) -> Line:
    """Say what a step waits for, and if it is known why, or until when."""
    words = condition_text(condition, step)
    if not told:
        return line("     waits for   ", words)
    return line("     waits for   ", words.removesuffix("."), Part(f": {_unpointed(told)}", Tone.WARNED))


def action_parts(step: Step) -> Line:
    """Say in a few words what a step does, and to what."""
    match step.action:
        case Change(before, after) as change:
            return line(_verb(before, after), f" {change.key}")
        case SetSigning(signed):
            return line(Part("± SIGN" if signed else "± UNSIGN", Tone.CHANGED), f" {step.zone.name if step.zone else ''}")
        case Manual(what):
            return line(Part(f"* BY HAND  {what}", Tone.CHANGED))
        case _ as never:
            assert_never(never)


def _verb(before: RRset | None, after: RRset | None) -> Part:
    if before is None:
        return Part("+ CREATE", Tone.ADDED)
    if after is None:
        return Part("- DELETE", Tone.REMOVED)
    return Part("± MODIFY-TTL" if before.values == after.values else "± MODIFY", Tone.CHANGED)


def _values(sign: str, held: RRset | None, tone: Tone) -> Iterator[Line]:
    if held:
        yield from (line("       ", Part(f"{sign} {value} ttl={held.ttl}", tone)) for value in held.values)


def condition_text(condition: Condition, step: Step) -> str:
    """Say a condition in words; the set that the step itself writes is not repeated."""
    own = step.action.after if isinstance(step.action, Change) else None
    match condition:
        case ProviderHolds(zone, key, after) if after is None or after == own:
            return f"{zone.provider}, read back, holds {'exactly this' if after else 'no set'} at {key}"
        case ServedEverywhere(zone, key, after) if after is not None and after == own:
            return f"every server of {zone} serves exactly this at {key}"
        case _:
            return _unpointed(str(condition))


def _unpointed(text: str) -> str:
    """Leave out the final dot of names that punctuation follows."""
    return _POINTED.sub("", text)
