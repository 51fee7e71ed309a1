"""What `plan`, `show` and `apply` have in common: making a plan, and showing one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from plans.plan import Filters
from plans.problem import Problem
from plans.values import Name
from provisioner import engine
from provisioner.cli import screen
from provisioner.files import write_whole
from provisioner.fleet import Fleet
from provisioner.planfile import PlanFile
from provisioner.report.documents import plan_document
from provisioner.report.lines import line
from provisioner.report.plan_text import plan_lines
from provisioner.report.problem_text import problem_lines


def make(fleet: Fleet, domains: Sequence[str] | None, excluded: Sequence[str] | None) -> PlanFile:
    """Make a plan of the domains that the options let through."""
    planning = engine.plan(fleet, Filters(tuple(domains or ()), tuple(excluded or ())), _pins(fleet))
    plan = PlanFile.record(planning)
    if planning.consents:
        _tell_consents(fleet, planning.consents)
    return plan


def _tell_consents(fleet: Fleet, consents: Mapping[str, str]) -> None:
    """Say in one line which tenants lack consent; the page of each, to be sent to its administrator, goes into a file."""
    path = fleet.manifest.file.parent / "consent-urls.txt"
    try:
        write_whole(path, [f"{tenant} {url}\n".encode() for tenant, url in sorted(consents.items())])
    except Problem as problem:
        screen.note(problem_lines(problem))
        return
    count = "1 tenant lacks" if len(consents) == 1 else f"{len(consents)} tenants lack"
    screen.note([line(f"{count} an administrator's consent; the page of each to open: {path}")])


def _pins(fleet: Fleet) -> Mapping[Name, Name]:
    """Give the mail hosts that the state keeps; where there is no state yet, none is made."""
    if not Path(fleet.manifest.state.removeprefix("sqlite:///")).exists():
        return {}  # known without the import of a database's library, which a start should not take
    from provisioner.state import State

    state = State.peek(fleet.manifest.state, fleet.now)
    if state is None:
        return {}
    with state:
        return state.pins()


def show(plan: PlanFile, next_command: str, *, json: bool = False) -> None:
    """Show a plan to a person, or to a program."""
    if json:
        screen.write(plan_document(plan))
    else:
        screen.tell(plan_lines(plan, next_command))
