"""`provisioner status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provisioner.report.status_text import Status
    from provisioner.state import State


def command(
    domain: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DOMAIN]...", show_default=False, help="Only domains that match one of these globs."),
    ] = None,
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    closed: Annotated[bool, typer.Option("--all", help="Rollouts that are closed too.")] = False,
    json: options.Json = False,
) -> int:
    """Say where each rollout stands and what it waits for, as the state tells. Nothing is asked of any service."""
    from provisioner.cli.world import peek_state
    from provisioner.exits import Exit
    from provisioner.manifest.model import matches
    from provisioner.report.status_text import status_document, status_lines

    with peek_state(manifest) as state:
        chosen = [] if state is None else _statuses(state, domain or ["*"], closed=closed)
        pins = {} if state is None else {one: host for one, host in state.pins().items() if matches(one, domain or ["*"])}
        if json:
            screen.write(status_document(chosen, pins))
        elif state is not None:
            screen.tell(status_lines(chosen, pins, state.now()))
    return Exit.DONE


def _statuses(state: State, globs: Sequence[str], *, closed: bool) -> Iterator[Status]:
    from plans.codec import decode_entry
    from plans.progress import progress
    from provisioner.manifest.model import matches
    from provisioner.report.status_text import Status

    for found in state.rollouts(only_open=not closed):
        stored, rollout = found.rollout, decode_entry(found.rollout.line).rollout
        if rollout and matches(stored.subject.name, globs):
            yield Status(stored, rollout, progress(rollout, stored.opened, state.events(stored.id)), found.last.at)
