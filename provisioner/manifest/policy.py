"""What the manifest's `policy:` says, and so a file of its own that takes its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from plans.acknowledgement import Acknowledgement
from plans.approval import Numbers
from plans.freeze import DAYS, Freeze, Once, Weekly
from plans.policy import Risk
from provisioner.manifest import words
from provisioner.manifest.mistakes import KeyPath, Mistakes, enumerated
from provisioner.manifest.model import Approvers, Ceilings, Policy
from provisioner.manifest.nodes import Node
from provisioner.manifest.parts import (
    DEFAULT_NUMBER,
    AcknowledgePart,
    ApproversPart,
    CeilingsPart,
    FreezePart,
    PolicyPart,
)

ATTENDED = frozenset(
    {
        Risk.FIRST_TLSA,
        Risk.ADD_DS,
        Risk.REMOVE_DS,
        Risk.SIGN,
        Risk.UNSIGN,
        Risk.SWAP_MX,
        Risk.REMOVE_MX,
        Risk.REPLACE_MX,
    }
)
"""The risk classes that no policy lets run without a person."""


def policy(part: PolicyPart, node: Node, path: KeyPath, mistakes: Mistakes) -> Policy:
    """Give what is said, and the default of what is not; a relative path counts from the file in which it stands."""
    keys = ("soak", "separate", "expires", "carry", "waves", "max_failures")
    said = {key: value for key in keys if (value := getattr(part, key)) is not None}
    return Policy(
        **said,
        approvals=_numbers(part.approvals or {}, node.child("approvals"), (*path, "approvals"), mistakes),
        approvers=_approvers(part.approvers, node.where.file.parent),
        unattended=_unattended(part.unattended or [], node.child("unattended"), (*path, "unattended"), mistakes),
        ceilings=_ceilings(part.ceilings),
        freezes=tuple(_freezes(part.freeze or [], node.child("freeze"), (*path, "freeze"), mistakes)),
        acknowledged=tuple(_acknowledged(part.acknowledge or {}, node.child("acknowledge"), (*path, "acknowledge"), mistakes)),
        where={key: entry.where for key, entry in node.value.items()} if isinstance(node.value, dict) else {},
    )


def _numbers(said: Mapping[str, int], node: Node, path: KeyPath, mistakes: Mistakes) -> Numbers:
    known = [DEFAULT_NUMBER, *map(str, Risk)]
    for word in (word for word in said if word not in known):
        text = f"unknown risk class{mistakes.guess(word, known)}"
        mistakes.add(node.child(word).where, (*path, word), text, f"Known are {enumerated(known, len(known))}.")
    return Numbers(said.get(DEFAULT_NUMBER, 0), {risk: said[risk] for risk in Risk if risk in said})


def _approvers(said: ApproversPart | None, beside: Path) -> Approvers | None:
    return Approvers(beside / said.file, beside / said.revoked if said.revoked else None) if said else None


def _unattended(said: Collection[Risk], node: Node, path: KeyPath, mistakes: Mistakes) -> frozenset[Risk]:
    for position, (risk, item) in enumerate(zip(said, _items(node), strict=True)):
        if risk in ATTENDED:
            mistakes.add(item.where, (*path, position), f"'{risk}' is never done without a person", "Remove it.")
    return frozenset(said)


def _items(node: Node) -> list[Node]:
    return node.value if isinstance(node.value, list) else []


def _ceilings(said: CeilingsPart | None) -> Ceilings:
    return Ceilings(said.count, int(said.share.removesuffix("%")) if said.share else None) if said else Ceilings()


def _freezes(said: Sequence[FreezePart], node: Node, path: KeyPath, mistakes: Mistakes) -> Iterator[Freeze]:
    for position, (part, item) in enumerate(zip(said, _items(node), strict=True)):
        try:
            yield _freeze(part, str(item.where))
        except words.Malformed as why:
            mistakes.add(item.where, (*path, position), why.text, why.mend)


def _freeze(part: FreezePart, where: str) -> Freeze:
    """Give a time in which nothing is written. Raises `words.Malformed`."""
    reason = part.reason or ""
    made: Freeze
    if part.days is None:
        made = Once(words.moment(part.from_), words.moment(part.until), reason, where)
    else:
        days = frozenset(DAYS.index(day) for day in part.days)
        made = Weekly(days, words.time_of_day(part.from_), words.time_of_day(part.until), reason, where)
    if made.begins >= made.ends:  # type: ignore[operator]  # both are moments, or both are times of day
        mend = "Write when it ends after when it begins; what goes on past midnight every week is a window for each day."
        raise words.Malformed("it ends before it begins", mend)
    return made


def _acknowledged(
    said: Mapping[str, AcknowledgePart | list[AcknowledgePart]], node: Node, path: KeyPath, mistakes: Mistakes
) -> Iterator[Acknowledgement]:
    for text, parts in said.items():
        entry = node.child(text)
        try:
            name = words.domain_name(text)
        except words.Malformed as why:
            mistakes.add(entry.where, (*path, text), why.text, why.mend)
            continue
        listed = [(parts, entry)] if isinstance(parts, AcknowledgePart) else zip(parts, _items(entry), strict=True)
        for part, item in listed:
            yield Acknowledgement(name, part.code, part.reason, part.until, str(item.where))
