"""Puts a manifest together from its files, before anything in it is understood."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provisioner.manifest import files, table
from provisioner.manifest.check import check
from provisioner.manifest.mistakes import Mistakes
from provisioner.manifest.model import Location
from provisioner.manifest.nodes import Node, found, parse
from provisioner.manifest.parts import IncludedPart, ManifestPart

Entries = list[tuple[str, Node]]


@dataclass(frozen=True, slots=True)
class Assembled:
    """The manifest's own keys, and the entries of each section from all files, in the order in which they were read.

    `misnamed`: some file has an unknown key, behind which a section may hide.
    """

    keys: Node
    sections: dict[str, Entries]
    misnamed: bool


def assemble(manifest: Path, mistakes: Mistakes) -> Assembled | None:
    """Read the manifest and its includes. None: there is nothing to go on with."""
    files.require(manifest)
    sections: dict[str, Entries] = {name: [] for name in IncludedPart.model_fields}
    nodes = _mapping(manifest, mistakes)
    if nodes is None:
        return None
    keys = _take(nodes, Location(manifest, 1), sections)
    check(keys, (), ManifestPart, mistakes)
    misnamed = _is_misnamed(nodes, ManifestPart)
    for file in files.included(manifest, _globs(nodes), mistakes):
        misnamed |= _include(file, sections, mistakes)
    return Assembled(keys, sections, misnamed)


def _mapping(file: Path, mistakes: Mistakes) -> dict[str, Node] | None:
    text = files.text(file, mistakes)
    root = None if text is None else parse(text, file, mistakes)
    if root is None:
        return None
    if not isinstance(root.value, dict):
        mend = "Begin with `key: value` lines."
        mistakes.unreadable(root.where, f"expected a mapping of keys, found {found(root)}", mend)
        return None
    return root.value


def _include(file: Path, sections: dict[str, Entries], mistakes: Mistakes) -> bool:
    """Read an included file; whether it has an unknown key."""
    if file.suffix.lower() == ".csv":
        text = files.text(file, mistakes)
        if text is not None:
            sections["domains"].extend(table.rows(text, file, mistakes))
        return False
    nodes = _mapping(file, mistakes)
    if nodes is None:
        return False
    for key in [key for key in nodes if key in ManifestPart.model_fields and key not in IncludedPart.model_fields]:
        mend = f"Move it to the manifest itself; a file that it includes may hold {', '.join(IncludedPart.model_fields)}."
        mistakes.add(nodes.pop(key).where, (key,), "cannot stand in an included file", mend)
    check(_take(nodes, Location(file, 1), sections), (), IncludedPart, mistakes)
    return _is_misnamed(nodes, IncludedPart)


def _is_misnamed(nodes: dict[str, Node], model: type[IncludedPart]) -> bool:
    return any(key not in model.model_fields for key in nodes)


def _take(nodes: dict[str, Node], where: Location, sections: dict[str, Entries]) -> Node:
    """Take the sections' entries away and give the rest; a section without any may be left empty."""
    rest: dict[str, Node] = {}
    for key, node in nodes.items():
        rest[key] = node
        if key in sections and (node.value is None or isinstance(node.value, dict)):
            sections[key].extend((node.value or {}).items())
            rest[key] = Node(node.where, {})
    return Node(where, rest)


def _globs(nodes: dict[str, Node]) -> list[Node]:
    include = nodes["include"].value if "include" in nodes else None
    return [item for item in include if isinstance(item.value, str) and item.value] if isinstance(include, list) else []
