"""What is asked for by name: removals by which mail can be lost, and the way out in an emergency."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from plans.policy import Risk
from plans.values import Name
from provisioner.approval.problems import ApprovalMissing
from provisioner.cli import screen
from provisioner.cli.naming import domain_name

if TYPE_CHECKING:
    from provisioner.fleet import Fleet
    from provisioner.planfile import PlanFile

ASKED = frozenset({Risk.REMOVE_DS, Risk.UNSIGN})
"""The classes of steps for which the zone's name is asked, whoever approved the plan."""


def confirm(names: Collection[Name], given: Sequence[str] | None, what: str, again: str, *, ask: bool) -> None:
    """Have each name typed: as an option, else at the terminal where `ask`. `what` is done to it, `again` was typed.

    Raises:
        ApprovalMissing: a name was not typed.
        UsageError: an option names nothing that is a domain name.

    """
    typed = {domain_name(one) for one in given or ()}
    missing = sorted(set(names) - typed)
    options = " ".join(f"--confirm {name.rstrip('.')}" for name in missing)
    if missing and not ask:
        named = ", ".join(name.rstrip(".") for name in missing)
        raise ApprovalMissing(
            f"Nobody named {named}", f"It is asked for by name: {what}. Nothing was written.", f"Name it:  {again} {options}"
        )
    for name in missing:
        bare = name.rstrip(".")
        answer = screen.ask(f"\n{bare}: {what}. Type its name to go on: ")
        if answer.lower().rstrip(".") != bare:
            what_was = f"The answer was {answer!r}, not {bare}. Nothing was written."
            raise ApprovalMissing("Cancelled", what_was, f"To be asked again:  {again}")


def removals(fleet: Fleet, plan: PlanFile) -> set[Name]:
    """Give the zones whose DS or signatures a plan may still remove. Raises `Problem`."""
    zones = {
        entry.subject: entry.subject.name
        for entry in plan.entries()
        if entry.rollout and any(step.risk in ASKED for step in entry.rollout.steps)
    }
    if not zones:
        return set()
    from provisioner.state import State

    state = State.peek(fleet.manifest.state, fleet.now)
    if state is None:
        return set(zones.values())
    with state:
        ended = {subject for subject, begun in state.begun(plan.id).items() if begun.outcome}
    return {name for subject, name in zones.items() if subject not in ended}
