"""Reading one zone in the fewest calls: by a listing of all sets, or name by name where the zone is large.

https://learn.microsoft.com/rest/api/dns/record-sets
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from plans.values import Irregular, Key, Name, RRset, ancestors, is_at_or_below
from providers.azure.arm import Arm, Json, senseless
from providers.azure.records import TYPES, StoredSet, key_of, relative, stored_set, ttl_of
from providers.zonedata import holds

_SETS_ON_A_PAGE = 100
_LIST = "list record sets"


def pages_of(sets: int) -> int:
    """Tell how many calls the listing of a zone with so many sets takes."""
    return max(1, math.ceil(sets / _SETS_ON_A_PAGE))


@dataclass(frozen=True, slots=True)
class Held:
    """What was read: the types of all names that matter to the keys that were asked, and the sets of these keys."""

    types: Mapping[Name, set[str]]
    stored: Mapping[Key, StoredSet]

    @property
    def live(self) -> Callable[[Key], RRset | Irregular | None]:
        """The set at a key."""
        return lambda key: self.stored[key].live if key in self.stored else None


@dataclass(frozen=True, slots=True)
class ZoneReader:
    """Reads one zone, by its path. `pages` is how many calls its listing takes, as far as is known; `learn` is told of it."""

    arm: Arm
    path: str
    zone: Name
    pages: int
    learn: Callable[[int], None]

    def names(self, keys: Collection[Key]) -> Held:
        """Read sets, and what else there is at their names, above and below them. Raises `ProviderError`."""
        owners = {key.owner for key in keys if holds(self.zone, key.owner)}
        calls = 1 + sum(len(TYPES) + 1 + len(self._between(owner)) for owner in owners)
        return self._name_by_name(keys, owners) if calls < self.pages else self._listing(keys)

    def sets(self, keys: Collection[Key]) -> Held:
        """Read sets, and nothing else. Raises `ProviderError`."""
        if len(keys) > self.pages:
            return self._listing(keys)
        found = {key: self.one(key) for key in keys if holds(self.zone, key.owner)}
        return Held({}, {key: stored for key, stored in found.items() if stored})

    def ttls(self) -> Iterator[tuple[str, int | None]]:
        """Give type and TTL of each set of the zone, page by page; None: it cannot be told. Raises `ProviderError`."""
        for key, item in self._items(f"{self.path}/recordsets"):
            with _making_sense(_LIST, key):
                ttl = ttl_of(item)
            yield key.type, ttl

    def one(self, key: Key) -> StoredSet | None:
        """Read one set; None: it is not there, or the zone is not. Raises `ProviderError`."""
        doing = f"read {key.type} sets"
        found = self.arm.find(self.target(key), doing)
        with _making_sense(doing, key):
            return stored_set(found.body, key) if found else None

    def require_zone(self) -> None:
        """Raise `ZoneNotFound` where there is no such zone."""
        self.arm.get(self.path, "read zones")

    def target(self, key: Key) -> str:
        """Give a set's path."""
        return f"{self.path}/{key.type}/{self._quoted(key.owner)}"

    def _quoted(self, owner: Name) -> str:
        return quote(relative(owner, self.zone), safe="@*")

    def _between(self, owner: Name) -> list[Name]:
        return [upper for upper in ancestors(owner) if upper != self.zone and holds(self.zone, upper)]

    def _listing(self, keys: Collection[Key]) -> Held:
        asked, owners = set(keys), {key.owner for key in keys}
        above = {upper for owner in owners for upper in ancestors(owner)}
        below = owners - {self.zone}
        types: dict[Name, set[str]] = {}
        stored: dict[Key, StoredSet] = {}
        count = 0
        for key, item in self._items(f"{self.path}/recordsets"):
            count += 1
            if key.owner in owners or key.owner in above or any(is_at_or_below(key.owner, owner) for owner in below):
                types.setdefault(key.owner, set()).add(key.type)
            if key in asked:
                with _making_sense(_LIST, key):
                    stored[key] = stored_set(item, key)
        self.learn(pages_of(count))
        return Held(types, stored)

    def _name_by_name(self, keys: Collection[Key], owners: Collection[Name]) -> Held:
        """Ask for every type that there is in this version of the API, for zone cuts above, and for names below."""
        self.require_zone()
        types: dict[Name, set[str]] = {}
        stored: dict[Key, StoredSet] = {}
        for owner in owners:
            cuts = [Key(upper, "NS") for upper in self._between(owner)]
            for key in [*(Key(owner, rdata_type) for rdata_type in TYPES), *cuts]:
                if held := self.one(key):
                    types.setdefault(key.owner, set()).add(key.type)
                    if key in keys:
                        stored[key] = held
            if owner not in types:
                below = self._items(f"{self.path}/recordsets?$recordsetnamesuffix={self._quoted(owner)}")
                types |= next(({key.owner: {key.type}} for key, _ in below if is_at_or_below(key.owner, owner)), {})
        return Held(types, stored)

    def _items(self, target: str) -> Iterator[tuple[Key, Json]]:
        for item in self.arm.pages(target, _LIST):
            with _making_sense(_LIST, self.zone):
                key = key_of(item, self.zone)
            yield key, item


@contextmanager
def _making_sense(doing: str, what: object) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise senseless(doing, f"{what}: {error!r}") from error
