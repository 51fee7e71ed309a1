"""`provisioner confirm`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import UsageError

if TYPE_CHECKING:
    from plans.values import Name
    from provisioner.manifest.model import MailHost, Manifest


def command(
    host: Annotated[str, typer.Argument(metavar="HOST", help="The mail host, as `mail_hosts` in the manifest names it.")],
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    upcoming: Annotated[
        bool,
        typer.Option("--next", envvar="PROVISIONER_CONFIRM_NEXT", help="It presents the certificate that is under its `next`."),
    ] = False,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="It presents this certificate, or public key (PEM); else that under its `certificate`.",
            show_default=False,
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="From where it was seen; the journal keeps it.", show_default=False)
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: you saw it.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back what was confirmed of it.")] = False,
) -> int:
    """Say that you saw from elsewhere which key a mail host presents, where port 25 is closed here. It counts for 24 hours."""
    from importlib.metadata import version

    from provisioner.cli.naming import any_mail_host
    from provisioner.cli.world import open_fleet, tell_head
    from provisioner.desired.certificate import read_certificate
    from provisioner.exits import Exit
    from provisioner.presented import addressed
    from provisioner.report.confirm_text import confirmed_lines, looking_lines
    from provisioner.state import State

    name = any_mail_host(host)
    if sum((upcoming, certificate is not None, withdraw)) > 1:
        raise UsageError(
            "One of --next, --certificate and --withdraw at a time",
            "Each says something else of the host. Nothing was recorded.",
            "Look up what they mean:  provisioner confirm --help",
        )
    fleet = open_fleet(manifest)
    if withdraw:
        return _withdraw(fleet.manifest, name)
    listed = _listed(fleet.manifest, name)
    file = certificate or _certificate(listed, upcoming=upcoming)
    key = read_certificate(file, name, fleet.now()).tlsa.association
    addresses = addressed(fleet, name, smtp=False).addresses or frozenset()
    if not yes:
        screen.note(looking_lines(name, key, file, addresses))
        _ask(name)
    with State.open(fleet.manifest.state, fleet.now) as state:
        run = state.begin_run("confirm", version("provisioner"))
        confirmation = state.confirm(run, name, key, addresses, reason)
        run.finish(Exit.DONE)
        screen.tell(confirmed_lines(confirmation))
        tell_head(state)
    return Exit.DONE


def _withdraw(manifest: Manifest, host: Name) -> int:
    from importlib.metadata import version

    from provisioner.cli.clock import now
    from provisioner.cli.world import tell_head
    from provisioner.exits import Exit
    from provisioner.report.lines import Part, Tone, line
    from provisioner.state import State

    with State.open(manifest.state, now) as state:
        run = state.begin_run("confirm", version("provisioner"))
        withdrawn = state.withdraw(run, host)
        run.finish(Exit.DONE)
        bare = host.rstrip(".")
        if not withdrawn:
            screen.tell([line(f"Nothing was confirmed of {bare}.")])
            return Exit.DONE
        screen.tell([line(Part("Withdrawn. ", Tone.GOOD), f"Nobody's word counts any more for what {bare} presents.")])
        tell_head(state)
    return Exit.DONE


def _listed(manifest: Manifest, host: Name) -> MailHost:
    """Give what the manifest says of a host. Raises `UsageError`."""
    listed = next((one for one in manifest.mail_hosts if one.name == host), None)
    if listed is None:
        named = ", ".join(sorted(one.name.rstrip(".") for one in manifest.mail_hosts)) or "none"
        raise UsageError(
            f"{host.rstrip('.')} is no mail host of ours",
            f"{manifest.file} names these under mail_hosts: {named}. Nothing was recorded.",
            "Name the host as the manifest does.",
        )
    return listed


def _certificate(host: MailHost, *, upcoming: bool) -> Path:
    """Give the file that the manifest names. Raises `UsageError`."""
    file = host.upcoming if upcoming else host.certificate
    if file is None:
        bare = host.name.rstrip(".")
        raise UsageError(
            f"{bare} has no next certificate",
            f"{host.where}: there is no `next:` at it. Nothing was recorded.",
            f"For the one under `certificate:`  provisioner confirm {bare}",
        )
    return file


def _ask(host: Name) -> None:
    """Let a person say yes. Raises `ApprovalMissing`."""
    from provisioner.approval.problems import ApprovalMissing

    bare = host.rstrip(".")
    if not screen.can_ask():
        raise ApprovalMissing(
            f"Nobody confirmed what {bare} presents",
            "There is no terminal to ask at. Nothing was recorded.",
            f"See it yourself, then say so:  provisioner confirm {bare} --yes",
        )
    answer = screen.ask("\nDid you see it printed by every one of them? Only 'yes' is taken for it: ")
    if answer != "yes":
        raise ApprovalMissing(
            "Cancelled", f"The answer was {answer!r}. Nothing was recorded.", f"To be asked again:  provisioner confirm {bare}"
        )
