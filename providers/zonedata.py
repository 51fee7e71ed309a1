"""What adapters that hold a whole zone have in common: what stands at a key, which names exist, what may be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Irregular, Key, Live, Name, RRset, ZoneRef, ancestors, is_at_or_below
from providers.contract import Outcome, Status, Unsupported


def holds(zone: Name, owner: Name) -> bool:
    """Whether a name is the zone's apex or lies below it, whatever zone cuts lie between."""
    plain = owner == zone or owner.endswith("." + zone)
    return plain and ("\\" not in owner or is_at_or_below(owner, zone))


def highest_by_type(found: Iterable[tuple[str, int | None]]) -> dict[str, int] | None:
    """Give the highest TTL of each type of all that goes by; None as soon as there is a TTL that cannot be told."""
    highest: dict[str, int] = {}
    for rdata_type, ttl in found:
        if ttl is None:
            return None
        highest[rdata_type] = max(ttl, highest.get(rdata_type, 0))
    return highest


class ZoneData:
    """A reading view of one zone's records.

    `types` has every owner that holds records, with their types; `stored` gives the set stored at a key that `types` tells of.
    """

    def __init__(
        self, apex: Name, types: Mapping[Name, Iterable[str]], stored: Callable[[Key], RRset | Irregular | None]
    ) -> None:
        self._apex = apex
        self._stored = stored
        self._types = {owner: frozenset(held) for owner, held in types.items()}
        self._above = _names_above(apex, self._types)

    def node(self, owner: Name) -> frozenset[str] | None:
        """Give the types that a name holds: none for an empty non-terminal (RFC 4592 §2.2.2), None where it does not exist."""
        held = self._types.get(owner)
        return frozenset() if held is None and owner in self._above else held

    def live(self, key: Key) -> Live:
        """Give what stands at a key. Where the zone would never answer with a set, it is irregular, and so is its absence."""
        found = self._stored(key)
        if key.type not in MANAGED_TYPES:
            return found
        if hidden := self._hidden_by(key):
            return Irregular(key, f"hidden by {hidden}: the zone never answers with it")
        if found is not None and "CNAME" in self._types[key.owner]:
            return Irregular(key, "CNAME at the name")
        return found

    def obstacle(self, key: Key) -> str | None:
        """Say why a set must not be put at a key, None where nothing is against it."""
        held = self._types.get(key.owner, frozenset())
        if hidden := self._hidden_by(key):
            return f"{key.owner} is hidden by {hidden}, so the zone would never answer with it"
        if "CNAME" in held:
            return f"{key.owner} holds a CNAME, which stands alone (RFC 2181 section 10.1)"
        if key.type == "DS" and "NS" not in held:
            return f"{key.owner} is no delegation, and DS stands only at one (RFC 4035 section 2.4)"
        return None

    def snapshot(self, zone: ZoneRef, keys: Iterable[Key], token: str) -> Snapshot:
        """Give the contract's answer for the keys that were asked."""
        sets = {key: self.live(key) for key in keys}
        nodes = {key.owner: self.node(key.owner) for key in sets}
        return Snapshot(zone, sets, {owner: held for owner, held in nodes.items() if held is not None}, token)

    def _hidden_by(self, key: Key) -> str | None:
        """Name what hides a key: a zone cut at or above it (the cut itself holds DS, RFC 4035 §2.4) or a DNAME (RFC 6672)."""
        for owner in _from_below_apex(key.owner, self._apex):
            held = self._types.get(owner, frozenset())
            if "NS" in held and (owner != key.owner or key.type != "DS"):
                return f"the zone cut at {owner}"
            if "DNAME" in held and owner != key.owner:
                return f"the DNAME at {owner}"
        apex_renamed = "DNAME" in self._types.get(self._apex, frozenset()) and key.owner != self._apex
        return f"the DNAME at {self._apex}" if apex_renamed else None


def require_writable(zone: ZoneRef, wanted: RRset) -> None:
    """Refuse a set that no write could ever put into a zone of ours. Raises `Unsupported`."""
    key = wanted.key
    if key.type not in MANAGED_TYPES:
        reason = f"records of type {key.type} are read and never written"
    elif not holds(zone.name, key.owner):
        reason = f"{key.owner} does not lie in the zone"
    elif key.type == "DS" and key.owner == zone.name:
        reason = f"the DS of {zone.name} belongs into its parent zone (RFC 4035 section 2.4)"
    else:
        return
    raise Unsupported(
        f"zone {zone.name} cannot hold {key}", f"provider {zone.provider}: {reason}", "name the zone that this set belongs to"
    )


def guard(base: Snapshot, now: Callable[[Key], Live], changes: Sequence[Change]) -> dict[Key, Outcome] | None:
    """Compare what stands at the changes' keys now with the base and with what each change replaces.

    Gives None where all agree. Else no change may be made, and every change gets its outcome: a conflict where its own key
    differs (a key that the base does not hold differs), not tried for the others.
    """
    if len({change.key for change in changes}) != len(changes):
        msg = "two changes of one call name the same key"
        raise ValueError(msg)
    conflicts = {change.key: reason for change in changes if (reason := _disagreement(base, now(change.key), change))}
    if not conflicts:
        return None
    return {
        change.key: Outcome(Status.CONFLICT, conflicts[change.key])
        if change.key in conflicts
        else Outcome(Status.NOT_TRIED, "another change of the same call met a conflict")
        for change in changes
    }


def _disagreement(base: Snapshot, live: Live, change: Change) -> str | None:
    if change.key not in base.sets:
        return "the key was not read before the change"
    if base.sets[change.key] != live:
        return "the set changed since it was read"
    if live != change.before:
        return "the set is not the one that the change replaces"
    return None


def _names_above(apex: Name, owners: Iterable[Name]) -> set[Name]:
    """Give the names between the owners and the apex, the apex included."""
    above = {apex}
    for owner in owners:
        for upper in _from_below_apex(owner, apex):
            if upper != owner:
                if upper in above:
                    break
                above.add(upper)
    return above


def _from_below_apex(owner: Name, apex: Name) -> Iterator[Name]:
    """Give an owner in the zone and the names above it, lowest first, without the apex."""
    if "\\" in owner:
        yield from (upper for upper in (owner, *ancestors(owner)) if holds(apex, upper) and upper != apex)
        return
    while owner != apex and owner.endswith("." + apex):
        yield owner
        owner = Name(owner.partition(".")[2])
