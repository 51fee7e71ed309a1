"""Why policy lets nobody apply a plan, looked at before anything is done: ceilings, and times in which nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from plans.approval import Begun
from plans.desired import Subject
from plans.freeze import frozen
from plans.problem import Problem
from provisioner.manifest.model import Manifest
from provisioner.planfile import PlanFile


class PolicyForbids(Problem):
    """Policy lets nobody apply the plan now; nothing was written."""


def forbids(manifest: Manifest, plan: PlanFile, begun: Mapping[Subject, Begun], now: datetime) -> PolicyForbids | None:
    """Say why a plan with steps may not be applied at a time (UTC), given which of its rollouts have begun; None: it may."""
    ended = {subject for subject, known in begun.items() if known.outcome}
    rollouts = {entry.subject for entry in plan.entries() if entry.rollout}
    freeze = frozen(manifest.policy.freezes, now)
    if freeze and rollouts - ended:
        return PolicyForbids(
            "Nothing is written now",
            f"{freeze}. Rollouts that have begun stay as they are: where they wait it is safe to.",
            "Apply the plan after that.",
        )
    going_on = {entry.subject for entry in plan.entries() if entry.goes_on}
    beyond = list(_beyond(manifest, plan, len(rollouts - begun.keys() - going_on)))
    if not beyond:
        return None
    return PolicyForbids(
        "The plan begins more than policy lets one plan begin",
        "\n".join([*beyond, "Nothing was written."]),
        "Make plans of less:  provisioner plan --domain GLOB --out FILE",
    )


def _beyond(manifest: Manifest, plan: PlanFile, beginning: int) -> Iterator[str]:
    """Compare subjects with steps that have not begun with the ceilings; the share is of the subjects that there are.

    These are those that the plan is about, or if that are more those that the manifest lists: a plan may be of a part.
    """
    ceilings, rule = manifest.policy.ceilings, manifest.policy.rule("ceilings")
    there = max(plan.totals.subjects, len(manifest.domains) + len(manifest.mail_hosts))
    begins = f"{rule}: the plan begins the steps of {beginning} of {there} subjects, "
    if ceilings.count is not None and beginning > ceilings.count:
        yield f"{begins}and the count lets {ceilings.count}."
    if ceilings.share is not None and 100 * beginning > ceilings.share * there:
        yield f"{begins}and the share lets {ceilings.share}%."
