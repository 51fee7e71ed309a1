"""`provisioner approve`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import UsageError

if TYPE_CHECKING:
    from provisioner.manifest.model import Approvers


def _until(text: str) -> datetime | timedelta:
    """Read a moment, or for how long. Raises typer's error for what is neither."""
    try:
        return options.duration(text)
    except typer.BadParameter:
        return options.moment(text)


def command(
    plan_file: options.PlanFile,
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    policy: options.Policy = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Your private key, or a public one of the agent's; else the agent's first, or git's user.signingkey.",
            show_default=False,
        ),
    ] = None,
    note: options.Note = "",
    expires: Annotated[
        datetime | None,
        typer.Option("--expires", parser=_until, metavar="TIME", help="Until when it counts: 8h, or 2026-12-31T12:00."),
    ] = None,
) -> int:
    """Approve a saved plan: sign it with an SSH key, for `apply` to verify."""
    from dataclasses import replace

    from plans.approval import Approval, Refused, people
    from provisioner.approval import gate
    from provisioner.approval.problems import ApprovalMissing
    from provisioner.approval.signers import describe, verify
    from provisioner.approval.signing import sign
    from provisioner.cli.clock import now
    from provisioner.cli.voting import asked, keep, said
    from provisioner.cli.world import read_manifest
    from provisioner.exits import Exit
    from provisioner.planfile import PlanFile
    from provisioner.report.lines import Part, Tone, line

    at = now()
    told = cast("datetime | timedelta | None", expires)  # as `_until` gives it
    until = at + told if isinstance(told, timedelta) else told
    if until and until <= at:
        raise UsageError(
            "The approval would have expired already",
            f"--expires says {until:%Y-%m-%d %H:%M:%SZ}. Nothing was approved.",
            "Name a time that is yet to come, or for how long:  --expires 8h",
        )
    read = read_manifest(manifest, policy)
    with PlanFile.read(plan_file) as opened:
        plan = asked(opened, plan_file)
    no = gate.another_policy(plan, read.policy) or gate.rejected(plan, said(read, plan)) or gate.nobody_may(plan, read.policy)
    if no:
        raise no
    approvers = cast("Approvers", read.policy.approvers)  # else nobody may
    screen.note([line("Signing. A key may ask for its passphrase, and one in hardware for a touch.")])
    approval = Approval(plan.id, sign(plan.id, key), "", note, at, until)
    verdict = verify(approvers, approval, at)
    if isinstance(verdict, Refused):
        raise ApprovalMissing(
            "This key may not approve the plan",
            f"{verdict.why[:1].upper()}{verdict.why[1:]}. Nothing was approved.",
            f"Let somebody sign who is in {approvers.file}, or have your key added there.",
        )
    approval = replace(approval, principal=", ".join(sorted(verdict.principals)))
    keep(read, plan_file, approval)
    screen.tell([line(Part("Approved. ", Tone.GOOD), f"{plan}, as {approval.principal}, with {describe(approval)}.")])
    if read.policy.separate and not people([verdict], plan.planner):
        screen.note([line(Part("Warning: ", Tone.WARNED), f"it counts for nothing: {plan.planner} made the plan.")])
    screen.tell([line("Next: ", Part(f"provisioner apply {plan_file}", Tone.STRONG))])
    return Exit.DONE
