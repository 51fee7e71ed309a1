"""The manifest: what a user writes, read into values that the rest of the program uses."""

from __future__ import annotations

from pathlib import Path

from providers import registry
from provisioner.manifest import files
from provisioner.manifest.assemble import assemble
from provisioner.manifest.mistakes import ManifestInvalid, Mistake, Mistakes
from provisioner.manifest.model import Manifest
from provisioner.manifest.resolve import Adapters, resolve

__all__ = ["Adapters", "ManifestInvalid", "Mistake", "load"]


def load(file: Path, adapters: Adapters = registry) -> Manifest:
    """Read a manifest with its includes and resolve every reference in it. No other file is opened.

    `adapters` are those known at this installation unless others are given.

    Raises:
        ManifestInvalid: it has mistakes; all of them are told.

    """
    manifest = files.shown(file)
    mistakes = Mistakes()
    parts = assemble(manifest, mistakes)
    made = resolve(manifest, parts, adapters, mistakes) if parts else None
    if made is None or mistakes.found:
        raise mistakes.problem(manifest)
    return made
