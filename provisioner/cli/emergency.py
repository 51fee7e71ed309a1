"""What `revert --now` asks, does and tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version

from provisioner.approval.problems import ApprovalMissing
from provisioner.cli import screen
from provisioner.cli.confirming import confirm
from provisioner.cli.interrupt import until_interrupted
from provisioner.cli.naming import domain_name
from provisioner.cli.world import tell_head
from provisioner.emergency import NoWayOut, WayOut, take, way_out
from provisioner.execute import Pace
from provisioner.exits import Exit
from provisioner.fleet import Fleet
from provisioner.report.apply_text import result_lines
from provisioner.report.documents import result_object
from provisioner.report.exit_code import of_apply
from provisioner.report.lines import line
from provisioner.report.problem_text import problem_lines
from provisioner.state import Run, State


def take_way_out(
    fleet: Fleet, typed: str, reason: str, confirmed: Sequence[str] | None, lock_timeout: timedelta, *, json: bool
) -> int:
    """Find the one write that helps, have the domain named, and do it. Raises `Problem`."""
    name = domain_name(typed)
    again = f"provisioner revert --now {name.rstrip('.')} --reason TEXT"
    with State.open(fleet.manifest.state, fleet.now) as state:
        run = state.begin_run("revert --now", version("provisioner"))
        code: int = Exit.ERROR
        try:
            way = way_out(fleet, state, name, reason)
            if not json:
                screen.note([line(f"{name.rstrip('.')}: {way.what}.")])
            confirm([name], confirmed, way.what, again, ask=not json and screen.can_ask())
            code = _do(fleet, state, run, way, reason, lock_timeout, json=json)
        except NoWayOut as why:
            screen.note(problem_lines(why))
            code = Exit.REFUSED
        except ApprovalMissing:
            code = Exit.UNAPPROVED
            raise
        finally:
            run.finish(code)
        tell_head(state)
    return code


def _do(fleet: Fleet, state: State, run: Run, way: WayOut, reason: str, lock_timeout: timedelta, *, json: bool) -> int:
    with until_interrupted() as stop:
        pace = Pace(lock_timeout, stop=stop, tell=lambda told: screen.note([line(told)]))
        results = list(take(fleet, state, run, way, reason, pace))
    for result in results:
        if json:
            screen.write([result_object(result)])
        else:
            screen.tell(result_lines(result))
    if not json and not results:
        screen.tell([line(f"{way.subject}: nothing had to be written; its rollout is closed.")])
    return of_apply(results)
