"""Zones at a provider that we hold no key to, such as a customer's own: read in public DNS, changed by a person.

Public DNS answers what is asked and lists nothing. Of each asked name three things are thus found out beside the asked types:
whether it begins a zone of its own or is an alias (NS and CNAME are always asked), and whether it exists, or a wildcard
(RFC 4592) answered for it.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Irregular, Key, Live, Name, RRset, ZoneRef, ancestors, labels
from providers.contract import (
    CONTRACT_VERSION,
    Access,
    Adapter,
    Capabilities,
    Context,
    Lookup,
    Options,
    Outcome,
    Served,
    Unsupported,
)
from providers.zonedata import holds, require_writable

TYPE = "manual"
UNTOLD = "ANY"
"""Stands among a name's types for those that nobody asked for: the name exists, and holds none of those that were asked."""

_ALWAYS = ("NS", "CNAME")
_LONGEST = 253
"""Characters of a name before its last dot, 255 octets on the wire (RFC 1035 §3.1)."""


class Manual:
    """Every zone that public DNS has."""

    def __init__(self, label: str, lookup: Lookup) -> None:
        self._label = label
        self._lookup = lookup

    def catalogue(self) -> Iterator[ZoneRef]:
        """List nothing. Raises `Unsupported`."""
        raise Unsupported(
            f"Provider {self._label} cannot list its zones",
            "Public DNS has no list of them.",
            "Write the domains under domains: in the manifest.",
        )

    def access(self, zone: ZoneRef) -> Access:
        """Say that a zone can be read, since its servers answer with its SOA, and is not written. Raises `Unavailable`."""
        served = self._lookup.served(zone.name, [Key(zone.name, "SOA")])
        if not all(isinstance(one.held, RRset) for one in served.values()):
            return Access(readable=False, writable=False, detail="its servers answer with no SOA")
        return Access(readable=True, writable=False, detail="the zone is changed by hand")

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Find each name's zone as it is delegated. A zone of one label is a registry's: names in it are missing.

        Raises `Unavailable`.
        """
        found = {name: self._lookup.zone_of(name) for name in names}
        return {name: ZoneRef(self._label, TYPE, "", zone, zone) for name, zone in found.items() if len(labels(zone)) > 1}

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Ask every server of the zone for the keys.

        In `nodes`, a name that exists has those of its asked types, NS and CNAME that it holds, or `UNTOLD` in their place.
        Raises `Unavailable`, also where servers differ.
        """
        asked: dict[Name, set[str]] = defaultdict(set)
        for key in keys:
            if holds(zone.name, key.owner):
                asked[key.owner] |= {key.type, *_ALWAYS}
                for above in ancestors(key.owner):
                    if holds(zone.name, above):
                        asked[above].add("NS")
        served = self._lookup.served(zone.name, [Key(owner, kind) for owner, kinds in asked.items() for kind in kinds])
        reading = _Reading(zone.name, served)
        made = self._made_by_wildcards(zone.name, reading, {key.owner for key in keys if key.owner in asked})
        sets = {key: None if key.owner in made else reading.live(key) for key in keys}
        nodes = {key.owner: reading.types(key.owner) for key in keys if key.owner not in made}
        return Snapshot(zone, sets, {owner: held for owner, held in nodes.items() if held is not None})

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Give the set as it is: a person publishes what the step says. Raises `Unsupported`."""
        require_writable(zone, wanted)
        return wanted

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:  # noqa: ARG002 - the contract's
        """Name no server: whose they are is not known."""
        return frozenset()

    def signer(self) -> None:
        """Sign nothing: whoever runs the zone does."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:  # noqa: ARG002 - the contract's
        """Write nothing. Raises `Unsupported`."""
        raise Unsupported(
            f"Zone {base.zone.name} is changed by hand",
            f"Provider {self._label} is of type {TYPE}: no interface to write by is known.",
            "Make the change where the zone is kept, or name the provider that can in the manifest.",
        )

    def _made_by_wildcards(self, zone: Name, reading: _Reading, owners: Collection[Name]) -> frozenset[Name]:
        """Give the names that exist only in answers.

        A wildcard that answers for such a name answers alike for a made-up name beside it, and for one below it. A name that
        exists differs from what was made up beside it, or keeps the wildcard from what lies below it (RFC 4592 §3.3.1).
        """
        there = {owner for owner in owners if owner != zone and reading.types(owner)}
        beside = {above: _made_up(above) for above in {ancestors(owner)[0] for owner in there}}
        told = self._lookup.served(zone, [Key(name, "CNAME") for name in beside.values()])
        near = {above: name for above, name in beside.items() if told[Key(name, "CNAME")].owner_exists}
        twins = {owner: (near[above], _made_up(owner)) for owner in there if (above := ancestors(owner)[0]) in near}
        probes = {Key(twin, kind) for owner, pair in twins.items() for twin in pair for kind in reading.asked(owner)}
        found = _Reading(zone, self._lookup.served(zone, probes))
        return frozenset(owner for owner, pair in twins.items() if all(reading.of(owner) == found.of(twin) for twin in pair))


class _Reading:
    """What was served of one zone."""

    def __init__(self, zone: Name, served: Mapping[Key, Served]) -> None:
        self._zone = zone
        self._served: dict[Name, dict[str, Served]] = defaultdict(dict)
        for key, one in served.items():
            self._served[key.owner][key.type] = one

    def asked(self, owner: Name) -> Collection[str]:
        """Give the types that a name was asked for."""
        return self._served[owner].keys()

    def of(self, owner: Name) -> Mapping[str, object]:
        """Give what was answered for a name, by type, without a word of the name itself."""
        return {kind: (one.owner_exists, _content(one.held)) for kind, one in self._served[owner].items()}

    def live(self, key: Key) -> Live:
        """Give what stands at a key: nothing where it lies outside the zone, and what a zone cut hides is irregular."""
        if key.owner not in self._served:
            return None
        cut = self._cut(key.owner)
        if cut and (cut != key.owner or key.type not in {"NS", "DS"}):
            return Irregular(key, f"hidden by the zone cut at {cut}: the zone never answers with it")
        return self._served[key.owner][key.type].held

    def types(self, owner: Name) -> frozenset[str] | None:
        """Give the types that a name of this zone holds, `UNTOLD` where none was asked for, None where it does not exist."""
        served = self._served.get(owner, {})
        if self._cut(owner) not in {None, owner} or not any(one.owner_exists for one in served.values()):
            return None
        return frozenset(kind for kind, one in served.items() if isinstance(one.held, RRset)) or frozenset({UNTOLD})

    def _cut(self, owner: Name) -> Name | None:
        """Give the zone cut at a name or above it. Its NS may have come from the zone below, where one server has both."""
        for above in (owner, *ancestors(owner)):
            told = self._served[above].get("NS") if above in self._served else None
            if above != self._zone and told and isinstance(told.held, RRset):
                return above
        return None


def _content(held: Live) -> object:
    return (held.ttl, held.values) if isinstance(held, RRset) else held and held.reason


def _made_up(above: Name) -> Name:
    """Give a name that nobody has, one label below another, as far as there is room for one."""
    label = secrets.token_hex(8)[: max(0, _LONGEST - len(above))]
    return Name(f"{label}.{above}") if label else above


def _open(label: str, _options: Options, context: Context) -> Manual:
    return Manual(label, context.lookup)


ADAPTER = Adapter(
    contract=CONTRACT_VERSION,
    options=Options,
    capabilities=Capabilities(guard="a person writes", types=frozenset(MANAGED_TYPES), writes=False),
    open=_open,
)
