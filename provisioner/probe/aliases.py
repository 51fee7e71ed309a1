"""What a name leads to, by its aliases: as a resolver tells its clients, and by the answers of authoritative servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from plans.facts import NoAnswer, Secured, Security
from plans.values import Irregular, Key, Live, Name, RRset, name
from providers.contract import Unavailable

MOST = 8
"""How many aliases are followed, one after the other."""


class Lookup(Protocol):
    """Says what a key holds to a validator; an alias at the name is irregular. Raises `Unavailable`."""

    def secured(self, key: Key) -> Secured:
        """Look a key up."""
        ...


class Aliases:
    """Follows aliases (CNAME) from zone to zone; several threads may use it."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def held(self, key: Key) -> Live | NoAnswer:
        """Give the set that a name leads to; None: the end of the way denies it."""
        try:
            for _ in range(MOST + 1):
                found = self._lookup.secured(key)
                target = self._target(key.owner) if isinstance(found.held, Irregular) else None
                if target is None:
                    return _usable(found)
                key = Key(target, key.type)
        except Unavailable as problem:
            return NoAnswer(f"{problem.headline}: {problem.detail}")
        return NoAnswer(f"more than {MOST} aliases lead to {key.owner}")

    def addresses(self, host: str) -> Sequence[str]:
        """Give the addresses of a host, those of IPv4 first. Raises `OSError` where none can be told, `ValueError`."""
        told = [self.held(Key(name(host), kind)) for kind in ("A", "AAAA")]
        addresses = [str(value) for one in told if isinstance(one, RRset) for value in one.values]
        silent = [one.why for one in told if isinstance(one, NoAnswer)]
        if silent and not addresses:
            raise OSError(silent[0])
        return addresses

    def _target(self, owner: Name) -> Name | None:
        match self._lookup.secured(Key(owner, "CNAME")).held:
            case RRset(values=(target,)):
                return name(str(target))
            case _:
                return None


def _usable(found: Secured) -> Live | NoAnswer:
    return NoAnswer(found.why) if found.security in {Security.BOGUS, Security.INDETERMINATE} else found.held
