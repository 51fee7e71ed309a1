"""`provisioner forget`."""

from __future__ import annotations

from typing import Annotated

import typer

from provisioner.cli import options, screen


def command(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain.")],
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
) -> int:
    """Forget a domain's open rollout and its pinned host. Nothing is changed in its zone; the journal stays."""
    from importlib.metadata import version

    from plans.desired import Subject
    from provisioner.cli.clock import now
    from provisioner.cli.naming import domain_name
    from provisioner.exits import Exit
    from provisioner.manifest import load
    from provisioner.report.lines import Part, Tone, line
    from provisioner.state import State

    name, read = domain_name(domain), load(manifest)
    told = []
    with State.open(read.state, now) as state:
        run = state.begin_run("forget", version("provisioner"))
        rollout = state.forget(run, Subject(name))
        if rollout:
            told.append(line(f"Its open rollout of plan {rollout.plan_id[:12]} is closed."))
        if state.unpin(run, name):
            told.append(line("Its pinned host is dropped."))
        run.finish(Exit.DONE)
    bare = name.rstrip(".")
    head = line(Part("Forgotten. ", Tone.GOOD), bare) if told else line(f"Nothing was kept of {bare}.")
    listed = next((one for one in read.domains if one.name == name), None)
    stays = [line(f"It still stands in the manifest, at {listed.where}.")] if listed else []
    screen.tell([head, *told, *stays])
    return Exit.DONE
