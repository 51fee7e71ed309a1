"""Reading record sets: of small zones all at once, of large ones only the parts that the asked names lie in."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Irregular, Key, Name, RRset, ZoneRef, ancestors
from providers.route53.client import Client
from providers.route53.sweep import Fetch, Item, Page, everything, page_of, sweep
from providers.route53.text import requested_name, set_of
from providers.route53.zones import Zones
from providers.zonedata import ZoneData, holds

_PAGE = "300"


@dataclass(frozen=True, slots=True)
class Records:
    """The record sets of an account's zones."""

    client: Client
    zones: Zones

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read keys of one zone; the token has the sets as Route 53 spells them. Raises `ProviderError`.

        Zone cuts above a key hide it, so the names between it and the apex are looked at too; the apex is, where it has yet
        to be seen that this zone has this name.
        """
        confirmed = self.zones.require(zone)
        points = {above for key in keys if holds(zone.name, key.owner) for above in _down_from_apex(key.owner, zone.name)}
        if confirmed:
            points -= {zone.name} - {key.owner for key in keys}
        else:
            points |= {zone.name}
        items, types = self._look(zone, points)
        if zone.name in points and "SOA" not in types.get(zone.name, set()):
            raise self.zones.not_here(zone)
        self.zones.confirm(zone)
        data = ZoneData(zone.name, types, lambda key: set_of(key, items[key]) if key in items else None)
        snapshot = data.snapshot(zone, keys, "")
        return Snapshot(zone, snapshot.sets, snapshot.nodes, _token(snapshot.sets, items))

    def ttls(self, zone: ZoneRef) -> Iterator[tuple[str, int | None]]:
        """Give type and TTL of each set of the zone, page by page; None: that of an AWS resource. Raises `ProviderError`.

        An alias of another set of the zone has the TTL of that one, which is listed too
        (docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html).
        """
        if not self.zones.require(zone):
            self.read(zone, ())
        for _, item in everything(self._pages(zone)):
            if item.get("AliasTarget", {}).get("HostedZoneId") != zone.id:
                yield item["Type"], item.get("TTL")

    def _look(self, zone: ZoneRef, points: Collection[Name]) -> tuple[dict[Key, list[Item]], dict[Name, set[str]]]:
        """Give what is listed at these names, and which names hold which types: of others only what shows a point."""
        items: dict[Key, list[Item]] = defaultdict(list)
        types: dict[Name, set[str]] = {}
        shown: set[Name] = set()
        for owner, item in sweep(points, lambda name: {"StartRecordName": requested_name(name)}, self._pages(zone)):
            if owner in points and item is not None:
                items[Key(owner, item["Type"])].append(item)
                types.setdefault(owner, set()).add(item["Type"])
            elif owner not in points and (above := {name for name in ancestors(owner) if name in points} - shown):
                shown |= above
                types.setdefault(owner, set())
        return items, types

    def _pages(self, zone: ZoneRef) -> Fetch:
        def page(request: Mapping[str, str]) -> Page:
            answer = self.client.read("ListResourceRecordSets", HostedZoneId=zone.id, MaxItems=_PAGE, **request)
            return page_of(
                answer,
                "ResourceRecordSets",
                {
                    "StartRecordName": "NextRecordName",
                    "StartRecordType": "NextRecordType",
                    "StartRecordIdentifier": "NextRecordIdentifier",
                },
            )

        return page


def spelling(token: str) -> Mapping[str, Mapping[str, Any]]:
    """Give a snapshot's sets as Route 53 spells them, by their keys."""
    held: Mapping[str, Mapping[str, Any]] = json.loads(token) if token else {}
    return held


def _token(sets: Mapping[Key, RRset | Irregular | None], items: Mapping[Key, list[Item]]) -> str:
    plain = [key for key, held in sets.items() if isinstance(held, RRset) and key.type in MANAGED_TYPES]
    return json.dumps({str(key): items[key][0] for key in plain}, separators=(",", ":"))


def _down_from_apex(owner: Name, apex: Name) -> list[Name]:
    return [name for name in (owner, *ancestors(owner)) if holds(apex, name)]
