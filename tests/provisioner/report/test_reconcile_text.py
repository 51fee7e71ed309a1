"""What a reconcile came to fits a screen: the more there is to tell, the less is told of each."""

from __future__ import annotations

import pytest

from plans.desired import Subject
from plans.problem import Problem
from plans.values import name
from provisioner.reconciled import Place, Reconciled
from provisioner.report.lines import plain
from provisioner.report.reconcile_text import Summary

SCREEN = 40


def summary(groups: int, of_each: int = 1) -> list[str]:
    """Give what is told of so many groups, half of them failed and half refused, with three lines of detail each."""
    told = Summary()
    for number in range(groups * of_each):
        place = Place.REFUSED if number % 2 else Place.FAILED
        problem = Problem("no", "one\ntwo\nthree", "Mend it.")
        told.add(Reconciled(Subject(name(f"d{number}.example")), "t", place, code=f"code-{number % groups}", problem=problem))
    return [plain(line) for line in told.lines()]


@pytest.mark.parametrize("groups", [1, 7, 8, 12, 16])
def test_no_group_is_left_out_and_all_fit_a_screen(groups: int) -> None:
    lines = summary(groups)
    assert len(lines) <= SCREEN
    assert sum("(code-" in line for line in lines) == groups
    assert lines.count("     Mend it.") == groups


def test_few_groups_are_told_in_full_and_of_many_subjects_the_first_is() -> None:
    assert summary(1)[1:4] == ["     one", "     two", "     three"]
    assert summary(2, of_each=2)[1] == "     d0.example: one"
    assert "     two" not in summary(12)
