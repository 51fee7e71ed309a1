"""Record sets between Azure's JSON and DNS values.

https://learn.microsoft.com/rest/api/dns/record-sets
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never, cast

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from plans.values import MANAGED_TYPES, Ds, Irregular, Key, Mx, Name, Opaque, RRset, Tlsa, Txt, Value, name, parse_value, rrset

Json = dict[str, Any]

APEX = "@"
_READ_ONLY = {"fqdn", "provisioningState"}
_ALIASES = ("targetResource", "trafficManagementProfile")
"""What makes a set an alias of another Azure resource."""


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A record set as Azure holds it: what it is to DNS, the ETag of this state, and the metadata that a write would drop."""

    live: RRset | Irregular
    etag: str
    metadata: Mapping[str, str]


def relative(owner: Name, zone: Name) -> str:
    """Give an owner's name as Azure writes it: relative to the zone, the apex as `@`."""
    return APEX if owner == zone else owner.removesuffix(f".{zone}")


def key_of(item: Json, zone: Name) -> Key:
    """Tell which set an item of a listing is. The type's case varies between answers.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: it is no record set.

    """
    owner = zone if item["name"] == APEX else name(f"{item['name']}.{zone}")
    return Key(owner, item["type"].rpartition("/")[2].upper())


def ttl_of(item: Json) -> int | None:
    """Tell the TTL of an item of a listing; None: an alias, which is served with that of another resource.

    Raises:
        TypeError, LookupError, AttributeError: it is no record set.

    """
    properties = item["properties"]
    ttl = properties["TTL"]
    if not isinstance(ttl, int):
        msg = f"{ttl!r} is no TTL"
        raise TypeError(msg)
    return None if any(properties.get(target) for target in _ALIASES) else ttl


def stored_set(item: Json, key: Key) -> StoredSet:
    """Read one set.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: it is no record set.

    """
    properties = item["properties"]
    metadata = properties.get("metadata") or {}
    if not item["etag"] or not isinstance(item["etag"], str) or not isinstance(metadata, dict):
        msg = f"{key} has no ETag or senseless metadata"
        raise ValueError(msg)
    return StoredSet(_live(properties, key), item["etag"], metadata)


def token_of(stored: Mapping[Key, StoredSet]) -> str:
    """Give what a snapshot keeps of sets, so that one can be written without another look: ETag, metadata, what it held."""
    plain = {str(key): [held.etag, dict(held.metadata), _shown(held.live)] for key, held in stored.items()}
    return json.dumps(plain, separators=(",", ":"))


def stored_in(token: str, before: RRset) -> StoredSet | None:
    """Find a set in a snapshot's token; None: it is not there, or held something else than `before` when it was read."""
    found = json.loads(token or "{}").get(str(before.key))
    return StoredSet(before, found[0], found[1]) if found and found[2] == _shown(before) else None


def _shown(live: RRset | Irregular) -> list[str | int]:
    return [live.ttl, *map(str, live.values)] if isinstance(live, RRset) else []


def body_of(wanted: RRset, metadata: Mapping[str, str]) -> Json:
    """Give the body that puts a set; metadata is sent back, for a PUT replaces it too."""
    records = [_written(value) for value in wanted.values]
    kept = {"metadata": dict(metadata)} if metadata else {}
    return {"properties": {**kept, "TTL": wanted.ttl, _MEMBERS[wanted.key.type]: records}}


def texts(wanted: RRset) -> tuple[bytes, ...]:
    """Give all strings of a TXT set; of other sets none."""
    return tuple(string for value in wanted.values if isinstance(value, Txt) for string in _strings(value))


def _live(properties: Json, key: Key) -> RRset | Irregular:
    for target in _ALIASES:
        if properties.get(target):
            return Irregular(key, f"it is an alias of another Azure resource ({target})")
    member = _MEMBERS.get(key.type, "")
    known = {"TTL", "metadata", member, *_READ_ONLY}
    if strange := sorted(other for other, held in properties.items() if held and other not in known):
        return Irregular(key, f"it has {', '.join(strange)}, which a write would drop")
    held = properties.get(member)
    records = [held] if isinstance(held, dict) else held or []
    ttl = properties["TTL"]
    if not isinstance(ttl, int) or not isinstance(records, list):
        msg = f"{key} has no TTL or no list of records"
        raise TypeError(msg)
    if not records:
        return Irregular(key, "the set holds no record")
    try:
        return rrset(key.owner, key.type, ttl, [_READ[key.type](record) for record in records])
    except ValueError as error:
        if key.type in MANAGED_TYPES:
            return Irregular(key, f"it holds what cannot be written back: {error}")
        raise


def _written(value: Value) -> Json:
    match value:
        case Mx():
            return {"preference": value.preference, "exchange": value.exchange}
        case Ds():
            digest = {"algorithmType": value.digest_type, "value": value.digest.upper()}
            return {"keyTag": value.key_tag, "algorithm": value.algorithm, "digest": digest}
        case Tlsa():
            return {
                "usage": value.usage,
                "selector": value.selector,
                "matchingType": value.matching_type,
                "certAssociationData": value.association.upper(),
            }
        case Txt():
            return {"value": [string.decode("ascii") for string in _strings(value)]}
        case Opaque():
            msg = f"{value} is never written"
            raise TypeError(msg)
        case _:
            assert_never(value)


def _strings(value: Txt) -> tuple[bytes, ...]:
    rdata = cast("TXT", dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, value.text))
    return rdata.strings


def _text(strings: list[str]) -> Txt:
    if not strings:
        msg = "a text without strings"
        raise ValueError(msg)
    return Txt(" ".join(Txt.of(string).text for string in strings))


def _quoted(text: str) -> str:
    return Txt.of(text).text


_READ: dict[str, Callable[[Json], Value]] = {
    "A": lambda held: parse_value("A", held["ipv4Address"]),
    "AAAA": lambda held: parse_value("AAAA", held["ipv6Address"]),
    "CAA": lambda held: parse_value("CAA", f"{held['flags']} {held['tag']} {_quoted(held['value'])}"),
    "CNAME": lambda held: parse_value("CNAME", name(held["cname"])),
    "DS": lambda held: Ds(held["keyTag"], held["algorithm"], held["digest"]["algorithmType"], held["digest"]["value"].lower()),
    "MX": lambda held: Mx(held["preference"], name(held["exchange"])),
    "NAPTR": lambda held: parse_value(
        "NAPTR",
        f"{held['order']} {held['preference']} {_quoted(held['flags'])} {_quoted(held['services'])}"
        f" {_quoted(held['regexp'])} {name(held['replacement'])}",
    ),
    "NS": lambda held: parse_value("NS", name(held["nsdname"])),
    "PTR": lambda held: parse_value("PTR", name(held["ptrdname"])),
    "SOA": lambda held: parse_value(
        "SOA",
        f"{name(held['host'])} {name(held['email'])} {held['serialNumber']} {held['refreshTime']} {held['retryTime']}"
        f" {held['expireTime']} {held['minimumTTL']}",
    ),
    "SRV": lambda held: parse_value("SRV", f"{held['priority']} {held['weight']} {held['port']} {name(held['target'])}"),
    "TLSA": lambda held: Tlsa(held["usage"], held["selector"], held["matchingType"], held["certAssociationData"].lower()),
    "TXT": lambda held: _text(held["value"]),
}
_MEMBERS = {
    **{rdata_type: f"{rdata_type}Records" for rdata_type in _READ},
    "CAA": "caaRecords",
    "CNAME": "CNAMERecord",
    "SOA": "SOARecord",
}
TYPES = tuple(_READ)
"""Every type that the API has in this version."""
