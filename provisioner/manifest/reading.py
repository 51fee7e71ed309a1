"""What all sections have in common: words that have a form, labels that must exist, names that stand once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from provisioner.manifest import words
from provisioner.manifest.mistakes import KeyPath, Mistakes, enumerated, quoted
from provisioner.manifest.model import Location
from provisioner.manifest.nodes import Node

T = TypeVar("T")

_KINDS = {"credentials": "credential", "tenants": "tenant", "providers": "provider"}


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads entries and notes what is wrong. `misnamed`: a section that is not there may hide behind an unknown key."""

    mistakes: Mistakes
    misnamed: bool

    def word(self, form: Callable[[str], T], text: str, node: Node, *path: str | int) -> T | None:
        """Give what a word stands for. None: it does not have that form."""
        try:
            return form(text)
        except words.Malformed as why:
            self.mistakes.add(node.where, path, why.text, why.mend)
            return None

    def refer(self, table: Mapping[str, T], section: str, label: str, node: Node, *path: str | int) -> T | None:
        """Give what a label names. None: it names nothing, or something that has mistakes."""
        lost = self.mistakes.incomplete or (not table and self.misnamed)
        if label not in table and not lost:
            known = f"Known are {enumerated(table)}" if table else f"Write it under `{section}:`"
            text = f"unknown {_KINDS[section]} {quoted(label)}{self.mistakes.guess(label, table)}"
            self.mistakes.add(node.where, path, text, f"{known}.")
        return table.get(label)

    def twice(self, where: Location, path: KeyPath, first: Location) -> None:
        """Note that something stands a second time."""
        self.mistakes.add(where, path, f"stands here a second time; the first is at {first}", "Remove one.")
