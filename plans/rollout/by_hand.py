"""The same rollout for a zone that nobody of ours can write: every change becomes a step for a person."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from plans.plan import Change, Manual, Rollout, Step
from plans.values import Ds, Mx, Opaque, RRset, Tlsa, Txt, Value


def by_hand(rollout: Rollout) -> Rollout:
    """Turn each change into a manual step that prints the records; what is required and how one sees the end stay the same."""
    return replace(rollout, steps=tuple(map(_step, rollout.steps)))


def _step(step: Step) -> Step:
    if not isinstance(step.action, Change):
        return step
    return replace(step, action=_manual(step.action), zone=None)


def _manual(change: Change) -> Manual:
    """Print what is to be there as a zone file's lines and as a form asks for it, and what is to go."""
    held = change.before.values if change.before else ()
    wanted = change.after.values if change.after else ()
    gone = [f"remove  {_line(change.before, value)}" for value in held if change.before and value not in wanted]
    there = [f"have    {_line(change.after, value)}" for value in wanted if change.after]
    forms = [f"in a form:  {_form(change.after, value)}" for value in wanted if change.after and value not in held]
    what = f"At the DNS provider of {change.key.owner}, make the {change.key.type} set exactly this:"
    return Manual(what, (*gone, *there, *forms))


def _line(of: RRset, value: Value) -> str:
    return f"{of.key.owner} {of.ttl} IN {of.key.type} {value}"


def _form(of: RRset, value: Value) -> str:
    return f"name {of.key.owner.rstrip('.')}, type {of.key.type}, TTL {of.ttl}, {_fields(value)}"


def _fields(value: Value) -> str:
    match value:
        case Mx():
            return f"priority {value.preference}, mail server {value.exchange}"
        case Txt():
            return f"text {value.text}"
        case Ds():
            head = f"key tag {value.key_tag}, algorithm {value.algorithm}, digest type {value.digest_type}"
            return f"{head}, digest {value.digest}"
        case Tlsa():
            head = f"usage {value.usage}, selector {value.selector}, matching type {value.matching_type}"
            return f"{head}, data {value.association}"
        case Opaque():
            return value.text
        case _ as never:
            assert_never(never)
