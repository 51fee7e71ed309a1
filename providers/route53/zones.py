"""Which public hosted zones an account holds. What was listed once is remembered."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from plans.values import Name, ZoneRef, ancestors, labels
from providers.contract import Rejected, ZoneNotFound
from providers.in_order import all_in_order
from providers.route53.client import Client
from providers.route53.sweep import Page, everything, page_of, sweep
from providers.route53.text import parsed_name, requested_name, sort_key

TYPE = "route53"
PAGE = "100"
AT_ONCE = 8
"""So many parts of the list are read at the same time."""
PART = 250
"""So many names at least are looked for in a part: where it begins and ends, a page may be read twice."""
_ID = re.compile(r"[A-Z0-9]{1,32}\Z")
_BOTH = "+"


class Zones:
    """The zones of one provider label. Several threads may use it at once.

    A zone's identity is its id, which no two zones of AWS share. The account is left empty: it would cost a call and a
    permission to learn it, and the profile or role under which one comes is no part of what a zone is. So a plan that was
    made with a role that reads can be applied with one that writes.

    Where an account holds two public zones of one name, nobody here knows which of them is delegated to. They are found as
    one zone with both ids, which `require` refuses: the other names of a run go on.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._ids: dict[Name, str] = {}
        self._names: dict[str, Name] = {}
        self._asked: set[Name] = set()
        self._complete = False

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give every public zone, by name. Raises `ProviderError`."""
        with self._lock:
            if not self._complete:
                self._remember(everything(self._page))
                self._complete = True
            held = sorted((name, zone_id) for zone_id, name in self._names.items() if name in self._ids)
        return (self._reference(name, zone_id) for name, zone_id in held)

    def find(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's zone, the longest match. Raises `ProviderError`."""
        chains = {name: _candidates(name) for name in names}
        with self._lock:
            unknown = set().union(*chains.values()) - self._asked
            if unknown and not self._complete:
                for _, found in all_in_order(self._among, _parts(unknown), AT_ONCE):
                    self._remember(found)
                self._asked |= unknown
            matches = {name: next((zone for zone in chain if zone in self._ids), None) for name, chain in chains.items()}
            return {name: self._reference(zone, self._ids[zone]) for name, zone in matches.items() if zone}

    def require(self, zone: ZoneRef) -> bool:
        """Refuse a reference that is not one of ours; tell whether id and name are known to belong together.

        Raises `ZoneNotFound`, and `Rejected` where two zones have that name.
        """
        ids = zone.id.split(_BOTH)
        ours = all(_ID.match(one) for one in ids) and zone == self._reference(zone.name, zone.id)
        if not ours or self._names.get(zone.id, zone.name) != zone.name:
            raise self.not_here(zone)
        if len(ids) > 1:
            raise Rejected(
                f"Route 53 holds more than one public zone {zone.name}",
                f"provider {self._client.label}: {', '.join(ids)}",
                "Delete those that the parent does not delegate to.",
            )
        return zone.id in self._names

    def confirm(self, zone: ZoneRef) -> None:
        """Remember that a zone's id and name belong together."""
        self._names[zone.id] = zone.name

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:
        """Give the servers that Route 53 assigned to a zone, whatever its NS records say. Raises `ProviderError`.

        It assigned them for good: only a zone that is made anew has others
        (https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateReusableDelegationSet.html).
        """
        self.require(zone)
        answer = self._client.read("GetHostedZone", Id=zone.id)
        if parsed_name(answer["HostedZone"]["Name"]) != zone.name:
            raise self.not_here(zone)
        self.confirm(zone)
        return frozenset(map(parsed_name, answer.get("DelegationSet", {}).get("NameServers", [])))

    def not_here(self, zone: ZoneRef) -> ZoneNotFound:
        """Make the error for a reference that is not ours."""
        detail = f"{zone.type} zone {zone.id!r} of account {zone.account!r} was asked for"
        return ZoneNotFound(f"zone {zone.name} is not at provider {self._client.label}", detail, "Make a new plan.")

    def _reference(self, name: Name, zone_id: str) -> ZoneRef:
        return ZoneRef(self._client.label, TYPE, "", zone_id, name)

    def _among(self, names: Collection[Name]) -> list[tuple[Name, Mapping[str, Any] | None]]:
        return sweep(names, lambda name: {"DNSName": requested_name(name)}, self._page)

    def _page(self, request: Mapping[str, str]) -> Page:
        """Ask for a page, and keep of its public zones the ids: of tens of thousands the rest takes much room."""
        answer = self._client.read("ListHostedZonesByName", MaxItems=PAGE, **request)
        page = page_of(answer, "HostedZones", {"DNSName": "NextDNSName", "HostedZoneId": "NextHostedZoneId"})
        public = ((name, item) for name, item in page.items if not item.get("Config", {}).get("PrivateZone", False))
        return replace(page, items=tuple((name, {"Id": item["Id"]}) for name, item in public))

    def _remember(self, found: Iterable[tuple[Name, Mapping[str, Any] | None]]) -> None:
        for name, item in found:
            if item is not None:
                zone_id = item["Id"].removeprefix("/hostedzone/")
                known = self._ids[name].split(_BOTH) if name in self._ids else []
                self._ids[name] = _BOTH.join(sorted({*known, zone_id}))
                self._names[zone_id] = name


def _parts(names: Collection[Name]) -> list[list[Name]]:
    """Part names so that those which lie together in the list stay together."""
    parts = min(AT_ONCE, max(1, len(names) // PART))
    in_list = sorted(names, key=sort_key)
    return [in_list[len(names) * part // parts : len(names) * (part + 1) // parts] for part in range(parts)]


def _candidates(name: Name) -> list[Name]:
    """Give the zones that could hold a name, longest first; no top-level domain can be one (CreateHostedZone)."""
    return [zone for zone in (name, *ancestors(name)) if len(labels(zone)) > 1]
