"""`provisioner unlock`."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import UsageError


def command(
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="The zone's name, as `leases` tells it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; the journal keeps it.", metavar="TEXT")],
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
) -> int:
    """End the lease of a zone whose run is dead. A run that is alive begins no write more, and its own last one is unknown."""
    from importlib.metadata import version

    from provisioner.cli.clock import now
    from provisioner.cli.naming import domain_name
    from provisioner.cli.world import peek_state, tell_head
    from provisioner.exits import Exit
    from provisioner.manifest import load
    from provisioner.report.leases_text import lease_line
    from provisioner.report.lines import Part, Tone, line
    from provisioner.state import State

    name = domain_name(zone)
    if not reason.strip():
        raise UsageError("A lease is ended for a reason", "--reason is empty. Nothing was done.", "Type why:  --reason TEXT")
    with peek_state(manifest) as there:
        if there is None:
            return Exit.DONE
    with State.open(load(manifest).state, now) as state:
        run = state.begin_run("unlock", version("provisioner"))
        ended = state.unlock(run, name, reason)
        run.finish(Exit.DONE)
        if not ended:
            screen.tell([line(f"No run has a lease of {name.rstrip('.')}.")])
            return Exit.DONE
        screen.tell([line(Part("Ended. ", Tone.GOOD), *lease_line(lease)) for lease in ended])
        tell_head(state)
    return Exit.DONE
