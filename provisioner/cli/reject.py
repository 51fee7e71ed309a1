"""`provisioner reject`."""

from __future__ import annotations

from provisioner.cli import options, screen


def command(plan_file: options.PlanFile, manifest: options.Manifest = options.DEFAULT_MANIFEST, note: options.Note = "") -> int:
    """Reject a saved plan for good: whoever approves it, it is not applied."""
    from plans.approval import Rejection
    from provisioner.cli.clock import now
    from provisioner.cli.voting import asked, keep
    from provisioner.exits import Exit
    from provisioner.manifest import load
    from provisioner.planfile import PlanFile
    from provisioner.report.lines import Part, Tone, line
    from provisioner.state import who

    read = load(manifest)
    with PlanFile.read(plan_file) as opened:
        plan = asked(opened, plan_file)
    keep(read, plan_file, Rejection(plan.id, who(), note, now()))
    screen.tell(
        [
            line(Part("Rejected. ", Tone.STOPPED), f"{plan} is not applied any more, whoever approved it."),
            line("Next: ", Part("provisioner plan --out FILE", Tone.STRONG)),
        ]
    )
    return Exit.DONE
