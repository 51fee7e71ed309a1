"""`provisioner schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import screen
from provisioner.exits import Exit
from provisioner.report.lines import Part, Tone, line


def command(
    out: Annotated[Path | None, typer.Option("--out", help="Write there instead of to the screen.", metavar="FILE")] = None,
) -> int:
    """Print the JSON Schema of a manifest, by which an editor completes keys and marks mistakes."""
    import json

    from provisioner.files import write_whole
    from provisioner.manifest.schema import schema

    text = json.dumps(schema(), indent=2) + "\n"
    if out is None:
        screen.write([text])
        return Exit.DONE
    write_whole(out, [text.encode()])
    screen.tell([line(Part("Saved. ", Tone.GOOD), f"{out} is the JSON Schema of a manifest, for an editor.")])
    return Exit.DONE
