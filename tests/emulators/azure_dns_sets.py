"""What the emulator of Azure DNS takes for a record set, and how it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.emulators.http import Response

MEMBERS = {
    "A": "ARecords",
    "AAAA": "AAAARecords",
    "CAA": "caaRecords",
    "CNAME": "CNAMERecord",
    "DS": "DSRecords",
    "MX": "MXRecords",
    "NAPTR": "NAPTRRecords",
    "NS": "NSRecords",
    "PTR": "PTRRecords",
    "SOA": "SOARecord",
    "SRV": "SRVRecords",
    "TLSA": "TLSARecords",
    "TXT": "TXTRecords",
}
RECORD: dict[str, dict[str, Any]] = {
    "MX": {"preference": int, "exchange": str},
    "DS": {"keyTag": int, "algorithm": int, "digest": {"algorithmType": int, "value": str}},
    "TLSA": {"usage": int, "selector": int, "matchingType": int, "certAssociationData": str},
    "TXT": {"value": [str]},
}
"""The members of a record of the types that may be put here."""


class RefusedError(Exception):
    """The request is refused with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def refused(status: int, code: str, message: str) -> RefusedError:
    """Make a refusal in the service's envelope for errors."""
    return RefusedError(error(status, code, message))


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make an answer in the service's envelope for errors."""
    return Response(status, json.dumps({"error": {"code": code, "message": message}}).encode(), headers or {})


def check(name: str, kind: str, body: Any, *, signed: bool, cname: bool) -> None:
    """Refuse a PUT that is wrong; `signed` tells of the zone, `cname` whether the name has one."""
    shape = {"TTL", MEMBERS[kind]}
    properties = body.get("properties", {})
    _require(kind in RECORD, f"Sets of type {kind} are not written in these tests.")
    _require(
        set(body) == {"properties"} and shape <= set(properties) <= shape | {"metadata"}, "Members are unknown or missing."
    )
    records = properties[MEMBERS[kind]]
    _require(type(properties["TTL"]) is int and 1 <= properties["TTL"] <= 2**31 - 1, "The TTL is invalid.")
    _require(all(isinstance(value, str) for value in properties.get("metadata", {}).values()), "The metadata is invalid.")
    _require(1 <= len(records) <= 20, "A record set has 1 to 20 records.")
    _require(len({json.dumps(record) for record in records}) == len(records), "Two records are the same.")
    _require(all(_has_shape(record, RECORD[kind]) for record in records), "A record is invalid.")
    strings = [part for record in records if kind == "TXT" for part in record["value"]]
    _require(all(len(part) <= 255 for part in strings), "A string has at most 255 characters.")
    _require(sum(map(len, strings)) <= 4096, "The strings of a set have at most 4096 characters.")
    _require(kind not in {"DS", "TLSA"} or signed, f"{kind} records are taken in signed zones only.")
    _require(not cname, "A CNAME record set exists at the name.")
    _require(bool(re.fullmatch(r"@|\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", name)), "The name is invalid.")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise refused(400, "BadRequest", message)


def _has_shape(held: Any, shape: Any) -> bool:
    match shape:
        case dict():
            known = isinstance(held, dict) and set(held) == set(shape)
            return known and all(_has_shape(held[member], inner) for member, inner in shape.items())
        case [inner]:
            return isinstance(held, list) and bool(held) and all(_has_shape(one, inner) for one in held)
        case _:
            return type(held) is shape
