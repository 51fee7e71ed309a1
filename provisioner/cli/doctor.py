"""`provisioner doctor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import UsageError

if TYPE_CHECKING:
    from provisioner.targets import Target


def command(
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nothing that is not on this machine.")] = False,
    dns_target: Annotated[
        list[str] | None,
        typer.Option(
            "--dns-target",
            help="A DNS server to try port 53 with, instead of a root server; may be repeated.",
            metavar="ADDRESS[:PORT]",
        ),
    ] = None,
    smtp_target: Annotated[
        str | None, typer.Option("--smtp-target", help="A mail host to try port 25 with.", metavar="HOST[:PORT]")
    ] = None,
    json: options.Json = False,
) -> int:
    """Check what a run needs: manifest, state, clock, credentials, tenants, providers and network. Nothing is written."""
    from provisioner import network, targets
    from provisioner.checkup import Outside, Standing, check
    from provisioner.cli.clock import now
    from provisioner.exits import Exit
    from provisioner.report.checkup_text import checkup_document, checkup_lines

    dns = tuple(_target(targets.address, text, 53) for text in dns_target or ()) or network.A_ROOT
    smtp = _target(targets.target, smtp_target, 25) if smtp_target else None
    checks = tuple(check(manifest, Outside(offline, dns, smtp), now))
    if json:
        screen.write([checkup_document(checks)])
    else:
        screen.tell(checkup_lines(checks))
    return Exit.ERROR if any(one.standing is Standing.FAULT for one in checks) else Exit.DONE


def _target(parse: Callable[[str, int], Target], text: str, port: int) -> Target:
    try:
        return parse(text, port)
    except ValueError as error:
        raise UsageError("That cannot be asked", f"{error}.", "Look up the options:  provisioner doctor --help") from error
