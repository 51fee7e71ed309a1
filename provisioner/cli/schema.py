"""`provisioner schema`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import screen
from provisioner.exits import Exit
from provisioner.report.lines import Part, Tone, line


class Which(StrEnum):
    """What there is a schema of."""

    MANIFEST = "manifest"
    EVENTS = "events"


_MEANT = {Which.MANIFEST: "a manifest, for an editor", Which.EVENTS: "a line of `reconcile --json`"}


def command(
    which: Annotated[
        Which, typer.Argument(help="Of a manifest, or of the events that `reconcile --json` prints.")
    ] = Which.MANIFEST,
    out: Annotated[Path | None, typer.Option("--out", help="Write there instead of to the screen.", metavar="FILE")] = None,
) -> int:
    """Print the JSON Schema of a manifest, by which an editor completes keys and marks mistakes, or that of events."""
    import json

    from provisioner.files import write_whole

    if which is Which.EVENTS:
        from provisioner.report.events import schema
    else:
        from provisioner.manifest.schema import schema
    text = json.dumps(schema(), indent=2) + "\n"
    if out is None:
        screen.write([text])
        return Exit.DONE
    write_whole(out, [text.encode()])
    screen.tell([line(Part("Saved. ", Tone.GOOD), f"{out} is the JSON Schema of {_MEANT[which]}.")])
    return Exit.DONE
