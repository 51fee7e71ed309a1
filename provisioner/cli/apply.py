"""`provisioner apply`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plans.problem import Problem
    from provisioner.cli.voting import Leave
    from provisioner.execute import Pace
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
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Do not ask, where the policy asks for nobody's signature.")
    ] = False,
    confirm: options.Confirm = None,
    policy: options.Policy = None,
    supersede: options.Supersede = False,
    lock_timeout: options.LockTimeout = options.NO_TIME,
    wait: options.Wait = options.NO_TIME,
    state_artifact: options.StateArtifact = None,
    json: options.Json = False,
) -> int:
    """Do what a plan says and nothing else, after somebody approved it; then see that it is done."""
    from provisioner.approval.problems import NobodyApproved
    from provisioner.cli import confirming
    from provisioner.cli.planning import make, show
    from provisioner.cli.voting import leave
    from provisioner.cli.world import open_fleet, take_artifact
    from provisioner.execute import Pace, stopped
    from provisioner.exits import Exit
    from provisioner.planfile import PlanFile
    from provisioner.report.lines import Part, Tone, line

    if plan_file and (domain or exclude_domain or supersede):
        raise UsageError(
            "Planning options do not go with a plan file",
            f"{plan_file} is applied as it was approved; --domain, --exclude-domain and --supersede would change what is done.",
            "Make a plan of less:  provisioner plan --domain GLOB --out FILE",
        )
    fleet = open_fleet(manifest, policy)
    if state_artifact:
        take_artifact(fleet, state_artifact, "apply")
    with PlanFile.read(plan_file) if plan_file else make(fleet, domain, exclude_domain, supersede=supersede) as plan:
        given = leave(fleet.manifest, plan, plan_file, auto_approve=auto_approve)
        if not json and (given.missing or not plan_file or not plan.totals.steps):
            show(plan, next_command="")
        again = f"provisioner apply {plan_file}" if plan_file else "provisioner apply"
        if given.missing and not isinstance(given.missing, NobodyApproved):
            raise given.missing
        if given.missing and (json or not screen.can_ask()):
            raise _unasked(plan, again)
        if given.forbidden:
            raise given.forbidden
        if given.missing:
            _ask(again)
        removed = confirming.removals(fleet, plan)
        confirming.confirm(removed, confirm, "its DS or its signatures are removed", again, ask=not json and screen.can_ask())
        if not plan.totals.steps:
            return _tell(stopped(plan), json=json, summary=False)
        code = _walk(fleet, plan, given, Pace(lock_timeout, wait), state_artifact, json=json)
        if code == Exit.INTERRUPTED:
            screen.note([line("Interrupted. What was written is in the journal. Go on:  ", Part(again, Tone.STRONG))])
        return code


def _unasked(plan: PlanFile, again: str) -> Problem:
    """Say that nobody approved a plan, and nobody is there to be asked; `again` is what was typed."""
    from provisioner.approval.problems import ApprovalMissing

    return ApprovalMissing(
        "Nobody approved the plan",
        f"Plan {plan.id[:12]} has {plan.totals.steps} steps, and there is no terminal to ask at. Nothing was written.",
        f"Approve it beforehand:  {again} --auto-approve",
    )


def _ask(again: str) -> None:
    """Let a person say yes. Raises `ApprovalMissing`."""
    from provisioner.approval.problems import ApprovalMissing

    answer = screen.ask("\nDo what this plan says? Only 'yes' is taken for an approval: ")
    if answer != "yes":
        raise ApprovalMissing("Cancelled", f"The answer was {answer!r}. Nothing was written.", f"To be asked again:  {again}")


def _walk(fleet: Fleet, plan: PlanFile, given: Leave, pace: Pace, state_artifact: Path | None, *, json: bool) -> int:
    """Apply a plan that has steps; whatever comes of it, what has to be kept of it is kept."""
    from dataclasses import replace
    from importlib.metadata import version
    from itertools import chain

    from provisioner.cli.interrupt import until_interrupted
    from provisioner.cli.progress import watching
    from provisioner.cli.world import conclude, tell_requests
    from provisioner.execute import apply, approved, stopped
    from provisioner.exits import Exit
    from provisioner.report.lines import line
    from provisioner.state import State

    with State.open(fleet.manifest.state, fleet.now) as state, until_interrupted() as stop:
        run = state.begin_run("apply", version("provisioner"))
        pace = replace(pace, stop=stop, tell=lambda told: screen.note([line(told)]))
        code: int = Exit.ERROR
        try:
            given.keep(state, run, plan.id)
            with watching(fleet, "Applying") as watch, fleet.serving.kept_in(state, writes=True):
                walked = watch.subjects(apply(fleet, state, run, lambda: approved(plan), pace), plan.totals.rollouts)
                code = _tell(chain(stopped(plan), walked), json=json, summary=True)
        finally:
            code = conclude(fleet, state, run, code, state_artifact)
            tell_requests(fleet)
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
