"""`provisioner revert`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options
from provisioner.cli.problems import UsageError

if TYPE_CHECKING:
    from provisioner.fleet import Fleet
    from provisioner.revert import Chosen
    from provisioner.state import State

_PLAN_ID = 64
"""Characters of a plan's id; a number of more than eight is never a run's."""
_LONGEST_RUN, _SHORTEST_PLAN = 8, 8


def command(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|PLAN]",
            show_default=False,
            help="A run's number, a plan's file, or a plan's id or how it begins, as `history` tells them.",
        ),
    ] = None,
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    out: Annotated[Path | None, typer.Option("--out", help="Save the plan, for `apply PLAN`.", metavar="FILE")] = None,
    domain: options.Domains = None,
    to: Annotated[
        datetime | None,
        typer.Option(
            "--to", parser=options.moment, metavar="TIME", show_default=False, help="With --domain: as it stood at this time."
        ),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(
            "--now",
            metavar="DOMAIN",
            show_default=False,
            help="An emergency: without a plan, one write that lets the domain's mail flow again.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; the journal keeps it.", show_default=False)
    ] = "",
    confirm: options.Confirm = None,
    lock_timeout: options.LockTimeout = options.NO_TIME,
    policy: options.Policy = None,
    json: options.Json = False,
) -> int:
    """Plan the way back to what stood before a run or a plan, or at a time, for `apply`. Or, with --now, one write at once."""
    from provisioner.cli.world import open_fleet

    if now is not None:
        if what or domain or to or out:
            raise _usage("--now DOMAIN goes alone: with --reason TEXT and --confirm NAME.")
        if not reason.strip():
            raise _usage("An emergency has a reason, which the journal keeps:  --reason TEXT")
        from provisioner.cli.emergency import take_way_out

        return take_way_out(open_fleet(manifest, policy), now, reason, confirm, lock_timeout, json=json)
    if bool(what) == bool(to) or (to and not domain):
        raise _usage("Name a run or a plan; or --domain GLOB with --to TIME; or --now DOMAIN.")
    return _plan(open_fleet(manifest, policy), what, domain or [], to, out, json=json)


def _plan(fleet: Fleet, what: str | None, domains: list[str], to: datetime | None, out: Path | None, *, json: bool) -> int:
    import os

    from plans.problem import Problem
    from provisioner.approval.planner import named
    from provisioner.cli.planning import show
    from provisioner.planfile import PlanFile
    from provisioner.report.exit_code import of_plan
    from provisioner.revert import plan
    from provisioner.state import State

    state = State.peek(fleet.manifest.state, fleet.now)
    if state is None:
        raise Problem(
            "There is nothing to revert",
            f"There is no state yet ({fleet.manifest.state}): nothing was written.",
            "Name the manifest whose state has it:  provisioner revert --manifest FILE",
        )
    with state, PlanFile.record(plan(fleet, state, _chosen(state, what, domains, to), named(None, os.environ))) as made:
        if out:
            made.write(out)
        show(made, f"provisioner apply {out}" if out and made.totals.steps else "", json=json)
        return of_plan(made.totals, strict=False, detailed=False)


def _chosen(state: State, what: str | None, domains: list[str], to: datetime | None) -> Chosen:
    """Say which writes are meant. Raises `Problem`."""
    from provisioner.planfile import PlanFile
    from provisioner.revert import Chosen

    globs = tuple(domains)
    if what is None:
        return Chosen(to=to, globs=globs)
    if Path(what).is_file():
        with PlanFile.read(Path(what)) as plan:
            return Chosen(plan_id=plan.id, globs=globs)
    if what.isascii() and what.isdecimal() and len(what) <= _LONGEST_RUN:
        return Chosen(run=int(what), globs=globs)
    return Chosen(plan_id=_plan_id(state, what), globs=globs)


def _plan_id(state: State, begins: str) -> str:
    """Give the one plan whose id begins so. Raises `Problem`."""
    from plans.problem import Problem

    mend = "See what was written, by which run and plan:  provisioner history"
    looks_right = set(begins) <= set("0123456789abcdef") and _SHORTEST_PLAN <= len(begins) <= _PLAN_ID
    if not looks_right:
        raise UsageError(f"{begins!r} is no run and no plan", "It is no number, no file, and no plan's id.", mend)
    found = {one.rollout.plan_id for one in state.rollouts() if one.rollout.plan_id.startswith(begins)}
    if len(found) != 1:
        told = "begins so" if found else "is known that begins so"
        raise Problem(f"{begins} names no one plan", f"{'More than one' if found else 'No'} plan {told}.", mend)
    return found.pop()


def _usage(what: str) -> UsageError:
    return UsageError("That is no way back", f"{what} Nothing was done.", "Look up what there is:  provisioner revert --help")
