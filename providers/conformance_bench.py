"""Where the cases of the conformance suite happen: an account that is made for each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key, Name, RRset, ZoneRef, is_at_or_below
from providers.conformance_cases import Held, Record, Write, irregular_records, owner_of, records_of, set_of, surroundings
from providers.contract import Provider


class Bench(ABC):
    """A provider's account as somebody else sees it: nothing here goes through the adapter."""

    @abstractmethod
    def open(self, zones: Mapping[Name, Collection[Record]]) -> Provider:
        """Make these zones, by apex, with these records and what the provider itself adds at the apex (SOA, NS)."""

    @abstractmethod
    def records(self, zone: Name) -> Collection[Record]:
        """Give all records of a zone, but for the SOA record and the NS records at the apex."""

    @abstractmethod
    def put(self, zone: Name, key: Key, records: Collection[Record]) -> None:
        """Let these be all the records of a key; without any, there is no such set."""

    def make_irregular(self, zone: Name, key: Key, kind: str) -> None:
        """Leave a set that cannot be owned, of a kind that the suite was told of.

        Raises:
            KeyError: the kind is no one's that plain records can make: an adapter with kinds of its own puts them itself.

        """
        records = irregular_records(key, kind)
        for rdata_type in {record.type for record in records}:
            self.put(zone, Key(key.owner, rdata_type), [record for record in records if record.type == rdata_type])


@dataclass(frozen=True, slots=True)
class Facts:
    """What an adapter's test class says of it; see `providers.conformance.Suite`."""

    types: frozenset[str]
    apex: Name
    atomic: bool
    cannot_hold: frozenset[str]

    @property
    def usual_type(self) -> str:
        """The type that a case takes where any will do."""
        return "MX" if "MX" in self.types else min(self.types)


@dataclass(slots=True)
class Scene:
    """An account with one zone that holds the surroundings and a case's own sets."""

    facts: Facts
    bench: Bench
    provider: Provider
    zone: ZoneRef

    def key(self, owner: str, rdata_type: str) -> Key:
        """Give a case's key in the zone."""
        return Key(owner_of(self.facts.apex, owner), rdata_type)

    def wanted(self, owner: str, rdata_type: str, held: Held | None) -> RRset | None:
        """Give a case's set as the adapter says that it will give it back."""
        return None if held is None else self.provider.canonical(self.zone, set_of(self.facts.apex, owner, rdata_type, held))

    def change(self, write: Write) -> Change:
        """Give a case's change."""
        before, after = (self.wanted(write.owner, write.type, held) for held in (write.before, write.after))
        return Change(before, after)

    def read(self, *keys: Key) -> Snapshot:
        """Read through the adapter."""
        return self.provider.read(self.zone, keys)

    def records(self) -> frozenset[Record]:
        """Give all that the zone holds, past the adapter."""
        return frozenset(self.bench.records(self.facts.apex))

    def types_of(self, owner: Name) -> frozenset[str] | None:
        """Tell from the records alone what a name holds."""
        owners = {record.owner for record in self.records()}
        types = frozenset(record.type for record in self.records() if record.owner == owner)
        return types if types or any(is_at_or_below(other, owner) for other in owners) else None

    def others(self, *keys: Key) -> frozenset[Record]:
        """Give the records of all other keys, past the adapter."""
        return frozenset(record for record in self.records() if Key(record.owner, record.type) not in keys)


def scene_of(facts: Facts, bench: Bench, *held: Write) -> Scene:
    """Make an account with the zone, in which stands what the cases say of before."""
    own = [records_of(set_of(facts.apex, one.owner, one.type, one.before)) for one in held if one.before]
    provider = bench.open({facts.apex: surroundings(facts.apex).union(*own)})
    return Scene(facts, bench, provider, provider.zones([facts.apex])[facts.apex])
