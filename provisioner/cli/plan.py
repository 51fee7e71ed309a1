"""`provisioner plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import options


def command(
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    out: Annotated[Path | None, typer.Option("--out", help="Save the plan, for `apply PLAN`.", metavar="FILE")] = None,
    domain: options.Domains = None,
    exclude_domain: options.ExcludedDomains = None,
    json: options.Json = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 2 where a step can be taken.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 3 where any domain is blocked.")] = False,
) -> int:
    """Compare what Microsoft Graph asks for with what the zones hold, and say what would be done. Nothing is written."""
    from provisioner.cli.planning import make, show
    from provisioner.cli.world import open_fleet, tell_requests
    from provisioner.report.exit_code import of_plan

    fleet = open_fleet(manifest)
    with make(fleet, domain, exclude_domain) as plan:
        if out:
            plan.write(out)
        show(plan, f"provisioner apply {out}" if out else "provisioner apply", json=json)
        tell_requests(fleet)
        return of_plan(plan.totals, strict=strict, detailed=detailed_exitcode)
