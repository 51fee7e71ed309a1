"""The world that a command works in."""

from __future__ import annotations

from pathlib import Path

from provisioner.cli import screen
from provisioner.cli.clock import now
from provisioner.fleet import Fleet
from provisioner.manifest import load
from provisioner.report.lines import line


def open_fleet(manifest: Path) -> Fleet:
    """Read the manifest, and tell whoever waits what is waited for. Raises `ManifestInvalid`."""
    return Fleet(load(manifest), now, notify=lambda told: screen.note([line(told)]))


def tell_requests(fleet: Fleet) -> None:
    """Say what the providers' services were asked, and how often they asked for a pause."""
    calls, throttles = fleet.meter.calls, fleet.meter.throttles
    if calls:
        asked = ", ".join(f"{operation} {count}" for operation, count in calls.items())
        paused = ", ".join(f"{operation} {count}" for operation, count in throttles.items())
        screen.note([line(f"Requests: {asked}.{f' Throttled: {paused}.' if paused else ''}")])
