"""A policy in a file of its own, kept where whoever edits the manifest cannot edit it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from provisioner.manifest import files
from provisioner.manifest.check import check
from provisioner.manifest.mistakes import Mistakes
from provisioner.manifest.model import Policy
from provisioner.manifest.nodes import parse
from provisioner.manifest.parts import PolicyPart
from provisioner.manifest.policy import policy


def load_policy(path: Path) -> Policy:
    """Read the keys of the manifest's `policy` from a file, which takes the place of the whole section.

    Raises:
        ManifestInvalid: it has mistakes; all of them are told.

    """
    file, mistakes = files.shown(path), Mistakes()
    octets = files.octets(file, mistakes)
    text = None if octets is None else files.decoded(octets, file, mistakes)
    node = None if text is None else parse(text, file, mistakes)
    part = check(node, (), PolicyPart, mistakes) if node else None
    made = policy(part, node, (), mistakes) if part and node else None
    if made is None or octets is None or mistakes.found:
        raise mistakes.problem(file, "policy", f"provisioner plan --policy {file}")
    return replace(made, digest=sha256(octets).hexdigest())
