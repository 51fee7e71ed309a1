"""Zone files by a provider that takes every write and goes on giving what was there before.

A test installs it as a third party's package: the manifest then says `type: lying`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key, Name
from providers import zonefile
from providers.contract import Outcome, Status

TAKEN: list[Name] = []
"""The owners of all sets that it was asked to write."""


def install(folder: Path) -> Path:
    """Make the entry point known to whoever has the folder that this gives on its path."""
    information = folder / "site" / "lying-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: lying\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[provisioner.providers]\nlying = {__name__}:ADAPTER\n")
    return information.parent


class Lying:
    """A provider of zone files."""

    def __init__(self, inner: zonefile.ZoneFiles) -> None:
        self._inner = inner

    def __getattr__(self, of: str) -> Any:
        return getattr(self._inner, of)

    def apply(self, _base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        TAKEN.extend(change.key.owner for change in changes)
        return {change.key: Outcome(Status.WRITTEN) for change in changes}


def _open(*arguments: Any) -> Lying:
    return Lying(zonefile.ADAPTER.open(*arguments))  # type: ignore[arg-type]  # it opens these


ADAPTER = replace(zonefile.ADAPTER, open=_open)
