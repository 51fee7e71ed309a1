"""`provisioner init`."""

from __future__ import annotations

from plans.problem import Problem
from provisioner.cli import options, screen
from provisioner.exits import Exit
from provisioner.report.lines import Part, Tone, line


def command(manifest: options.Manifest = options.DEFAULT_MANIFEST) -> int:
    """Write a manifest to start from. Asks nothing and overwrites nothing."""
    from importlib.resources import files

    text = files("provisioner.manifest").joinpath("starter.yaml").read_bytes()
    try:
        with manifest.open("xb") as target:
            target.write(text)
    except FileExistsError as error:
        detail = f"{manifest} is there already, and nothing is ever overwritten."
        raise Problem("There is a manifest already", detail, "Check it:  provisioner validate") from error
    except OSError as error:
        raise Problem(
            f"The manifest {manifest} could not be written",
            f"{error.strerror or error}.",
            "Go to a folder that you may write to.",
        ) from error
    screen.tell(
        [
            line(Part("Written. ", Tone.GOOD), f"{manifest} is a manifest without domains, with an example for each part."),
            line("Next: ", Part("provisioner validate", Tone.STRONG)),
        ]
    )
    return Exit.DONE
