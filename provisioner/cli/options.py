"""The options that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

Manifest = Annotated[
    Path,
    typer.Option("--manifest", envvar="PROVISIONER_MANIFEST", help="The manifest.", metavar="FILE", show_default=True),
]
Domains = Annotated[
    list[str] | None, typer.Option("--domain", help="Only domains that match; may be repeated.", metavar="GLOB")
]
ExcludedDomains = Annotated[
    list[str] | None, typer.Option("--exclude-domain", help="No domain that matches; may be repeated.", metavar="GLOB")
]
Refresh = Annotated[
    Literal["dns", "api"],
    typer.Option(
        "--refresh",
        metavar="dns|api",
        help="Whom to ask first: public DNS, and the provider for what it does not show to be right; or the provider at once.",
        show_default=True,
    ),
]
Providers = Annotated[
    list[str] | None,
    typer.Option("--provider", help="Only what this provider of the manifest holds; may be repeated.", metavar="LABEL"),
]
Supersede = Annotated[
    bool, typer.Option("--supersede", help="Replace open rollouts whose remaining steps are no longer what is wanted.")
]


def duration(text: str) -> timedelta:
    """Read a duration. Raises typer's error for a wrong one."""
    from plans.duration import parse

    try:
        return timedelta(seconds=parse(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def moment(text: str) -> datetime:
    """Read a day or a moment (ISO 8601), in UTC where no zone is said. Raises typer's error for a wrong one."""
    try:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no time such as 2026-11-24 or 2026-11-24T12:00:00Z") from error


LockTimeout = Annotated[
    timedelta,
    typer.Option(
        "--lock-timeout", parser=duration, metavar="TIME", help="How long to wait for a zone that another run is at work on."
    ),
]
Wait = Annotated[
    timedelta, typer.Option("--wait", parser=duration, metavar="TIME", help="How long to stay and go on with what waits.")
]
StateArtifact = Annotated[
    Path | None,
    typer.Option(
        "--state-artifact",
        metavar="FILE",
        help="On a machine that keeps no files: take what an earlier run left there; apply leaves it there for the next one.",
    ),
]
Policy = Annotated[
    Path | None,
    typer.Option(
        "--policy", metavar="FILE", help="The policy in a file of its own, instead of the manifest's.", show_default=False
    ),
]
PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan that `plan --out` saved.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for whoever reads it later.", show_default=False)]
Confirm = Annotated[
    list[str] | None,
    typer.Option(
        "--confirm",
        metavar="NAME",
        help="The name that would be asked for where somebody sits at a terminal; may be repeated.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print for a program instead of a person.")]

DEFAULT_MANIFEST = Path("provisioner.yaml")
NO_TIME = cast("timedelta", "0s")
"""The default of a duration, as it is typed: typer parses it."""
