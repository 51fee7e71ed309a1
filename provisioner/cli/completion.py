"""`provisioner completion`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from typer._completion_classes import completion_init
from typer._completion_shared import get_completion_script

from provisioner.cli import screen
from provisioner.exits import Exit

VARIABLE = "_PROVISIONER_COMPLETE"
"""Set by the scripts when they ask the program what could come next; typer makes this name from the program's."""

# typer answers only the shells that are made known to it, which it does itself only together with options that write into the
# user's start-up files.
completion_init()


class Shell(StrEnum):
    """A shell for which there is a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def command(shell: Annotated[Shell, typer.Argument(help="The shell that is to complete.", metavar="SHELL")]) -> int:
    """Print the script that lets a shell complete commands and options.

    Run its line, or write it into the start-up file:

    bash:  eval "$(provisioner completion bash)"

    zsh:  eval "$(provisioner completion zsh)"

    fish:  provisioner completion fish | source
    """
    screen.write([get_completion_script(prog_name="provisioner", complete_var=VARIABLE, shell=shell.value), "\n"])
    return Exit.DONE
