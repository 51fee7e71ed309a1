"""A hosted zone of the emulator, and what the service makes of a batch of changes."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from tests.emulators.route53_wire import Refusal


@dataclass
class Zone:
    """A hosted zone: sets by stored name, type and set identifier."""

    id: str
    name: str
    private: bool = False
    servers: tuple[str, ...] = ("ns-1.awsdns-01.com", "ns-2.awsdns-02.net", "ns-3.awsdns-03.org", "ns-4.awsdns-04.co.uk")
    sets: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    protected: dict[tuple[str, str], str] = field(default_factory=dict)
    serves: str = "NOT_SIGNING"
    status_message: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    ds_at_parent: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, name: str, rdata_type: str, ttl: int, *values: str, **members: Any) -> None:
        """Put a set there as somebody else would, by the console."""
        item = {"Name": stored(name), "Type": rdata_type, **members}
        if values:
            item |= {"TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}
        self.sets[stored(name), rdata_type, members.get("SetIdentifier", "")] = item

    def remove(self, name: str, rdata_type: str) -> None:
        for key in [key for key in self.sets if key[:2] == (stored(name), rdata_type)]:
            del self.sets[key]


def stored(name: str) -> str:
    """Spell a name as the service stores it: lower case, final dot, octal escapes."""
    octets = re.sub(rb"\\([0-3][0-7]{2})", lambda found: b"\\%03d" % int(found[1], 8), name.lower().encode())
    parsed = dns.name.from_text(octets.decode(), dns.name.root)
    text = ""
    for label in parsed.labels[:-1]:
        text += "".join(chr(c) if chr(c) in "abcdefghijklmnopqrstuvwxyz0123456789-_" else f"\\{c:03o}" for c in label) + "."
    return text


def in_list(name: str) -> str:
    """What the service sorts a stored name by."""
    return ".".join(reversed(name.rstrip(".").split("."))) + "."


def changed(
    zone: Zone, changes: list[Mapping[str, Any]], *, upserts: bool = False
) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Give the zone's sets after a batch, which overwrites with `upserts` only. Raises `Refusal`: then nothing is changed."""
    values = [record["Value"] for one in changes for record in one["ResourceRecordSet"].get("ResourceRecords", [])]
    if len(values) > 1000:
        raise Refusal("InvalidChangeBatch", f"[Number of records limit of 1000 exceeded ({len(values)})]")
    if sum(map(len, values)) > 32_000:
        raise Refusal("InvalidChangeBatch", "[Maximum allowed characters 32000 exceeded]")
    sets = dict(zone.sets)
    wrong = []
    for change in changes:
        item = change["ResourceRecordSet"] | {"Name": stored(change["ResourceRecordSet"]["Name"])}
        key = item["Name"], item["Type"], item.get("SetIdentifier", "")
        if key[:2] in zone.protected:
            wrong.append(f"The resource record set [name='{key[0]}', type='{key[1]}'] is protected: {zone.protected[key[:2]]}")
        elif reason := _wrong(zone, sets, _action(change, is_there=key in sets, upserts=upserts), key, item):
            wrong.append(reason)
        elif change["Action"] == "DELETE":
            del sets[key]
        else:
            sets[key] = item
    if wrong:
        raise Refusal("InvalidChangeBatch", f"[{', '.join(wrong)}]")
    return sets


def _action(change: Mapping[str, Any], *, is_there: bool, upserts: bool) -> str:
    """Give what is to be done; an UPSERT is taken for a creation, or for an overwriting, which is no mistake."""
    if change["Action"] == "UPSERT" and upserts:
        return "OVERWRITE" if is_there else "CREATE"
    return str(change["Action"])


def _wrong(zone: Zone, sets: Mapping[Any, Any], action: str, key: tuple[str, str, str], item: Mapping[str, Any]) -> str | None:
    if not ("." + key[0]).endswith("." + zone.name):
        return f"RRSet with DNS name {key[0]} is not permitted in zone {zone.name}"
    named = f"resource record set [name='{key[0]}', type='{key[1]}']"
    if action == "DELETE":
        if key not in sets:
            return f"Tried to delete {named} but it was not found"
        same = _compared(item) == _compared(sets[key])
        return None if same else f"Tried to delete {named} but the values provided do not match the current values"
    if action == "OVERWRITE":
        return _bad_values(key[1], item)
    if action != "CREATE":
        raise Refusal("InvalidInput", f"{action} is not for clients that look before they leap")
    beside = {held[1] for held in sets if held[0] == key[0]}
    if key[1] in beside:
        return f"Tried to create {named} but it already exists"
    return _misplaced(zone, beside, key) or _bad_values(key[1], item)


def _misplaced(zone: Zone, beside: set[str], key: tuple[str, str, str]) -> str | None:
    if beside and (key[1] == "CNAME" or "CNAME" in beside):
        return (
            f"RRSet of type {key[1]} with DNS name {key[0]} is not permitted because a conflicting RRSet of type {min(beside)} "
            f"with the same DNS name already exists in zone {zone.name}"
        )
    if key[1] == "DS" and (key[0] == zone.name or "NS" not in beside):
        return f"RRSet of type DS with DNS name {key[0]} is not permitted without a delegation"
    return None


def _bad_values(rdata_type: str, item: Mapping[str, Any]) -> str | None:
    if "TTL" not in item or not item.get("ResourceRecords"):
        raise Refusal("InvalidInput", "Invalid request: Missing field 'TTL' or 'ResourceRecords'")
    values = [record["Value"] for record in item["ResourceRecords"]]
    if len(set(values)) != len(values):
        return f"Duplicate Resource Record: '{max(values, key=values.count)}'"
    for value in values:
        if rdata_type == "TXT" and not value.startswith('"'):
            return f"Invalid Resource Record: FATAL problem: InvalidCharacterString encountered with '{value}'"
        decimal = re.sub(
            r"\\(?:([0-3][0-7]{2})|(.))", lambda found: f"\\{int(found[1], 8):03d}" if found[1] else found[0], value
        )
        if re.search(r"\\[4-9]", value) or not value.isascii():
            return f"Invalid Resource Record: '{value}'"
        try:
            dns.rdata.from_text(
                dns.rdataclass.IN, dns.rdatatype.from_text(rdata_type), decimal, dns.name.root, relativize=False
            )
        except dns.exception.DNSException as error:
            return f"Invalid Resource Record: FATAL problem: {error} encountered with '{value}'"
    return None


def _compared(item: Mapping[str, Any]) -> Any:
    return {name: value for name, value in item.items() if name != "ResourceRecords"}, sorted(
        record["Value"] for record in item.get("ResourceRecords", [])
    )
