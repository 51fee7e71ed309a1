"""A zone: what its provider holds, and what each of its servers serves after a lag of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plans.plan import Change
from plans.values import Key, RRset, ZoneRef
from tests.simulate.dice import Dice, chance
from tests.simulate.spans import History, Span, cached

LAGS = (0, 1, 5, 60, 300, 1200)
LONG_LAG = 21600


class Published:
    """Sets of a zone; each server takes writes over in their order. `before`: what was served until second 0."""

    def __init__(
        self,
        zone: ZoneRef,
        sets: Mapping[Key, RRset | None],
        negative_ttl: int,
        dice: Dice,
        before: Mapping[Key, RRset] | None = None,
    ) -> None:
        self.zone = zone
        self.writes: list[tuple[int, Change]] = []
        self.wrong: list[str] = []
        self._live = dict(sets)
        self._negative_ttl = negative_ttl
        self._dice = dice
        self._has_slow_server = chance(dice, 3)
        addresses = dice.between(1, 3)
        self._servers = {key: [_server(held, (before or {}).get(key)) for _ in range(addresses)] for key, held in sets.items()}

    def live(self) -> dict[Key, RRset | None]:
        """Give what the provider holds."""
        return dict(self._live)

    def write(self, at: int, change: Change) -> bool:
        """Take a write as a provider does: only over what it is based on."""
        if change.key not in self._live:
            self.wrong.append(f"wrote: at {at} {change.key}, which is not managed")
        elif self._live[change.key] != change.before:
            self.wrong.append(f"wrote: at {at} {change.after} over {self._live[change.key]}, not over {change.before}")
        else:
            self._live[change.key] = change.after
            self.writes.append((at, change))
            *others, last = self._servers[change.key]
            last.tell(at + (self._dice.between(0, LONG_LAG) if self._has_slow_server else self._dice.of(LAGS)), change.after)
            for server in others:
                server.tell(at + self._dice.of(LAGS), change.after)
            return True
        return False

    def served(self, key: Key, at: int) -> dict[str, RRset | None]:
        """Give what each server's address answers."""
        return {f"192.0.2.{number}": server.at(at) for number, server in enumerate(self._servers[key], start=1)}

    def changes_after(self, at: int) -> Iterator[int]:
        """Give when servers take over later what was written."""
        for servers in self._servers.values():
            for server in servers:
                yield from server.changes_after(at)

    def cached(self, key: Key) -> list[Span[RRset | None]]:
        """Give every answer that a resolver may hold, and when."""
        return cached(self._servers[key], lambda held: held.ttl if held else self._negative_ttl)


def _server(held: RRset | None, older: RRset | None) -> History[RRset | None]:
    if older is None:
        return History(held)
    server: History[RRset | None] = History(older)
    server.tell(0, held)
    return server
