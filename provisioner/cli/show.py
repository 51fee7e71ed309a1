"""`provisioner show`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from plans.approval import Vote
    from provisioner.planfile import PlanFile


class Form(StrEnum):
    """For whom a plan is shown."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def command(
    plan_file: options.PlanFile,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            envvar="PROVISIONER_SHOW_FORMAT",
            show_default=False,
            help="`text` (every value before and after) for a person, `json` for a program, `markdown` (shortened to the length"
            " of a comment) for a pull request; text unless said otherwise.",
        ),
    ] = None,
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    json: options.Json = False,
) -> int:
    """Show a saved plan, every value before and after, and who approved it; and verify that it is whole."""
    from provisioner.cli.planning import show
    from provisioner.exits import Exit
    from provisioner.planfile import PlanFile

    if json and form not in {None, Form.JSON}:
        raise UsageError("A plan has one form", f"--json is --format json, not {form}.", "Leave out one of the two.")
    with PlanFile.read(plan_file) as plan:
        votes = _votes(plan, plan_file, manifest)
        if form == Form.MARKDOWN:
            from provisioner.report.plan_markdown import plan_markdown

            screen.write([plan_markdown(plan, str(plan_file), str(manifest), votes)])
        else:
            show(plan, f"provisioner apply {plan_file}", votes, json=json or form == Form.JSON)
    return Exit.DONE


def _votes(plan: PlanFile, plan_file: Path, manifest: Path) -> tuple[Vote, ...]:
    """Give what was said to a plan; one that lies where there is no manifest has only the file beside it."""
    from provisioner.approval import record
    from provisioner.cli.voting import asked, said
    from provisioner.manifest import load

    if not manifest.exists():
        return record.votes(plan.id, plan_file, None)
    return said(load(manifest), asked(plan, plan_file))
