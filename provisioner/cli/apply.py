"""`provisioner apply`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import ApprovalMissing, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provisioner.fleet import Fleet
    from provisioner.planfile import PlanFile
    from provisioner.results import Result


def command(
    plan_file: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", show_default=False, help="A plan that `plan --out` saved; else a new plan is made."),
    ] = None,
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    domain: options.Domains = None,
    exclude_domain: options.ExcludedDomains = None,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Do not ask.")] = False,
    json: options.Json = False,
) -> int:
    """Do what a plan says and nothing else, after somebody approved it; then see that it is done."""
    from provisioner.cli.planning import make, show
    from provisioner.cli.world import open_fleet
    from provisioner.execute import stopped
    from provisioner.planfile import PlanFile

    if plan_file and (domain or exclude_domain):
        raise UsageError(
            "Planning options do not go with a plan file",
            f"{plan_file} is applied as it was approved; --domain and --exclude-domain would change what is done.",
            "Make a plan of less:  provisioner plan --domain GLOB --out FILE",
        )
    fleet = open_fleet(manifest)
    with PlanFile.read(plan_file) if plan_file else make(fleet, domain, exclude_domain) as plan:
        needs_approval = bool(not auto_approve and plan.totals.steps and not _is_finished(fleet, plan))
        if not json and (needs_approval or not plan_file or not plan.totals.steps):
            show(plan, next_command="")
        if needs_approval:
            _approve(plan, plan_file, json=json)
        return _walk(fleet, plan, json=json) if plan.totals.steps else _tell(stopped(plan), json=json, summary=False)


def _is_finished(fleet: Fleet, plan: PlanFile) -> bool:
    """Whether an earlier run took every step of the plan already."""
    from provisioner.execute import is_finished
    from provisioner.state import State

    state = State.peek(fleet.manifest.state, fleet.now)
    if state is None:
        return False
    with state:
        return is_finished(state, plan)


def _approve(plan: PlanFile, plan_file: Path | None, *, json: bool) -> None:
    """Let a person say yes. Raises `ApprovalMissing`."""
    again = f"provisioner apply {plan_file}" if plan_file else "provisioner apply"
    if json or not screen.can_ask():
        raise ApprovalMissing(
            "Nobody approved the plan",
            f"Plan {plan.id[:12]} has {plan.totals.steps} steps, and there is no terminal to ask at. Nothing was written.",
            f"Approve it beforehand:  {again} --auto-approve",
        )
    answer = screen.ask("\nDo what this plan says? Only 'yes' is taken for an approval: ")
    if answer != "yes":
        raise ApprovalMissing("Cancelled", f"The answer was {answer!r}. Nothing was written.", f"To be asked again:  {again}")


def _walk(fleet: Fleet, plan: PlanFile, *, json: bool) -> int:
    """Apply a plan that has steps."""
    from importlib.metadata import version
    from itertools import chain

    from provisioner.cli.world import tell_requests
    from provisioner.execute import apply, stopped
    from provisioner.state import State

    with State.open(fleet.manifest.state, fleet.now) as state:
        run = state.begin_run("apply", version("provisioner"))
        code = _tell(chain(stopped(plan), apply(fleet, state, run, plan)), json=json, summary=True)
        tell_requests(fleet)
        run.finish(code)
    return code


def _tell(results: Iterable[Result], *, json: bool, summary: bool) -> int:
    """Tell each subject's result as it comes, and give the exit code of all."""
    from provisioner.report.apply_text import result_lines, summary_lines
    from provisioner.report.documents import result_object
    from provisioner.report.exit_code import of_apply

    told = []
    for result in results:
        told.append(result)
        if json:
            screen.write([result_object(result)])
        elif summary:
            screen.tell(result_lines(result))
    if summary and not json:
        screen.tell(summary_lines(told))
    return of_apply(told)
