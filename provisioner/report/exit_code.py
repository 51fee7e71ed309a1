"""Which exit code a run ends with: the first that applies, from the same values that are printed."""

from __future__ import annotations

from collections.abc import Collection

from plans.plan import Totals
from provisioner.exits import Exit
from provisioner.results import Result, Standing


def of_plan(totals: Totals, *, strict: bool, detailed: bool) -> Exit:
    """Give the code of `plan`: with `strict` every block counts, with `detailed` so do steps that can be taken."""
    if totals.failed:
        return Exit.ERROR
    if totals.blocked and (strict or not totals.proceeding):
        return Exit.REFUSED
    return Exit.PENDING if detailed and totals.steps else Exit.DONE


def of_apply(results: Collection[Result]) -> Exit:
    """Give the code of `apply` from what became of each subject that had steps or was stopped."""
    standings = {result.standing for result in results}
    wrote = any(result.written for result in results)
    if not wrote and Standing.STALE in standings:
        return Exit.STALE
    if wrote and standings & {Standing.STALE, Standing.FAILED, Standing.REFUSED}:
        return Exit.PARTIAL
    if Standing.FAILED in standings:
        return Exit.ERROR
    if Standing.REFUSED in standings:
        return Exit.REFUSED
    return Exit.WAITING if Standing.WAITING in standings else Exit.DONE
