"""`provisioner leases`."""

from __future__ import annotations

from provisioner.cli import options, screen


def command(manifest: options.Manifest = options.DEFAULT_MANIFEST, json: options.Json = False) -> int:
    """Say which run may write to which zone, and until when if it does not go on."""
    from provisioner.cli.world import peek_state
    from provisioner.exits import Exit
    from provisioner.report.leases_text import leases_document, leases_lines

    with peek_state(manifest) as state:
        leases = state.leases() if state else ()
        if json:
            screen.write([leases_document(leases)])
        elif state is not None:
            screen.tell(leases_lines(leases))
    return Exit.DONE
