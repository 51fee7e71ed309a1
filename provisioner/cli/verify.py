"""`provisioner verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import Interrupted


def command(
    domain: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DOMAIN]...", show_default=False, help="Only domains that match one of these globs."),
    ] = None,
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    details: Annotated[bool, typer.Option("--details", help="Everything that was looked at, what is good too.")] = False,
    json: options.Json = False,
) -> int:
    """See from outside whether the mail DNS of each domain is as it should be: 0 it is, 2 a fault, 1 it could not be seen."""
    from provisioner.cli.interrupt import until_interrupted
    from provisioner.cli.planning import peeked
    from provisioner.cli.world import open_fleet
    from provisioner.report.exit_code import of_verify
    from provisioner.report.verify_text import verify_document, verify_lines
    from provisioner.verification import verify

    fleet = open_fleet(manifest)
    with until_interrupted() as stop, peeked(fleet) as kept:
        found = list(verify(fleet, domain or (), kept, stop))
        if json:
            screen.write([verify_document(found)])
        else:
            screen.tell(verify_lines(found, details=details))
    if stop.is_set():
        raise Interrupted("Interrupted", "Not every domain was looked at.", "Run the same command again.")
    return of_verify(one.standing for one in found)
