"""How Route 53 spells names and values: escapes are octal there, where a zone file's are decimal (RFC 1035 §5.1).

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html and …/ResourceRecordTypes.html#TXTFormat
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from plans.values import Irregular, Key, Name, RRset, Value, labels, name, parse_value, rrset

_ESCAPE = re.compile(r"\\(?:(\d{3})|(.))", re.DOTALL)
_OCTAL = re.compile(r"\\(?:([0-3][0-7]{2})|.)", re.DOTALL)
_SPECIAL = re.compile(r"[^a-z0-9_-]")

_NOT_PLAIN = {
    "AliasTarget": "it is an alias to another AWS resource",
    "TrafficPolicyInstanceId": "it is made by a traffic policy",
    "Weight": "it has a weighted routing policy",
    "Region": "it has a latency routing policy",
    "GeoLocation": "it has a geolocation routing policy",
    "GeoProximityLocation": "it has a geoproximity routing policy",
    "Failover": "it has a failover routing policy",
    "MultiValueAnswer": "it has a multivalue answer routing policy",
    "CidrRoutingConfig": "it has an IP-based routing policy",
    "SetIdentifier": "it has a routing policy",
    "HealthCheckId": "it depends on a health check",
}
"""What a plain set never has, the most telling first."""


def stored_name(of: Name) -> str:
    """Give a name as Route 53 stores and lists it: all but letters, digits, `-` and `_` as octal escapes."""
    return "".join(label + "." for label in _stored_labels(of))


def requested_name(of: Name) -> str:
    """Give a name for a request: as it is stored, but a wildcard's asterisk is written plainly."""
    stored = stored_name(of)
    return "*." + stored.removeprefix("\\052.") if stored.startswith("\\052.") else stored


def sort_key(of: Name) -> str:
    """Give what Route 53 sorts names by: the stored labels, last one first. A name's key begins those of all names below it."""
    return "".join(label + "." for label in reversed(_stored_labels(of)))


def parsed_name(text: str) -> Name:
    """Parse a name of an answer.

    Raises:
        ValueError: it is none.

    """
    return name(_decimal(text))


def spelled(value: Value) -> str:
    """Give a value as Route 53 takes it."""
    return _ESCAPE.sub(lambda found: f"\\{int(found[1]):03o}" if found[2] is None else found[0], str(value))


def set_of(key: Key, items: list[Mapping[str, Any]]) -> RRset | Irregular:
    """Make a set from all that is listed at its key; what is no plain set is irregular."""
    special = next((why for member, why in _NOT_PLAIN.items() for item in items if member in item), None)
    if special is not None:
        return Irregular(key, special)
    if len(items) > 1:
        return Irregular(key, "it is listed more than once")
    (item,) = items
    texts = [record["Value"] for record in item.get("ResourceRecords", [])]
    try:
        values = [parse_value(key.type, _decimal(text)) for text in texts]
        return rrset(key.owner, key.type, item.get("TTL", -1), values)
    except ValueError as error:
        return Irregular(key, f"it cannot be understood: {error}")


def _decimal(text: str) -> str:
    return _OCTAL.sub(lambda found: f"\\{int(found[1], 8):03d}" if found[1] else found[0], text)


def _stored_labels(of: Name) -> list[str]:
    return [_stored_label(label) for label in labels(of)]


def _stored_label(label: str) -> str:
    octets = _ESCAPE.sub(lambda found: chr(int(found[1])) if found[2] is None else found[2], label)
    return _SPECIAL.sub(lambda found: f"\\{ord(found[0]):03o}", octets)
