"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Manifest = Annotated[
    Path,
    typer.Option("--manifest", envvar="PROVISIONER_MANIFEST", help="The manifest.", metavar="FILE", show_default=True),
]
Domains = Annotated[
    list[str] | None, typer.Option("--domain", help="Only domains that match; may be repeated.", metavar="GLOB")
]
ExcludedDomains = Annotated[
    list[str] | None, typer.Option("--exclude-domain", help="No domain that matches; may be repeated.", metavar="GLOB")
]
Json = Annotated[bool, typer.Option("--json", help="Print for a program instead of a person.")]

DEFAULT_MANIFEST = Path("provisioner.yaml")
