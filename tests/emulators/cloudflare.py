"""A small, strict Cloudflare API v4 on real HTTP: zones, DNS records, batches, DNSSEC.

It answers what the documentation says (https://developers.cloudflare.com/api/) and nothing else; what a client gets wrong is an
error here as it is there. Faults are laid on requests beforehand. The limits of queries and fields are the vendor's schema.
"""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.emulators import http
from tests.emulators.cloudflare_zone import VENDOR, Refused, Zone
from tests.emulators.http import Request, Response

ROOT = "/client/v4"
ACCOUNT = "a" * 32
_ROUTES = {
    ("GET", "/zones"): "zones.list",
    ("GET", "/zones/Z"): "zones.get",
    ("GET", "/zones/Z/dns_records"): "records.list",
    ("POST", "/zones/Z/dns_records/batch"): "records.batch",
    ("GET", "/zones/Z/dnssec"): "dnssec.get",
    ("PATCH", "/zones/Z/dnssec"): "dnssec.edit",
    ("DELETE", "/zones/Z/dnssec"): "dnssec.delete",
}
_DEFAULT_PAGE = {"zones": 20, "records": 100}
_NOT_DONE = {"account.name", "order", "direction", "match", "search"}


@dataclass(frozen=True)
class Fault:
    """What happens to a request. `done`: the request is carried out all the same, and only its answer is lost."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """These octets; None: the error object, or the true answer where the status is 200."""
    drop: bool = False
    """The connection is closed without an answer."""
    lazy: bool = False
    """The answer is the true one, and no record was changed."""
    done: bool = False
    code: int = 1000
    delay: float = 0.0
    """Seconds before anything is sent."""
    drip: float = 0.0
    """Seconds between the octets of the answer."""
    echo_token: bool = False
    """The error repeats the Authorization header, as a careless proxy might."""
    before: Callable[[], object] = lambda: None
    """What somebody else does just before the request is carried out."""
    alter: Callable[[Any], Any] = lambda result: result
    """How the true result is changed before it is sent."""


@dataclass
class Seen:
    """One request as it arrived, what was answered, and whether it changed anything."""

    operation: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    status: int = 0
    answer: Any = None
    committed: bool = False


@dataclass(frozen=True)
class _Dripping(Response):
    pause: float = 0.0

    def parts(self) -> Iterator[bytes]:
        for octet in self.body:
            yield bytes([octet])
            time.sleep(self.pause)


class CloudflareEmulator:
    """What one API token sees. `largest_page` is what the service gives at most, whatever is asked for."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.url = ""
        self.latency = 0.0
        self.largest_page = 5_000_000
        self.zones: dict[str, Zone] = {}
        self.seen: list[Seen] = []
        self._faults: dict[str, list[Fault]] = {}
        self.lock = threading.RLock()

    @property
    def endpoint(self) -> str:
        return self.url + ROOT

    @property
    def operations(self) -> list[str]:
        """What was asked for, in order."""
        return [seen.operation for seen in self.seen]

    @property
    def commits(self) -> list[str]:
        """The requests that changed something, in order."""
        return [seen.operation for seen in self.seen if seen.committed]

    def add(self, name: str, account: str = ACCOUNT, **facts: Any) -> Zone:
        """Let there be a zone."""
        with self.lock:
            zone = Zone(f"{len(self.zones) + 1:032x}", name, account, **facts)
            self.zones[zone.id] = zone
            return zone

    def zone(self, name: str) -> Zone:
        """Give the zone of a name."""
        return next(zone for zone in self.zones.values() if zone.name == name)

    def fail(self, operation: str, *faults: Fault) -> None:
        """Lay faults on the next requests of an operation."""
        self._faults.setdefault(operation, []).extend(faults)

    def respond_to(self, request: Request) -> Response | None:
        """Answer a request, or let happen what was laid on it."""
        time.sleep(self.latency)
        url = urlsplit(request.target)
        plain = re.sub(r"(?<=/zones/)[^/]+", "Z", url.path.removeprefix(ROOT))
        operation = _ROUTES.get((request.method, plain), f"{request.method} {url.path}")
        body = json.loads(request.body) if request.body else None
        seen = Seen(operation, dict(parse_qsl(url.query)), request.headers, copy.deepcopy(body))
        with self.lock:
            self.seen.append(seen)
            faults = self._faults.get(operation)
            fault = faults.pop(0) if faults else None
        if fault is None:
            self._answer(seen, url.path, lambda result: result)
            return _response(seen.status, seen.answer)
        fault.before()
        if fault.done or (fault.status == 200 and fault.body is None and not fault.drop):
            self._answer(seen, url.path, fault.alter, lazy=fault.lazy)
        return self._happen(fault, seen)

    def _happen(self, fault: Fault, seen: Seen) -> Response | None:
        time.sleep(fault.delay)
        if fault.drop:
            return None
        message = seen.headers.get("authorization", "") if fault.echo_token else "An error was asked for."
        given = seen.answer if fault.status == 200 else _failure(fault.code, message)
        octets = json.dumps(given).encode() if fault.body is None else fault.body
        return _Dripping(fault.status, octets, fault.headers, fault.drip)

    def _answer(self, seen: Seen, path: str, alter: Callable[[Any], Any], *, lazy: bool = False) -> None:
        with self.lock:
            before = {zone.id: dict(zone.records) for zone in self.zones.values()} if lazy else {}
            try:
                self._authenticate(seen.headers)
                result, info = self._result(seen, path)
                seen.status = 200
                seen.answer = {"success": True, "errors": [], "messages": [], "result": alter(result)} | info
            except Refused as refused:
                seen.status, seen.answer = refused.status, _failure(refused.code, refused.message)
            for zone_id, records in before.items():
                self.zones[zone_id].records, seen.committed = records, False

    def _authenticate(self, headers: Mapping[str, str]) -> None:
        given = headers.get("authorization", "")
        if "x-auth-key" in headers or "x-auth-email" in headers or not re.fullmatch(r"Bearer \S+", given):
            raise Refused(6003, "Invalid request headers")
        if given != f"Bearer {self.token}":
            raise Refused(9109, "Invalid access token", 403)

    def _result(self, seen: Seen, path: str) -> tuple[Any, dict[str, Any]]:
        if seen.operation not in _ROUTES.values():
            raise Refused(7000, f"No route for {seen.operation}", 404)
        if seen.operation == "zones.list":
            held = [_zone_object(zone) for zone in self.zones.values()]
            wanted = {"name": lambda one: one["name"], "account.id": lambda one: one["account"]["id"]}
            return self._page("zones", seen.query, held, wanted)
        zone_id = path.removeprefix(f"{ROOT}/zones/").partition("/")[0]
        if not re.fullmatch(r"[0-9a-f]{32}", zone_id):
            raise Refused(7003, f"Could not route to {path}")
        if (zone := self.zones.get(zone_id)) is None:
            raise Refused(1001, "Invalid zone identifier", 404)
        match seen.operation:
            case "zones.get":
                return _zone_object(zone), {}
            case "records.list":
                held = copy.deepcopy(list(zone.records.values()))
                by = {"name": lambda one: one["name"], "type": lambda one: one["type"]}
                return self._page("records", seen.query, held, by)
            case "records.batch":
                if seen.headers.get("content-type") != "application/json":
                    raise Refused(1000, "no JSON", 415)
                result = zone.batch(seen.body)
                seen.committed = True
                return result, {}
            case _:
                return self._dnssec(zone, seen), {}

    def _page(
        self, kind: str, query: Mapping[str, str], held: list[Any], filters: Mapping[str, Callable[[Any], Any]]
    ) -> tuple[list[Any], dict[str, Any]]:
        bounds = VENDOR["queries"][kind]
        for parameter, value in query.items():
            if parameter not in bounds or parameter in _NOT_DONE:
                raise Refused(1000, f"{parameter} is no parameter here")
            low, high = bounds[parameter].get("minimum", 0), bounds[parameter].get("maximum", float("inf"))
            if bounds[parameter]["type"] == "number" and not low <= int(value) <= high:
                raise Refused(1000, f"{parameter} must be between {low} and {high}")
        chosen = [one for one in held if all(of(one) == query[key] for key, of in filters.items() if key in query)]
        number = int(query.get("page", 1))
        size = min(int(query.get("per_page", _DEFAULT_PAGE[kind])), self.largest_page)
        page = chosen[(number - 1) * size : number * size]
        pages = -(-len(chosen) // size)
        info = {"page": number, "per_page": size, "count": len(page), "total_count": len(chosen), "total_pages": pages}
        return page, {"result_info": info}

    def _dnssec(self, zone: Zone, seen: Seen) -> Any:
        if seen.operation == "dnssec.edit":
            if set(seen.body) != {"status"} or seen.body["status"] not in {"active", "disabled"}:
                raise Refused(1000, "status must be active or disabled")
            if seen.body["status"] == "active":
                zone.dnssec = "active" if zone.ds_at_parent else "pending"
            elif zone.dnssec_modified:
                zone.dnssec = "pending-disabled" if zone.ds_at_parent else "disabled"
            zone.dnssec_modified = zone.now()
            seen.committed = True
        if seen.operation == "dnssec.delete":
            if zone.dnssec != "disabled":
                raise Refused(1000, "DNSSEC must be disabled first", 409)
            zone.dnssec_modified = None
            seen.committed = True
            return "0" * 32
        return _dnssec_object(zone)


def _response(status: int, body: Any) -> Response:
    return Response(status, json.dumps(body).encode())


def _failure(code: int, message: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}


def _zone_object(zone: Zone) -> dict[str, Any]:
    return {
        "id": zone.id, "name": zone.name, "status": zone.status, "type": zone.kind, "paused": False, "development_mode": 0,
        "name_servers": list(zone.name_servers), "original_name_servers": None, "original_registrar": None,
        "original_dnshost": None, "created_on": "2024-01-01T05:20:00.12345Z", "modified_on": "2024-01-01T05:20:00.12345Z",
        "activated_on": None, "meta": {"step": 2}, "owner": {"id": None, "type": "user", "email": None},
        "account": {"id": zone.account, "name": "An account"}, "plan": {"id": "p" * 32, "legacy_id": zone.plan},
    } | ({"vanity_name_servers": list(zone.vanity)} if zone.vanity else {})  # fmt: skip


def _dnssec_object(zone: Zone) -> dict[str, Any]:
    if zone.dnssec == "disabled" and zone.dnssec_modified is None:
        return {"status": "disabled", "modified_on": None}
    return {
        "status": zone.dnssec, "flags": 257, "algorithm": "13", "key_type": "ECDSAP256SHA256", "digest_type": "2",
        "digest_algorithm": "SHA256", "digest": "0F" * 32, "key_tag": 42, "public_key": "oXiGYrSTO+LSCJ3mohc8EP+CzF9KxBj8",
        "ds": f"{zone.name}. 3600 IN DS 42 13 2 {'0F' * 32}", "modified_on": zone.dnssec_modified,
    }  # fmt: skip


running = http.running
