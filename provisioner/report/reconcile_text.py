"""What a reconcile came to, as a person reads it: on one screen, what needs a person first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from plans.plan import Step
from plans.problem import Problem
from provisioner.reconciled import NEEDS_A_PERSON, Place, Reconciled
from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.moment import told
from provisioner.report.plan_text import subject_text

_NAMED = 3
"""So many subjects of a group are named."""
_GROUPS = 8
"""So many groups of one place are shown."""
_LINES_OF_DETAIL = 3
_SCREEN = 40
"""So many lines there are at most where there are fewer than twenty groups: the more groups, the less is told of each."""
_TONES = {Place.CHANGED: Tone.GOOD, Place.IN_SYNC: Tone.GOOD, Place.WAITING: Tone.WARNED, Place.ACKNOWLEDGED: Tone.FAINT}


@dataclass(slots=True)
class _Group:
    """Subjects that stand alike for the same reason: how many, the first few, and what is told of the first."""

    count: int = 0
    named: list[str] = field(default_factory=list)
    problem: Problem | None = None
    step: Step | None = None
    until: datetime | None = None

    def add(self, one: Reconciled) -> None:
        """Count one more."""
        if not self.count:
            self.problem, self.step = one.problem, one.step
        self.count += 1
        if len(self.named) < _NAMED:
            self.named.append(subject_text(one.subject))
        self.until = min([time for time in (self.until, one.until) if time], default=None)

    @property
    def names(self) -> str:
        """Name the first few, and say how many more there are."""
        more = self.count - len(self.named)
        return ", ".join(self.named) + (f" and {more} more" if more else "")


class Summary:
    """What a reconcile came to, counted as its subjects come; it grows with what is wrong, not with the fleet."""

    def __init__(self) -> None:
        self._groups: defaultdict[Place, dict[str, _Group]] = defaultdict(dict)
        self.written = 0
        self.subjects = 0
        self.unsure = False

    def add(self, one: Reconciled) -> None:
        """Count one subject."""
        reason = one.code or (one.step.risk if one.step else "") or (one.problem.headline if one.problem else "")
        self._groups[one.place].setdefault(reason, _Group()).add(one)
        self.written += one.written
        self.subjects += 1
        self.unsure |= one.unsure

    def count(self, place: Place) -> int:
        """Give how many subjects stand there."""
        return sum(group.count for group in self._groups[place].values())

    @property
    def places(self) -> frozenset[Place]:
        """Where any subject stands."""
        return frozenset(place for place in Place if self._groups[place])

    @property
    def quiet(self) -> bool:
        """Whether nothing was done, and nothing needs anybody."""
        return not self.written and self.places <= {Place.IN_SYNC, Place.WAITING, Place.ACKNOWLEDGED}

    @property
    def needing(self) -> int:
        """How many subjects need a person."""
        return sum(self.count(place) for place in NEEDS_A_PERSON)

    def lines(self) -> Iterator[Line]:
        """Render it: what needs a person, then what else there is, then one line for all."""
        shown = [place for place in Place if place is not Place.IN_SYNC and self._groups[place]]
        groups = sum(len(self._groups[place]) for place in shown)
        most = min(_LINES_OF_DETAIL, max(0, (_SCREEN - 1) // max(1, groups) - 2))
        for place in shown:
            yield from self._place(place, most)
        counts = ", ".join(f"{self.count(place)} {place}" for place in Place if self._groups[place]) or "nothing is managed"
        needing = self.needing
        verb = "needs" if needing == 1 else "need"
        head = Part(f"{needing} {verb} a person. ", Tone.STOPPED) if needing else Part("Nothing needs anybody. ", Tone.GOOD)
        yield line(
            head, f"{self.subjects} {'subject' if self.subjects == 1 else 'subjects'}: {counts}; {self.written} written."
        )

    def _place(self, place: Place, most: int) -> Iterator[Line]:
        groups = sorted(self._groups[place].items(), key=lambda item: -item[1].count)
        for reason, group in groups[:_GROUPS]:
            yield line(
                Part(f"{place}", _TONES.get(place, Tone.STOPPED)), f"  {_counted(group.count)}{_because(reason)}: ", group.names
            )
            yield from _details(group, most)
        if len(groups) > _GROUPS:
            rest = sum(group.count for _, group in groups[_GROUPS:])
            yield line(
                Part(f"{place}", _TONES.get(place, Tone.STOPPED)), f"  {_counted(rest)} for other reasons; --json tells all"
            )


def _details(group: _Group, most: int) -> Iterator[Line]:
    if group.problem:
        of_first = f"{group.named[0]}: " if group.count > 1 and not group.step else ""
        for text in f"{of_first}{group.problem.detail}".splitlines()[:most]:
            yield line("     ", text)
        yield line(Part(f"     {group.problem.mend}", Tone.STRONG))
    if group.until:
        yield line(f"     not before {told(group.until)}")


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _counted(number: int) -> str:
    return "1 subject" if number == 1 else f"{number} subjects"
