"""A zone as Cloudflare keeps it: one object a record, judged as the API judges it before it is stored."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

VENDOR = json.loads((Path(__file__).parents[1] / "data" / "cloudflare" / "openapi-2024-08-06.json").read_text())
_NAME = re.compile(r"(?:[a-z0-9_*-]{1,63}\.)*[a-z0-9-]{1,63}\Z")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
_KEYS = {"id", "name", "type", "ttl", "content", "priority", "data", "comment", "tags", "proxied", "settings"}
_LIMITS = {"free": 200, "pro": 3500, "business": 3500, "enterprise": 3500}
_DATA = {"DS": ("key_tag", "algorithm", "digest_type", "digest"), "TLSA": ("usage", "selector", "matching_type", "certificate")}

NO_RECORD, EXISTS, IDENTICAL, INVALID = 81044, 81057, 81058, 9000


class Refused(Exception):
    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass
class Zone:
    """One zone; `records` are the API's objects by id. `plan`, `kind` and `status` are the API's words."""

    id: str
    name: str
    account: str
    plan: str = "free"
    kind: str = "full"
    status: str = "active"
    name_servers: tuple[str, ...] = ("bob.ns.cloudflare.com", "lola.ns.cloudflare.com")
    vanity: tuple[str, ...] = ()
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    dnssec: str = "disabled"
    dnssec_modified: str | None = None
    ds_at_parent: bool = False
    clock: int = 0

    def now(self) -> str:
        self.clock += 1
        return f"2024-06-15T12:{self.clock // 60 % 60:02}:{self.clock % 60:02}.{self.clock // 3600:06}Z"

    def hold(self, rdata_type: str, owner: str, ttl: float = 300, **fields: Any) -> dict[str, Any]:
        """Put a record as it is, whatever the API would say of it."""
        now = self.now()
        record_id = f"{self.clock:024x}{self.id[-8:]}"
        record = {"comment": None, "tags": [], "proxied": False, "settings": {}, "meta": {}} | fields
        self.records[record_id] = {
            "id": record_id, "name": owner, "type": rdata_type, "ttl": ttl, "created_on": now, "modified_on": now,
            "proxiable": rdata_type in {"A", "AAAA", "CNAME"},
        } | record  # fmt: skip
        return self.records[record_id]

    def batch(self, body: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Do all or nothing: deletes, patches, puts, posts."""
        if not isinstance(body, dict) or set(body) - {"deletes", "patches", "puts", "posts"}:
            raise Refused(INVALID, "unknown parts of a batch")
        if sum(map(len, body.values())) > _LIMITS[self.plan]:
            raise Refused(INVALID, f"a batch may hold {_LIMITS[self.plan]} records")
        before = copy.deepcopy(self.records)
        try:
            return {
                "deletes": [self._delete(one) for one in body.get("deletes", ())],
                "patches": [self._change(one) for one in body.get("patches", ())],
                "puts": [self._change(one, whole=True) for one in body.get("puts", ())],
                "posts": [self._post(one) for one in body.get("posts", ())],
            }
        except Refused:
            self.records = before
            raise

    def _delete(self, one: Mapping[str, Any]) -> dict[str, Any]:
        if one.get("id") not in self.records:
            raise Refused(NO_RECORD, "Record does not exist.", 404)
        return self.records.pop(one["id"])

    def _change(self, one: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
        if one.get("id") not in self.records:
            raise Refused(NO_RECORD, "Record does not exist.", 404)
        old = self.records[one["id"]]
        defaults: dict[str, Any] = {"comment": None, "tags": [], "proxied": False, "settings": {}} if whole else {}
        new = old | defaults | dict(one)
        self._judge(new, one)
        self.records[one["id"]] = _completed(new | {"modified_on": self.now()})
        return copy.deepcopy(self.records[one["id"]])

    def _post(self, one: Mapping[str, Any]) -> dict[str, Any]:
        if "id" in one:
            raise Refused(INVALID, "a new record has no id")
        self._judge({**one, "id": ""}, one)
        fields = {key: value for key, value in one.items() if key not in {"type", "name", "ttl"}}
        return copy.deepcopy(_completed(self.hold(one["type"], one["name"], one["ttl"], **fields)))

    def _judge(self, record: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        if strangers := set(sent) - _KEYS:
            raise Refused(INVALID, f"unknown fields {sorted(strangers)}")
        rdata_type, owner = record.get("type"), record.get("name")
        if missing := set(VENDOR["records"].get(rdata_type, {"required": ["type", "name"]})["required"]) - set(record):
            raise Refused(INVALID, f"{sorted(missing)} are required")
        if not isinstance(owner, str) or not _NAME.match(owner):
            raise Refused(INVALID, f"name {owner!r} is not written in Punycode without a final dot")
        if owner != self.name and not owner.endswith("." + self.name):
            raise Refused(INVALID, f"name {owner} does not lie in {self.name}")
        self._judge_ttl(record.get("ttl"))
        _judge_rdata(record)
        others = [one for one in self.records.values() if one["id"] != record["id"] and one["name"] == owner]
        if any(_rdata(one) == _rdata(record) and one["type"] == rdata_type for one in others):
            raise Refused(IDENTICAL, "An identical record already exists.")
        if rdata_type == "DS" and (owner == self.name or not any(one["type"] == "NS" for one in others)):
            raise Refused(INVALID, "a DS record needs NS records of the same name")
        if owner != self.name and any(one["type"] == "CNAME" for one in others):
            raise Refused(81053, "An A, AAAA, or CNAME record with that host already exists.")

    def _judge_ttl(self, ttl: object) -> None:
        floor = 30 if self.plan == "enterprise" else 60
        if ttl != 1 and not (isinstance(ttl, int) and floor <= ttl <= VENDOR["ttl"][0]["maximum"]):
            raise Refused(INVALID, f"ttl {ttl} must be between {floor} and 86400, or 1 for automatic")


def _judge_rdata(record: Mapping[str, Any]) -> None:
    match record["type"]:
        case "DS" | "TLSA":
            _judge_data(record["data"], VENDOR["records"][record["type"]]["data"])
        case "MX":
            # Whether the service takes the null MX is not documented; here it does.
            if record["content"] != "." and not _NAME.match(record["content"]):
                raise Refused(INVALID, f"content {record['content']!r} is no hostname")
            if not (isinstance(record["priority"], int) and 0 <= record["priority"] <= 65535):
                raise Refused(INVALID, "priority is out of its range")
        case "TXT":
            try:
                dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, record["content"])
            except dns.exception.DNSException as error:
                raise Refused(INVALID, f"content is no quoted strings: {error}") from error
            if not record["content"].startswith('"'):
                raise Refused(INVALID, "content is not quoted")
        case _:
            pass


def _judge_data(data: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
    for part, bounds in parts.items():
        value = data.get(part)
        if bounds["type"] == "number":
            fits = isinstance(value, int | float) and bounds["minimum"] <= value <= bounds["maximum"]
        else:
            fits = isinstance(value, str) and bool(_HEX.match(value))
        if not fits:
            raise Refused(INVALID, f"data.{part} {value!r} does not fit")


def _rdata(record: Mapping[str, Any]) -> object:
    data = record.get("data") or {}
    found = [str(data[part]).lower() for part in _DATA.get(record["type"], ()) if part in data]
    return found or [record.get("content"), record.get("priority")]


def _completed(record: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the API writes itself: the content of a record whose RDATA is in its data."""
    if record["type"] in _DATA:
        record["content"] = " ".join(str(record["data"][part]) for part in _DATA[record["type"]])
    return record
