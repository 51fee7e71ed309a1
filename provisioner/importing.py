"""The use case `import`: a table of domains, checked as the manifest checks it, as entries of a manifest.

Nothing but the table is read, so whether its tenants and providers exist is left to `provisioner validate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plans.problem import Problem
from plans.values import Name
from providers import registry
from provisioner.manifest import ManifestInvalid, files, table, words
from provisioner.manifest.assemble import Assembled
from provisioner.manifest.mistakes import Mistakes
from provisioner.manifest.model import Location
from provisioner.manifest.nodes import Node
from provisioner.manifest.parts import IncludedPart
from provisioner.manifest.resolve import resolve


@dataclass(frozen=True, slots=True)
class ImportedDomain:
    """One row: a domain, and what the manifest says of it, by key."""

    name: Name
    settings: Mapping[str, str]


def read(file: Path) -> tuple[ImportedDomain, ...]:
    """Read a table; its domains ascending.

    Raises:
        ManifestInvalid: it has mistakes; all of them are told, with their lines.

    """
    shown = files.shown(file)
    mistakes = Mistakes()
    text = files.text(shown, mistakes)
    rows = table.rows(text, shown, mistakes) if text is not None else []
    mistakes.incomplete = True  # tenants and providers stand elsewhere
    sections = {section: rows if section == "domains" else [] for section in IncludedPart.model_fields}
    resolve(Path("provisioner.yaml"), Assembled(Node(Location(shown, 1), {}), sections, misnamed=True), registry, mistakes)
    if mistakes.found:
        found = tuple(sorted(set(mistakes.found)))
        count = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
        raise ManifestInvalid(
            f"The table {shown} has {count}", found, f"Change the lines named above, then run `provisioner import {shown}`."
        )
    domains = (
        ImportedDomain(
            words.domain_name(domain),
            {key: str(cell.value) for key, cell in row.value.items()} if isinstance(row.value, dict) else {},
        )
        for domain, row in rows
    )
    return tuple(sorted(domains, key=lambda domain: domain.name))


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, with the folders to it.

    Raises:
        Problem: something stands there already, or it cannot be written.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            target.write(text.encode())
    except FileExistsError as error:
        stands = path if path.exists() or path.is_symlink() else error.filename
        raise Problem(
            f"The file {path} is not written",
            f"{stands} is there already, and nothing is ever overwritten.",
            "Name another file:  --out FILE",
        ) from error
    except OSError as error:
        raise Problem(
            f"The file {path} cannot be written",
            f"{error.filename or path}: {error.strerror or error}.",
            "Name a file in a folder that you may write to:  --out FILE",
        ) from error
