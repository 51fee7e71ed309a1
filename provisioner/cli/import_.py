"""`provisioner import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import screen


def command(
    table: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="A table with the columns tenant, domain, provider and exchange.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write there instead of to the screen; never over a file.", metavar="FILE")
    ] = None,
) -> int:
    """Check a table of domains and turn it into entries for `domains:` in a manifest. Nothing else is read."""
    from provisioner.exits import Exit
    from provisioner.importing import read, write_new
    from provisioner.report.domain_yaml import imported_document
    from provisioner.report.lines import Part, Tone, line

    domains = read(table)
    text = "".join(imported_document(domains))
    count = "1 domain" if len(domains) == 1 else f"{len(domains)} domains"
    following = line("Next: ", Part("provisioner validate", Tone.STRONG))
    if out is None:
        screen.write([text])
        told = f"{count}. Put the lines below `domains:` into the manifest, or write a file for its `include:` with --out."
        screen.note([line(told), following])
        return Exit.DONE
    write_new(out, text)
    where = f"{out} has {count}. Name it in the manifest: include: [{out.as_posix()}], counted from the manifest's folder."
    screen.tell([line(Part("Written. ", Tone.GOOD), where), following])
    return Exit.DONE
