"""`provisioner reconcile`."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen

if TYPE_CHECKING:
    from plans.plan import Filters
    from provisioner.fleet import Fleet
    from provisioner.planfile import PlanFile
    from provisioner.reconcile import Leave, Reconciliation
    from provisioner.report.reconcile_text import Summary
    from provisioner.state import Run, State

_PENDING = Path(".provisioner", "pending.jsonl")
_ITSELF = "reconcile"
"""Who makes the plans where nobody else is named: nobody who approves."""


def command(
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    domain: options.Domains = None,
    exclude_domain: options.ExcludedDomains = None,
    provider: options.Providers = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help=f"Where the plan of what waits for approval is kept, instead of {_PENDING} beside the manifest.",
            show_default=False,
        ),
    ] = None,
    planner: Annotated[
        str | None,
        typer.Option("--planner", metavar="NAME", help="Who makes the plan; else as the pipeline says.", show_default=False),
    ] = None,
    refresh: options.Refresh = "dns",
    policy: options.Policy = None,
    lock_timeout: options.LockTimeout = options.NO_TIME,
    wait: options.Wait = options.NO_TIME,
    state_artifact: options.StateArtifact = None,
    metrics: Annotated[
        Path | None,
        typer.Option(
            "--metrics", metavar="FILE", help="Leave numbers there for Prometheus' textfile collector.", show_default=False
        ),
    ] = None,
    json: options.Json = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 2 where steps wait for approval, with 7 where any wait.")
    ] = False,
) -> int:
    """Do what policy lets a schedule do alone, walk on what is open, and leave the rest as a plan that waits for approval."""
    from importlib.metadata import version

    from plans.plan import Filters
    from provisioner.approval.planner import named
    from provisioner.cli.interrupt import until_interrupted
    from provisioner.cli.world import conclude, open_fleet, take_artifact, tell_requests
    from provisioner.execute import Pace
    from provisioner.exits import Exit
    from provisioner.reconcile import Reconciliation, schedule
    from provisioner.report.exit_code import of_reconcile
    from provisioner.report.lines import line
    from provisioner.report.problem_text import problem_lines
    from provisioner.report.reconcile_text import Summary
    from provisioner.state import LeaseHeld, State

    fleet = open_fleet(manifest, policy)
    if state_artifact:
        take_artifact(fleet, state_artifact, "reconcile")
    file = out or fleet.manifest.file.parent / _PENDING
    filters = Filters(tuple(domain or ()), tuple(exclude_domain or ()), _known(fleet, provider))
    told = Summary()
    with State.open(fleet.manifest.state, fleet.now) as state, until_interrupted() as stop:
        run, began = state.begin_run("reconcile", version("provisioner")), time.monotonic()
        pace = Pace(lock_timeout, wait, stop, lambda text: screen.note([line(text)]))
        code: int = Exit.ERROR
        try:
            with schedule(state, run, filters, pace), _waiting(file) or nullcontext() as waiting:
                reconciliation = Reconciliation(fleet, state, run, _leave(fleet, state, run, file, filters, waiting), pace)
                _go(reconciliation, filters, named(planner, os.environ) or _ITSELF, told, dns_first=refresh == "dns", json=json)
                code = of_reconcile(told.places, wrote=bool(told.written or told.unsure), detailed=detailed_exitcode)
                code = _keep(reconciliation, file, waiting, code, json=json)
        except LeaseHeld as problem:
            screen.note(problem_lines(problem))
            code, metrics = Exit.LOCKED, None  # the run that is at work leaves them
        finally:
            code = conclude(fleet, state, run, code, state_artifact, quiet=told.quiet)
            code = _report(fleet, state, told, code, time.monotonic() - began, metrics, json=json)
    if not (json or told.quiet):
        screen.tell(told.lines())
        tell_requests(fleet)
    return code if told.quiet else _call(fleet, told, code)


def _call(fleet: Fleet, told: Summary, code: int) -> int:
    """Call the webhook, where the manifest has one, and give the exit code: who was not told does not know."""
    from plans.problem import Problem
    from provisioner.report.exit_code import unkept
    from provisioner.report.lines import plain
    from provisioner.report.problem_text import problem_lines
    from provisioner.secrets import reveal
    from provisioner.webhook import DEFAULT, message, post, read_template

    webhook = fleet.manifest.webhook
    if webhook is None:
        return code
    words: dict[str, str | int] = {
        "summary": "\n".join(map(plain, told.lines())),
        "needs": told.needing,
        "written": told.written,
        "subjects": told.subjects,
        "exit_code": code,
        "manifest": str(fleet.manifest.file),
    }
    try:
        template = read_template(webhook.template) if webhook.template else DEFAULT
        post(reveal(webhook.url), message(template, words))
    except Problem as problem:
        screen.note(problem_lines(problem))
        return unkept(code)
    return code


def _known(fleet: Fleet, labels: list[str] | None) -> tuple[str, ...]:
    """Give the labels of providers as typed. Raises `UsageError`: the manifest names no such."""
    from provisioner.cli.problems import UsageError

    for label in labels or ():
        if label not in fleet.manifest.providers:
            what = f"The providers in {fleet.manifest.file}: {', '.join(fleet.manifest.providers) or 'none'}."
            raise UsageError(f"The manifest names no provider {label}", what, "Name one of them:  --provider LABEL")
    return tuple(labels or ())


def _go(reconciliation: Reconciliation, filters: Filters, planner: str, told: Summary, *, dns_first: bool, json: bool) -> None:
    """Reconcile, and count what came of it."""
    from provisioner import engine
    from provisioner.cli.progress import watching
    from provisioner.kept import Kept
    from provisioner.report import events

    fleet, state = reconciliation.fleet, reconciliation.state
    with watching(fleet, "Reconciling") as watch, fleet.serving.kept_in(state, writes=True):
        planning = engine.plan(fleet, filters, Kept.of(state), planner, dns_first=dns_first)
        for one in watch.domains(reconciliation.subjects(planning), planning.domains):
            told.add(one)
            if json:
                screen.write([events.encode(events.of_subject(one))])


def _report(fleet: Fleet, state: State, told: Summary, code: int, seconds: float, metrics: Path | None, *, json: bool) -> int:
    """Tell programs what the run came to, and give the exit code: where they cannot be told, a good one is none any more."""
    from plans.problem import Problem
    from provisioner.files import write_whole
    from provisioner.reconcile import last_good, standing
    from provisioner.reconciled import Place
    from provisioner.report import events
    from provisioner.report.exit_code import unkept
    from provisioner.report.metrics import RunFacts
    from provisioner.report.metrics import metrics as rendered
    from provisioner.report.problem_text import problem_lines

    places = {place: told.count(place) for place in Place}
    requests, throttled = fleet.meter.calls, fleet.meter.throttles
    if metrics:
        steps, asked = standing(state)
        good = last_good(state)
        facts = RunFacts(places, steps, asked, requests, throttled, told.written, seconds, state.now(), code, good)
        try:
            write_whole(metrics, [rendered(facts).encode()])
        except Problem as problem:
            mend = "Name a file in a folder that you may write to:  --metrics FILE"
            screen.note(problem_lines(Problem(problem.headline, problem.detail, mend)))
            code = unkept(code)
    if json:
        screen.write(
            [events.encode(events.SummaryEvent(told.subjects, places, told.written, seconds, requests, throttled, code))]
        )
    return code


def _leave(fleet: Fleet, state: State, run: Run, file: Path, filters: Filters, waiting: PlanFile | None) -> Leave:
    """Say what the run may do: what policy lets it do, and what somebody approved."""
    from plans.freeze import frozen
    from plans.problem import Problem
    from provisioner.approval import gate
    from provisioner.approval.signers import verify
    from provisioner.cli.confirming import removals
    from provisioner.cli.voting import leave
    from provisioner.managed import passes
    from provisioner.reconcile import Leave, withheld
    from provisioner.reconciled import providers_of
    from provisioner.report.problem_text import problem_lines

    policy, now = fleet.manifest.policy, state.now()
    startable = waiting if waiting and now < waiting.header.expires else None
    given = leave(fleet.manifest, startable, file, auto_approve=False) if startable else None
    approved = startable if given and given.missing is None else None
    if approved and given and given.forbidden and not frozen(policy.freezes, now):
        screen.note(problem_lines(given.forbidden))
        approved = None
    removed = removals(fleet, approved) if approved else ()
    if removed:
        named = " ".join(f"--confirm {name.rstrip('.')}" for name in sorted(removed))
        what = "It takes the DS or the signatures of zones away, which no schedule does: they are asked for by name."
        screen.note(
            problem_lines(Problem(f"The plan {file} is not begun", what, f"Apply it:  provisioner apply {file} {named}"))
        )
        approved = None
    if approved and given:
        given.keep(state, run, approved.id)
    return Leave(
        withheld=withheld(policy, f"provisioner show {file};  provisioner approve {file}"),
        lapsed=lambda stored, entry: gate.lapsed(
            stored.plan_id,
            {step.risk for step in entry.rollout.steps} if entry.rollout else (),
            stored.opened,
            policy,
            state.approvals(stored.plan_id),
            verify,
            now,
        ),
        chosen=lambda entry: (
            passes(entry.subject.name, filters)
            and (not filters.providers or bool({*filters.providers}.intersection(providers_of(entry))))
        ),
        approved=approved,
    )


def _waiting(file: Path) -> PlanFile | None:
    """Read the plan that an earlier run left; one that is not as it was written is made anew.

    Raises:
        Problem: it cannot be read: who knows whether somebody approved it?

    """
    from plans.codec import PlanDamaged, PlanSchemaUnknown
    from provisioner.planfile import PlanFile
    from provisioner.report.problem_text import problem_lines

    if not file.exists():
        return None
    try:
        return PlanFile.read(file)
    except (PlanDamaged, PlanSchemaUnknown) as problem:
        screen.note(problem_lines(problem))
        return None


def _keep(reconciliation: Reconciliation, file: Path, waiting: PlanFile | None, code: int, *, json: bool) -> int:
    """Leave the plan of what waits, and give the exit code: where that fails, a good one is none any more."""
    from plans.problem import Problem
    from provisioner.report.exit_code import unkept
    from provisioner.report.problem_text import problem_lines

    try:
        _leave_pending(reconciliation, file, waiting, json=json)
    except Problem as problem:
        screen.note(problem_lines(problem))
        return unkept(code)
    return code


def _leave_pending(reconciliation: Reconciliation, file: Path, waiting: PlanFile | None, *, json: bool) -> None:
    """Leave a plan as long as it says the same: it stays the one that somebody may be approving just now. Raises `Problem`."""
    from plans.problem import Problem
    from provisioner.reconcile import same_steps
    from provisioner.report import events

    pending = reconciliation.pending
    if pending is None:
        return
    with pending:
        if not pending.totals.steps:
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                mend = "Remove it: nothing waits for approval any more. Or name another file:  --out FILE"
                raise Problem(f"The file {file} cannot be removed", f"{error.strerror}.", mend) from error
            return
        kept = pending
        if waiting and reconciliation.state.now() < waiting.header.expires and same_steps(pending, waiting):
            kept = waiting
        else:
            with suppress(OSError):  # told when the file cannot be written
                file.parent.mkdir(parents=True, exist_ok=True)
            pending.write(file)
        if json:
            told = events.PendingEvent(str(file), kept.id, kept.totals.rollouts, kept.totals.steps)
            screen.write([events.encode(told)])
