"""`provisioner validate`."""

from __future__ import annotations

from provisioner.cli import options, screen
from provisioner.exits import Exit
from provisioner.report.lines import Part, Tone, line


def command(manifest: options.Manifest = options.DEFAULT_MANIFEST) -> int:
    """Check the manifest, without a look at anything that it names."""
    from provisioner.manifest import load

    read = load(manifest)
    counts = ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for word, count in (("tenant", len(read.tenants)), ("provider", len(read.providers)), ("domain", len(read.domains)))
    )
    screen.tell([line(Part("Valid. ", Tone.GOOD), f"{manifest}: {counts}.")])
    return Exit.DONE
