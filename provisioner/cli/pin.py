"""`provisioner pin`."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import options, screen


def command(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain, as the manifest names it.")],
    host: Annotated[str, typer.Argument(metavar="HOST", help="What Enable-DnssecForVerifiedDomain printed as DnssecMxValue.")],
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
) -> int:
    """Keep the mail host that Microsoft assigned to a domain, while Graph still answers the legacy one."""
    from importlib.metadata import version

    from plans.microsoft import HostKind, host_kind
    from provisioner.cli.clock import now
    from provisioner.cli.naming import domain_name, mail_host
    from provisioner.cli.problems import UsageError
    from provisioner.exits import Exit
    from provisioner.manifest import load
    from provisioner.report.lines import Part, Tone, line
    from provisioner.state import State

    name, exchange = domain_name(domain), mail_host(host)
    if host_kind(exchange) is not HostKind.MX_MICROSOFT:
        raise UsageError(
            f"{host!r} is no host that can be pinned",
            "This is a legacy name of Exchange Online, and a pin is for names under mx.microsoft.",
            "For the way back from DANE write it into the manifest, as the domain's `exchange`.",
        )
    read = load(manifest)
    listed = next((one for one in read.domains if one.name == name), None)
    with State.open(read.state, now) as state:
        run = state.begin_run("pin", version("provisioner"))
        state.pin(run, name, exchange)
        run.finish(Exit.DONE)
    bare, entry = name.rstrip("."), exchange.rstrip(".")
    where = f"Commit it at {listed.where}" if listed else f"Commit it under domains: in {manifest}"
    screen.tell(
        [
            line(Part("Pinned. ", Tone.GOOD), f"The MX of {bare} is to be {exchange}"),
            line(f"{where}:  ", Part(f"exchange: {entry}", Tone.STRONG)),
            line("Next: ", Part(f"provisioner plan --domain {bare}", Tone.STRONG)),
        ]
    )
    return Exit.DONE
