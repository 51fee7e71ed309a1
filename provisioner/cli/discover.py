"""`provisioner discover`."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import options, screen


def command(
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="Only what this tenant holds; may be repeated.", metavar="NAME")
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="Only what lies at this provider; may be repeated.", metavar="NAME")
    ] = None,
) -> int:
    """Print entries for `domains:` for what tenants and providers hold and the manifest does not name."""
    from provisioner.cli.world import open_fleet
    from provisioner.discovery import discover
    from provisioner.exits import Exit
    from provisioner.report.domain_yaml import discovered_document
    from provisioner.report.lines import Part, Tone, line
    from provisioner.report.problem_text import problem_lines

    found = discover(open_fleet(manifest), tenant or (), provider or ())
    new = sum(not domain.withheld for domain in found.domains)
    if not new:
        told = f"# Nothing new: {manifest} names every domain to be managed that was found at {found.asked}."
        screen.tell([line(told)])
    screen.write(discovered_document(found))
    for problem in found.problems:
        screen.note(problem_lines(problem))
    if new:
        count = "1 domain is" if new == 1 else f"{new} domains are"
        told = f"{count} new. Put the lines below `domains:` into the manifest, or write them to a file that it includes."
        screen.note([line(told), line("Next: ", Part("provisioner plan", Tone.STRONG))])
    return Exit.ERROR if found.problems else Exit.DONE
