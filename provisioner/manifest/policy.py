"""What the manifest's `policy:` says, and so a file of its own that takes its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from plans.approval import Numbers
from plans.policy import Risk
from provisioner.manifest.mistakes import KeyPath, Mistakes, enumerated
from provisioner.manifest.model import Approvers, Policy
from provisioner.manifest.nodes import Node
from provisioner.manifest.parts import DEFAULT_NUMBER, ApproversPart, PolicyPart

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
    said = {key: value for key in ("soak", "separate", "expires", "carry") if (value := getattr(part, key)) is not None}
    return Policy(
        **said,
        approvals=_numbers(part.approvals or {}, node.child("approvals"), (*path, "approvals"), mistakes),
        approvers=_approvers(part.approvers, node.where.file.parent),
        unattended=_unattended(part.unattended or [], node.child("unattended"), (*path, "unattended"), mistakes),
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
    items = node.value if isinstance(node.value, list) else []
    for position, (risk, item) in enumerate(zip(said, items, strict=True)):
        if risk in ATTENDED:
            mistakes.add(item.where, (*path, position), f"'{risk}' is never done without a person", "Remove it.")
    return frozenset(said)
