"""What `plan`, `show` and `apply` have in common: making a plan, and showing one."""

from __future__ import annotations

from collections.abc import Sequence

from plans.plan import Filters
from provisioner import engine
from provisioner.cli import screen
from provisioner.fleet import Fleet
from provisioner.planfile import PlanFile
from provisioner.report.documents import plan_document
from provisioner.report.plan_text import plan_lines


def make(fleet: Fleet, domains: Sequence[str] | None, excluded: Sequence[str] | None) -> PlanFile:
    """Make a plan of the domains that the options let through."""
    return PlanFile.record(engine.plan(fleet, Filters(tuple(domains or ()), tuple(excluded or ()))))


def show(plan: PlanFile, next_command: str, *, json: bool = False) -> None:
    """Show a plan to a person, or to a program."""
    if json:
        screen.write(plan_document(plan))
    else:
        screen.tell(plan_lines(plan, next_command))
