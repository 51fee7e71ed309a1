"""The use case `discover --tlsa`: what a mail host presents at each of its addresses, and the records that it comes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from plans.dane import public_key_of, tlsa_of
from plans.facts import HostFacts, Session
from plans.problem import Problem
from plans.values import Name, Tlsa
from provisioner.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Presentation:
    """One key that a host presents: its record 3 1 1, where, and what the certificates around it say.

    `names` are their DNS names, `not_after` (UTC) when the first of them ends; None: not told.
    """

    record: Tlsa
    addresses: tuple[str, ...]
    names: tuple[str, ...]
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class Presented:
    """What a host presents: the key of most addresses first; `silent` says by address why nothing was seen there."""

    host: Name
    keys: tuple[Presentation, ...]
    silent: Mapping[str, str]

    @property
    def agreed(self) -> bool:
        """Whether every address presents the same key."""
        return len(self.keys) == 1 and not self.silent


def look(fleet: Fleet, host: Name) -> Presented:
    """Hold a session with every address of a host. Raises what `addressed` raises."""
    found = addressed(fleet, host, smtp=True)
    by_record: dict[Tlsa, dict[str, Session]] = defaultdict(dict)
    silent = {}
    for address, session in sorted(found.sessions.items()):
        try:
            if session.chain:
                by_record[tlsa_of(public_key_of(session.chain[0]))][address] = session
            else:
                silent[address] = session.why
        except ValueError as error:
            silent[address] = f"what it presents is malformed: {error}"
    keys = sorted(by_record.items(), key=lambda one: (-len(one[1]), one[0]))
    return Presented(host, tuple(_presentation(record, sessions) for record, sessions in keys), silent)


def addressed(fleet: Fleet, host: Name, *, smtp: bool) -> HostFacts:
    """Look at a host that has addresses, and with `smtp` at what it presents there.

    Raises:
        Problem: its addresses cannot be told, or it has none.

    """
    found = fleet.witness().host(host, smtp=smtp)
    if not found.addresses:
        raise Problem(
            f"{host.rstrip('.')} has no address",
            found.why or "The servers of its zone deny that there is one.",
            "Name the host as the MX names it, and see that it has an A or AAAA record.",
        )
    return found


def _presentation(record: Tlsa, sessions: Mapping[str, Session]) -> Presentation:
    names = sorted({name for session in sessions.values() for name in session.names})
    ends = [session.not_after for session in sessions.values() if session.not_after]
    return Presentation(record, tuple(sessions), tuple(names), min(ends, default=None))
