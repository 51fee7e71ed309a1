"""`provisioner version`."""

from __future__ import annotations

from provisioner.cli import screen
from provisioner.exits import Exit
from provisioner.report.lines import line


def command() -> int:
    """Print the version."""
    from importlib.metadata import version

    screen.tell([line(f"provisioner {version('provisioner')}")])
    return Exit.DONE
