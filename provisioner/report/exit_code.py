"""Which exit code a run ends with: the first that applies, from the same values that are printed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, assert_never

from plans.plan import Totals
from provisioner.exits import Exit
from provisioner.results import Result, Standing

if TYPE_CHECKING:
    from plans import verify
    from provisioner.reconciled import Place


def of_plan(totals: Totals, *, strict: bool, detailed: bool) -> Exit:
    """Give the code of `plan`: with `strict` every block counts, with `detailed` so do steps that can be taken, or wait."""
    if totals.failed:
        return Exit.ERROR
    if totals.blocked and (strict or not totals.proceeding):
        return Exit.REFUSED
    if detailed and totals.steps:
        return Exit.PENDING if totals.waiting < totals.rollouts else Exit.WAITING
    return Exit.DONE


def of_apply(results: Collection[Result]) -> Exit:
    """Give the code of `apply` from what became of each subject that had steps or was stopped."""
    standings = {result.standing for result in results}
    wrote = any(result.written or result.unsure for result in results)
    if Standing.INTERRUPTED in standings:
        return Exit.INTERRUPTED
    if not wrote and standings & {Standing.LOCKED, Standing.STALE}:
        return Exit.LOCKED if Standing.LOCKED in standings else Exit.STALE
    if wrote and standings & {Standing.LOCKED, Standing.STALE, Standing.FAILED, Standing.REFUSED}:
        return Exit.PARTIAL
    if Standing.FAILED in standings:
        return Exit.ERROR
    if Standing.REFUSED in standings:
        return Exit.REFUSED
    return Exit.WAITING if Standing.WAITING in standings else Exit.DONE


def of_reconcile(places: Collection[Place], *, wrote: bool, detailed: bool) -> Exit:
    """Give the code of `reconcile`; what waits for time, a person or an approval is told by `detailed` alone."""
    from provisioner.reconciled import Place  # noqa: PLC0415 - a plan starts faster without it

    if Place.INTERRUPTED in places:
        return Exit.INTERRUPTED
    stopped = {Place.LOCKED, Place.STALE, Place.FAILED, Place.REFUSED, Place.CONTESTED}.intersection(places)
    if not wrote and stopped & {Place.LOCKED, Place.STALE}:
        return Exit.LOCKED if Place.LOCKED in stopped else Exit.STALE
    if wrote and stopped:
        return Exit.PARTIAL
    if stopped:
        return Exit.ERROR if Place.FAILED in stopped else Exit.REFUSED
    if detailed and Place.APPROVAL in places:
        return Exit.PENDING
    return Exit.WAITING if detailed and {Place.WAITING, Place.MANUAL}.intersection(places) else Exit.DONE


def unkept(code: int) -> int:
    """Give the code of a run of which something could not be kept, or told: a good one is none any more."""
    return Exit.ERROR if code in {Exit.DONE, Exit.PENDING, Exit.REFUSED, Exit.WAITING} else code


def of_verify(standings: Iterable[verify.Standing]) -> Exit:
    """Give the code of `verify` from how each domain stands: a fault comes before what could not be seen."""
    from plans import verify  # noqa: PLC0415 - few commands verify, none starts slower

    match verify.worst(standings):
        case verify.Standing.FAULT:
            return Exit.PENDING
        case verify.Standing.UNDETERMINED:
            return Exit.ERROR
        case verify.Standing.NOTICE | verify.Standing.GOOD:
            return Exit.DONE
        case _ as never:
            assert_never(never)
