"""`provisioner drift`."""

from __future__ import annotations

from provisioner.cli import options, screen


def command(
    manifest: options.Manifest = options.DEFAULT_MANIFEST,
    domain: options.Domains = None,
    exclude_domain: options.ExcludedDomains = None,
    refresh: options.Refresh = "dns",
    json: options.Json = False,
) -> int:
    """Say where somebody changed what we last wrote: 2 where anybody did. Nothing is written."""
    from functools import partial

    from plans.plan import Filters
    from provisioner.cli.clock import now
    from provisioner.cli.progress import watching
    from provisioner.cli.world import open_fleet, tell_requests
    from provisioner.drift import Drift, Unread, drift
    from provisioner.exits import Exit
    from provisioner.report.drift_text import drift_document, drift_lines
    from provisioner.state import State

    fleet = open_fleet(manifest)
    filters = Filters(tuple(domain or ()), tuple(exclude_domain or ()))
    found: list[Drift | Unread] = []
    state = State.peek(fleet.manifest.state, now)
    if state is not None:
        with state, watching(fleet, "Comparing") as watch:
            found = list(drift(fleet, state, filters, partial(watch.reach, "zones"), dns_first=refresh == "dns"))
    if json:
        screen.write([drift_document(found)])
    else:
        screen.tell(drift_lines(found))
    tell_requests(fleet)
    if any(isinstance(one, Unread) for one in found):
        return Exit.ERROR
    return Exit.PENDING if found else Exit.DONE
