"""Which run may write to which zone, for a person and for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.moment import told
from provisioner.state import Lease


def leases_lines(leases: Sequence[Lease]) -> Iterator[Line]:
    """Render one line for each lease."""
    for lease in leases:
        yield lease_line(lease)
    if not leases:
        yield line("No zone is leased.")


def lease_line(lease: Lease) -> Line:
    """Say whose a zone is, since when, until when, and what for."""
    zone = lease.zone
    return line(
        Part(zone.name.rstrip("."), Tone.STRONG),
        f"  ({zone.type}, {zone.id})",
        f"  run {lease.run} of {lease.holder}  since {told(lease.acquired)}  until {told(lease.expires)}  for {lease.purpose}",
    )


def leases_document(leases: Sequence[Lease]) -> str:
    """Give the same as one JSON document."""
    return json.dumps({"leases": [_object(lease) for lease in leases]}, indent=1) + "\n"


def _object(lease: Lease) -> dict[str, Any]:
    zone = {"name": lease.zone.name, "type": lease.zone.type, "account": lease.zone.account, "id": lease.zone.id}
    return {
        "zone": zone,
        "run": lease.run,
        "holder": lease.holder,
        "purpose": lease.purpose,
        "fencing": lease.fencing,
        "acquired": lease.acquired.isoformat(),
        "expires": lease.expires.isoformat(),
    }
