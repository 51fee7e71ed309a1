"""`provisioner discover`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def command(
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="Only what this tenant holds; may be repeated.", metavar="NAME")
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="Only what lies at this provider; may be repeated.", metavar="NAME")
    ] = None,
    tlsa: Annotated[
        str | None,
        typer.Option("--tlsa", help="Instead, what this mail host presents on port 25, for `mail_hosts:`.", metavar="HOST"),
    ] = None,
) -> int:
    """Print entries for `domains:` for what tenants and providers hold and the manifest does not name."""
    from provisioner.cli.world import open_fleet
    from provisioner.discovery import discover
    from provisioner.exits import Exit
    from provisioner.report.domain_yaml import discovered_document
    from provisioner.report.lines import Part, Tone, line
    from provisioner.report.problem_text import problem_lines

    if tlsa is not None:
        if tenant or provider:
            raise UsageError(
                "--tlsa asks a mail host alone",
                "Neither a tenant nor a provider is asked with it.",
                "Look up the options:  provisioner discover --help",
            )
        return _presented(manifest, tlsa)
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
        below = "`tenants:` and `domains:`" if found.tenants else "`domains:`"
        told = f"{count} new. Put the lines below {below} into the manifest, or write them to a file that it includes."
        screen.note([line(told), line("Next: ", Part("provisioner plan", Tone.STRONG))])
    return Exit.ERROR if found.problems else Exit.DONE


def _presented(manifest: Path, host: str) -> int:
    """Print what a mail host presents: a proposal, of which nothing is published."""
    from provisioner.cli.naming import any_mail_host
    from provisioner.cli.world import open_fleet
    from provisioner.exits import Exit
    from provisioner.presented import look
    from provisioner.report.lines import line
    from provisioner.report.tlsa_yaml import presented_document

    found = look(open_fleet(manifest), any_mail_host(host))
    screen.write(presented_document(found))
    if not found.agreed:
        screen.note([line("Not every address presents the same key; see the comments above.")])
    return Exit.DONE if found.agreed else Exit.ERROR
