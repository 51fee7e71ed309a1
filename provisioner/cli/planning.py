"""What `plan`, `show` and `apply` have in common: making a plan, and showing one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plans.plan import Filters
from plans.problem import Problem
from provisioner import engine
from provisioner.approval.planner import named
from provisioner.cli import screen
from provisioner.files import write_whole
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.planfile import PlanFile
from provisioner.report.documents import plan_document
from provisioner.report.lines import line
from provisioner.report.plan_text import plan_lines
from provisioner.report.problem_text import problem_lines

if TYPE_CHECKING:
    from plans.approval import Vote


def make(
    fleet: Fleet,
    domains: Sequence[str] | None,
    excluded: Sequence[str] | None,
    *,
    supersede: bool = False,
    planner: str | None = None,
    dns_first: bool = False,
) -> PlanFile:
    """Make a plan of the domains that the options let through; with `supersede` it may replace open rollouts.

    `planner` makes it; None: whoever the pipeline says. `dns_first`: providers are asked only where public DNS does not do.
    """
    from provisioner.cli.progress import watching

    filters = Filters(tuple(domains or ()), tuple(excluded or ()))
    with watching(fleet, "Planning") as watch, peeked(fleet) as kept:
        known = replace(kept, supersede=supersede)
        planning = engine.plan(fleet, filters, known, named(planner, os.environ), dns_first=dns_first)
        plan = PlanFile.record(replace(planning, entries=watch.domains(planning.entries, planning.domains)))
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


@contextmanager
def peeked(fleet: Fleet) -> Iterator[Kept]:
    """Give what the state keeps of earlier runs, and look into it while the block lasts; where there is none, none is made."""
    file = fleet.manifest.state.removeprefix("sqlite:///")
    if file != fleet.manifest.state and not Path(file).exists():
        yield Kept()  # known without the import of a database's library, which a start should not take
        return
    from provisioner.state import State

    state = State.peek(fleet.manifest.state, fleet.now)
    if state is None:
        yield Kept()
        return
    with state, fleet.serving.kept_in(state, writes=False):
        yield Kept.of(state)


def show(plan: PlanFile, next_command: str, votes: Sequence[Vote] = (), *, json: bool = False) -> None:
    """Show a plan, and what was said to it, to a person or to a program."""
    if json:
        screen.write(plan_document(plan, votes))
    else:
        if votes:
            from provisioner.report.approvals_text import approval_lines

            screen.tell(approval_lines(plan.id, plan.header.planner, votes))
        screen.tell(plan_lines(plan, next_command))
