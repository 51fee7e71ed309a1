"""`provisioner show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import options


def command(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan that `plan --out` saved.")],
    json: options.Json = False,
) -> int:
    """Show a saved plan, every value before and after, and verify that it is whole."""
    from provisioner.cli.planning import show
    from provisioner.exits import Exit
    from provisioner.planfile import PlanFile

    with PlanFile.read(plan_file) as plan:
        show(plan, f"provisioner apply {plan_file}", json=json)
    return Exit.DONE
