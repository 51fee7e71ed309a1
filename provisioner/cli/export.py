"""`provisioner export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import options, screen


def command(
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant's name in the manifest.", metavar="NAME")],
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    out: Annotated[Path | None, typer.Option("--out", help="Write there instead of to the screen.", metavar="FILE")] = None,
) -> int:
    """Save what Microsoft Graph says of all domains of a tenant, for `export:` in a manifest."""
    from io import BytesIO

    from provisioner.cli.world import open_fleet
    from provisioner.exits import Exit
    from provisioner.files import write_whole
    from provisioner.report.lines import Part, Tone, line

    fleet = open_fleet(manifest)
    answer = BytesIO()
    count = fleet.live_source(tenant).export(answer)
    if out is None:
        screen.write([answer.getvalue().decode()])
        return Exit.DONE
    write_whole(out, [answer.getvalue()])
    screen.tell([line(Part("Saved. ", Tone.GOOD), f"{out} holds what Microsoft Graph says of {count} domains of {tenant}.")])
    return Exit.DONE
