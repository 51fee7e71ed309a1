"""`provisioner plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import options, screen


def command(
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    out: Annotated[Path | None, typer.Option("--out", help="Save the plan, for `apply PLAN`.", metavar="FILE")] = None,
    domain: options.Domains = None,
    exclude_domain: options.ExcludedDomains = None,
    supersede: options.Supersede = False,
    refresh: options.Refresh = "dns",
    planner: Annotated[
        str | None,
        typer.Option("--planner", metavar="NAME", help="Who makes the plan; else as the pipeline says.", show_default=False),
    ] = None,
    policy: options.Policy = None,
    state_artifact: options.StateArtifact = None,
    json: options.Json = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 2 where a step can be taken.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 3 where any domain is blocked.")] = False,
) -> int:
    """Compare what Microsoft Graph asks for with what the zones hold, and say what would be done. Nothing is written."""
    from provisioner.bounds import forbids
    from provisioner.cli.planning import make, show
    from provisioner.cli.world import open_fleet, take_artifact, tell_requests
    from provisioner.report.exit_code import of_plan
    from provisioner.report.problem_text import notice_lines

    fleet = open_fleet(manifest, policy)
    if state_artifact:
        take_artifact(fleet, state_artifact, "plan")
    dns_first = refresh == "dns"
    with make(fleet, domain, exclude_domain, supersede=supersede, planner=planner, dns_first=dns_first) as plan:
        if out:
            plan.write(out)
        show(plan, f"provisioner apply {out}" if out else "provisioner apply", json=json)
        forbidden = forbids(fleet.manifest, plan, {}, fleet.now())
        if forbidden:
            screen.note(notice_lines(forbidden))
        tell_requests(fleet)
        return of_plan(plan.totals, strict=strict, detailed=detailed_exitcode)
