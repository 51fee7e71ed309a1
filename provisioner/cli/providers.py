"""`provisioner providers`."""

from __future__ import annotations

from provisioner.cli import options, screen


def command(json: options.Json = False) -> int:
    """List the provider types that are installed, with their packages and what they can do."""
    from plans.problem import Problem
    from provisioner.exits import Exit
    from provisioner.provider_types import installed
    from provisioner.report.provider_types_text import provider_type_lines, provider_types_document

    types = installed()
    if json:
        screen.write([provider_types_document(types)])
    else:
        screen.tell(provider_type_lines(types))
    return Exit.ERROR if any(isinstance(one.found, Problem) for one in types) else Exit.DONE
