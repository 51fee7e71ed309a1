"""`provisioner history`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, screen
from provisioner.cli.problems import UsageError

if TYPE_CHECKING:
    from provisioner.state import State


def command(
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    domain: Annotated[str | None, typer.Option("--domain", help="Only what is about this domain.", metavar="DOMAIN")] = None,
    run: Annotated[int | None, typer.Option("--run", help="Only what this run did.", metavar="NUMBER")] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", parser=options.moment, help="Not what was before.", metavar="TIME")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", parser=options.moment, help="Only what was before.", metavar="TIME")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check that the whole journal is as it was written.")] = False,
    expect: Annotated[
        str | None,
        typer.Option("--expect", help="Check too that it has the entry with this hash, which a run printed.", metavar="HASH"),
    ] = None,
    json: options.Json = False,
) -> int:
    """Tell what was done, when, by whom and in which run, oldest first; or check that nobody changed the journal."""
    from provisioner.cli.naming import domain_name
    from provisioner.cli.world import peek_state
    from provisioner.exits import Exit
    from provisioner.report.history_text import history_document, history_lines

    about = domain_name(domain) if domain else None
    if verify or expect:
        if about or run is not None or since or until:
            raise UsageError(
                "The journal is checked as a whole",
                "--verify and --expect do not go with --domain, --run, --since or --until. Nothing was looked at.",
                "Type:  provisioner history --verify",
            )
        with peek_state(manifest) as state:
            return _verify(state, expect, json=json)
    with peek_state(manifest) as state:
        entries = [] if state is None else state.history(about, run, since, until)
        if json:
            screen.write(history_document(entries))
        else:
            screen.tell(history_lines(entries))
    return Exit.DONE


def _verify(state: State | None, expect: str | None, *, json: bool) -> int:
    """Check the journal up to the newest entry of this moment; where there is no state, no entry has any hash."""
    from provisioner.exits import Exit
    from provisioner.report.history_text import verified_document, verified_lines
    from provisioner.state import Broken, Head

    head = state.head() if state else Head()
    if state:
        broken = state.verify(expect)
    else:
        broken = (Broken(0, f"no entry has the hash {expect}: there is no state"),) if expect else ()
    if json:
        screen.write([verified_document(head, broken)])
    else:
        screen.tell(verified_lines(head, broken))
    return Exit.ERROR if broken else Exit.DONE
