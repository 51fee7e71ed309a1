"""The world that a command works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.cli import screen
from provisioner.cli.clock import now
from provisioner.fleet import Fleet
from provisioner.manifest import load
from provisioner.manifest.model import Manifest
from provisioner.manifest.parts import DEFAULT_STATE
from provisioner.manifest.words import state_url
from provisioner.report.lines import Part, Tone, line

if TYPE_CHECKING:
    from provisioner.state import Run, State

RUNNERS = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD")
"""Variables of which one is set on a runner of a pipeline."""


def open_fleet(manifest: Path, policy: Path | None = None) -> Fleet:
    """Read the manifest, and tell whoever waits what is waited for. Raises `ManifestInvalid`."""
    return Fleet(read_manifest(manifest, policy), now, notify=screen.note_wait)


def read_manifest(manifest: Path, policy: Path | None) -> Manifest:
    """Read the manifest; a file of policy, where one is named, takes the place of its own. Raises `ManifestInvalid`."""
    read = load(manifest)
    if policy is None:
        return read
    from provisioner.manifest.policy_file import load_policy

    return replace(read, policy=load_policy(policy))


@contextmanager
def peek_state(manifest: Path) -> Iterator[State | None]:
    """Open the manifest's state for reading alone; None, and it is said, where there is none yet. Raises `Problem`."""
    from provisioner.state import State

    url = load(manifest).state
    state = State.peek(url, now)
    if state is None:
        screen.note([line(f"There is no state yet; the first apply makes it: {url}")])
        yield None
        return
    with state:
        yield state


def tell_head(state: State) -> None:
    """Say the journal's newest hash: whoever keeps it can tell later that nothing was cut off (`history --verify --expect`)."""
    head = state.head()
    if head.n:
        screen.note([line(f"Journal: entry {head.n}, hash {head.hash}")])


def take_artifact(fleet: Fleet, path: Path, command: str) -> None:
    """Take what an earlier run left in a file into the state; nothing where it left none. Raises `Problem`."""
    from importlib.metadata import version

    from provisioner.exits import Exit
    from provisioner.state import State, artifact

    found = artifact.read(path)
    if found is None:
        return
    with State.open(fleet.manifest.state, fleet.now) as state:
        run = state.begin_run(command, version("provisioner"))
        taken = artifact.take_over(state, run, found)
        run.finish(Exit.DONE)
    if taken:
        screen.note([line(f"Taken from {path}: {'1 open rollout' if taken == 1 else f'{taken} open rollouts'}.")])


def conclude(fleet: Fleet, state: State, run: Run, code: int, state_artifact: Path | None, *, quiet: bool = False) -> int:
    """Keep what the next run needs of this one, and give the exit code: where that fails, a good one is none any more.

    `quiet`: it wrote nothing into the journal that anybody waits to hear of.
    """
    from provisioner.report.exit_code import unkept
    from provisioner.report.problem_text import problem_lines
    from provisioner.state import StateUnavailable, artifact

    try:
        if state_artifact:
            artifact.write(state, state_artifact)
        else:
            warn_of_lost_state(fleet, state)
        if not quiet:
            tell_head(state)
        run.finish(code)
    except StateUnavailable as problem:
        screen.note(problem_lines(problem))
        return unkept(code)
    return code


def warn_of_lost_state(fleet: Fleet, state: State) -> None:
    """Say what becomes of open rollouts where the state lies on a machine of which nothing is kept."""
    on_runner = any(os.environ.get(name) for name in RUNNERS)
    if on_runner and _is_default(fleet) and next(state.open_rollouts(), None):
        told = (
            f"rollouts are open, and the state ({state.where}) goes with this runner: every wait would start again. "
            "Keep the state in PostgreSQL (`state:` in the manifest), or in a file of the pipeline: --state-artifact FILE"
        )
        screen.note([line(Part("Warning: ", Tone.WARNED), told)])


def tell_requests(fleet: Fleet) -> None:
    """Say what the providers' services were asked, and how often they asked for a pause."""
    calls, throttles = fleet.meter.calls, fleet.meter.throttles
    if calls:
        asked = ", ".join(f"{operation} {count}" for operation, count in calls.items())
        paused = ", ".join(f"{operation} {count}" for operation, count in throttles.items())
        screen.note([line(f"Requests: {asked}.{f' Throttled: {paused}.' if paused else ''}")])


def _is_default(fleet: Fleet) -> bool:
    """Whether the state lies where it lies if the manifest says nothing of it."""
    return fleet.manifest.state == state_url(DEFAULT_STATE, fleet.manifest.file.parent)
