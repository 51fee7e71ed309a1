"""Which domains an account has registered, and what the registrar holds of each. What was listed once is remembered."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plans.snapshot import Snapshot
from plans.values import Ds, Irregular, Key, Live, Name, ZoneRef, ancestors, name, parse_value, rrset
from providers.aws.errors import Lost, Refused, garbled
from providers.contract import ZoneNotFound
from providers.route53_domains.client import SERVICE, Client

TYPE = "route53-domains"
REGISTRY_TTL = 86_400
"""Seconds. The registry sets the TTL of DS and NS, and the API does not tell it: waits count from this, some for longer than
they need to."""

_PAGE = 100
_ID = re.compile(r"DS:([0-9]{1,5})-([0-9]{1,3})-([0-9]{1,3})-([0-9A-Fa-f]+)\Z")
"""How Amazon Registrar names a DS: key tag, algorithm, digest type, digest. Other registrars number them."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the registrar holds of a domain at one moment: its DS, each with the API's id, and its name servers.

    `gap` tells of a DS that the API gives in part alone.
    """

    zone: ZoneRef
    signers: Mapping[Ds, str]
    servers: tuple[Name, ...]
    gap: str = ""

    def live(self, key: Key) -> Live:
        """Give what stands at a key: of the domain itself DS and NS, and nothing else anywhere."""
        if key.owner != self.zone.name:
            return None
        match key.type:
            case "DS" if self.gap:
                return Irregular(key, self.gap)
            case "DS" if self.signers:
                return rrset(key.owner, key.type, REGISTRY_TTL, self.signers)
            case "NS" if self.servers:
                return rrset(key.owner, key.type, REGISTRY_TTL, [parse_value("NS", server) for server in self.servers])
            case _:
                return None

    def snapshot(self, keys: Collection[Key]) -> Snapshot:
        """Give the contract's answer for the keys that were asked."""
        own = (Key(self.zone.name, "DS"), Key(self.zone.name, "NS"))
        types = frozenset(key.type for key in own if self.live(key) is not None)
        nodes = {key.owner: types for key in keys if key.owner == self.zone.name}
        return Snapshot(self.zone, {key: self.live(key) for key in keys}, nodes)


class Domains:
    """The domains of one provider label. Several threads may use it at once.

    The list is read whole, 100 domains a call, where somebody asks for names: asking for one name takes a call for itself and
    for each name above it, and unless AWS raised an account's quota all its domains are one page
    (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html).
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._names: frozenset[Name] | None = None

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give every domain, by name. Raises `ProviderError`."""
        return (self._reference(domain) for domain in sorted(self._listed()))

    def find(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's domain, the longest match. Raises `ProviderError`."""
        registered = self._listed() if names else frozenset()
        chains = {asked: (asked, *ancestors(asked)) for asked in names}
        matches = {asked: next((domain for domain in chain if domain in registered), None) for asked, chain in chains.items()}
        return {asked: self._reference(domain) for asked, domain in matches.items() if domain}

    def require(self, zone: ZoneRef) -> None:
        """Refuse a reference that is not one of ours. Raises `ZoneNotFound`."""
        if zone != self._reference(zone.name):
            raise self._not_here(zone)

    def held(self, zone: ZoneRef) -> Held:
        """Ask what the registrar holds of a domain. Raises `ProviderError`."""
        self.require(zone)
        try:
            answer = self._client.read("GetDomainDetail", DomainName=zone.id)
        except Refused as error:
            if error.code == "InvalidInput":  # the name is all that was put in: the account has no such domain
                raise self._not_here(zone) from None
            raise
        try:
            domain, *servers = map(name, [answer["DomainName"], *(server["Name"] for server in answer.get("Nameservers", ()))])
        except (KeyError, ValueError):
            raise self._garbled(zone) from None
        if domain != zone.name:
            raise self._garbled(zone)
        keys = answer.get("DnssecKeys", ())
        signers = dict(found for item in keys if (found := _signer(item)))
        gap = "" if len(signers) == len(keys) else "the registrar tells a DS in part alone"
        return Held(zone, signers, tuple(servers), gap)

    def _listed(self) -> frozenset[Name]:
        with self._lock:
            if self._names is None:
                self._names = frozenset(self._pages())
            return self._names

    def _pages(self) -> Iterator[Name]:
        onward: dict[str, str] = {}
        while True:
            answer = self._client.read("ListDomains", MaxItems=_PAGE, **onward)
            try:
                yield from [name(item["DomainName"]) for item in answer["Domains"]]
            except (KeyError, ValueError):
                raise garbled(f"provider {self._client.label}, ListDomains", SERVICE) from None
            before, onward = onward, {"Marker": answer.get("NextPageMarker", "")}
            if not onward["Marker"]:
                return
            if onward == before:
                raise garbled(f"provider {self._client.label}, ListDomains", SERVICE, "a page leads to itself")

    def _reference(self, domain: Name) -> ZoneRef:
        """Make a domain's reference: no two accounts can have registered it, so its name is all that it takes."""
        return ZoneRef(self._client.label, TYPE, "", domain.removesuffix("."), domain)

    def _garbled(self, zone: ZoneRef) -> Lost:
        return garbled(f"provider {self._client.label}, GetDomainDetail of {zone.id}", SERVICE)

    def _not_here(self, zone: ZoneRef) -> ZoneNotFound:
        detail = f"{zone.type} zone {zone.id!r} of account {zone.account!r} was asked for"
        return ZoneNotFound(f"domain {zone.name} is not at provider {self._client.label}", detail, "Make a new plan.")


def _signer(item: Mapping[str, Any]) -> tuple[Ds, str] | None:
    """Read a DS and its id; None where a part is missing or makes no sense.

    For some registries the API leaves the algorithm out, and only the id that Amazon Registrar gives has it.
    """
    in_id = _ID.match(item.get("Id", ""))
    try:
        spelled = _ds(*in_id.groups()) if in_id else None
        algorithm = item.get("Algorithm", spelled and spelled.algorithm)
        found = _ds(item["KeyTag"], algorithm, item["DigestType"], item["Digest"])
    except (KeyError, TypeError, ValueError):
        return None
    return (found, item["Id"]) if item.get("Id") and spelled in {None, found} else None


def _ds(tag: str, algorithm: str, digest_type: str, digest: str) -> Ds:
    return Ds(int(tag), int(algorithm), int(digest_type), digest.lower())
