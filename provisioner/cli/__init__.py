"""The command line: one module a command, which parses, calls one use case, renders and gives the exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from plans.problem import Problem
from provisioner.approval.problems import ApprovalMissing
from provisioner.cli import (
    apply,
    approve,
    completion,
    confirm,
    discover,
    doctor,
    drift,
    export,
    forget,
    history,
    import_,
    init,
    leases,
    pin,
    plan,
    providers,
    reconcile,
    reject,
    revert,
    schema,
    screen,
    show,
    status,
    unlock,
    validate,
    verify,
    version,
)
from provisioner.cli.problems import Interrupted, UsageError
from provisioner.exits import Exit
from provisioner.report.problem_text import problem_lines

app = typer.Typer(
    name="provisioner",
    epilog="Every option can also be set as PROVISIONER_COMMAND_OPTION; the manifest as PROVISIONER_MANIFEST.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_COMMANDS = (
    init,
    import_,
    discover,
    doctor,
    validate,
    plan,
    show,
    approve,
    reject,
    apply,
    revert,
    reconcile,
    drift,
    verify,
    status,
    history,
    leases,
    unlock,
    export,
    pin,
    confirm,
    forget,
    providers,
    schema,
    completion,
    version,
)
for module in _COMMANDS:
    app.command(name=module.__name__.rpartition(".")[2].rstrip("_"))(module.command)


def _print_version(asked: bool) -> None:
    if asked:
        raise typer.Exit(version.command())


@app.callback()
def _global_options(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version, allow_from_autoenv=False),
    ] = False,
) -> None:
    """Bring the mail DNS of Microsoft 365 domains to the state that Microsoft Graph asks for."""


def main() -> None:
    """Run the command line and end the process with its exit code; SIGTERM interrupts it as SIGINT does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.set_threshold(50_000, 20, 20)  # to look for cycles after every 700 objects takes a tenth of a start
    # cryptography complains of serial numbers that RFC 5280 forbids: others' certificates are judged, and told of, by us
    warnings.filterwarnings("ignore", module=r"provisioner\.(desired\.certificate|probe\.smtp)")
    code = run(sys.argv[1:])
    gc.freeze()  # or the interpreter looks for cycles in all that there is before it ends: an eighth of a short run
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; every failure is told in three parts."""
    screen.prepare()
    try:
        code = app(list(arguments), prog_name="provisioner", standalone_mode=False, auto_envvar_prefix="PROVISIONER")
        if code != Exit.INTERRUPTED:
            return int(code)
        problem: Problem = Interrupted("Interrupted", "What was written is in the journal.", "Run the same command again.")
    except TyperException as error:
        command = next((argument for argument in arguments if not argument.startswith("-")), "")
        help_command = f"provisioner {command} --help" if command in commands() else "provisioner --help"
        problem = UsageError(
            " ".join(error.format_message().split()), "Nothing was done.", f"Look up what there is:  {help_command}"
        )
    except Problem as error:
        problem = error
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.ERROR
    screen.note(problem_lines(problem))
    return _code(problem)


def _code(problem: Problem) -> Exit:
    """Give the exit code of a problem that ended a run."""
    from plans.codec import PlanDamaged, PlanSchemaUnknown
    from provisioner.bounds import PolicyForbids

    match problem:
        case UsageError():
            return Exit.USAGE
        case Interrupted():
            return Exit.INTERRUPTED
        case PlanDamaged() | PlanSchemaUnknown():
            return Exit.STALE
        case ApprovalMissing():
            return Exit.UNAPPROVED
        case PolicyForbids():
            return Exit.REFUSED
        case _:
            return Exit.ERROR


def commands() -> tuple[str, ...]:
    """Give the names of all commands."""
    return tuple(info.name for info in app.registered_commands if info.name)
