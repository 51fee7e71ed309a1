"""Azure DNS on loopback: the paths of Azure Resource Manager that zones, record sets and signing need.

What the service's reference leaves open is refused rather than taken.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.emulators import http
from tests.emulators.azure_dns_sets import MEMBERS, RefusedError, check, refused
from tests.emulators.http import Request, Response

API_VERSION = "2023-07-01-preview"
SUBSCRIPTION = "5f2c1c9e-0b7d-4c38-9a53-6f1d2e3a4b5c"
GROUP = "dns"
TOKEN = "eyJ0eXAiOiJKV1QifQ.emulated-token-0123456789.c2lnbmF0dXJl"
KEYS = [
    {
        "delegationSignerInfo": [],
        "flags": 256,
        "keyTag": 37721,
        "protocol": 3,
        "publicKey": "AQID",
        "securityAlgorithmType": 13,
    },
    {
        "delegationSignerInfo": [{"digestAlgorithmType": 2, "digestValue": "AB" * 32, "record": f"11920 13 2 {'AB' * 32}"}],
        "flags": 257,
        "keyTag": 11920,
        "protocol": 3,
        "publicKey": "BAUG",
        "securityAlgorithmType": 13,
    },
]


@dataclass
class Set:
    """A record set: its ETag, and its properties but for `fqdn`."""

    etag: str
    properties: dict[str, Any]


@dataclass
class Operation:
    """A long-running operation: how many polls until it ends, how it ends, and what is done then."""

    polls: int
    ends: str
    done: Callable[[], None]
    deletes: bool


@dataclass
class Zone:
    """A zone as it is kept; `signing` is the state of its DNSSEC configuration, None where there is none.

    `reported` is how many sets it is said to have, None: as many as it has.
    """

    name: str
    group: str
    sets: dict[tuple[str, str], Set] = field(default_factory=dict)
    signing: str | None = None
    kind: str | None = None
    reported: int | None = None


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request: dropped before or after it is carried out, or answered by something else instead.

    A lazy one is answered rightly, and no set is changed.
    """

    kind: Literal["drop-before", "drop-after", "answer", "answer-after", "slow", "lazy"]
    response: Response | None = None
    method: str | None = None


@dataclass(frozen=True)
class Slow(Response):
    """An answer that comes octet by octet."""

    pause: float = 0.05

    def parts(self) -> Iterator[bytes]:
        for octet in self.body:
            yield bytes([octet])
            time.sleep(self.pause)


def html(status: int) -> Response:
    """Make the answer of something that is not the service."""
    return Response(status, b"<html><body>Proxy login</body></html>", {"Content-Type": "text/html"})


class AzureDnsEmulator:
    """`faults` befall the next requests, in order; `before_read` and `before_write` are called once each.

    `replies` are bodies that it gives instead of its own, one a request.
    `log`, `heads` and `bodies` have every request as it came. A long-running operation ends as `ends` says, after `polls`.
    """

    def __init__(self) -> None:
        self.url = ""
        self.zones: dict[tuple[str, str], Zone] = {}
        self.page_size = 100
        self.latency = 0.0
        self.token = TOKEN
        self.faults: list[Fault] = []
        self.replies: list[Any] = []
        self.before_read: list[Callable[[], None]] = []
        self.before_write: list[Callable[[], None]] = []
        self.log: list[tuple[str, str]] = []
        self.heads: list[Mapping[str, str]] = []
        self.bodies: list[Any] = []
        self.polls = 1
        self.ends = "Succeeded"
        self.tell_operations = True
        self.operations_elsewhere = ""
        self._operations: dict[str, Operation] = {}
        self._etags = 0
        self.lock = threading.RLock()

    def add_zone(self, name: str, group: str = GROUP, *, signed: bool = False, kind: str | None = None) -> Zone:
        """Make a zone with what the service puts into it."""
        zone = Zone(name, group, kind=kind, signing="Succeeded" if signed else None)
        self.zones[group.lower(), name.lower()] = zone
        soa = {
            "email": "azuredns-hostmaster.microsoft.com",
            "expireTime": 2419200,
            "host": "ns1-01.azure-dns.com.",
            "minimumTTL": 300,
            "refreshTime": 3600,
            "retryTime": 300,
            "serialNumber": 1,
        }
        self.put(zone, "@", "SOA", {"TTL": 3600, "SOARecord": soa})
        self.put(zone, "@", "NS", {"TTL": 172800, "NSRecords": [{"nsdname": "ns1-01.azure-dns.com."}]})
        return zone

    def put(self, zone: Zone, name: str, kind: str, properties: dict[str, Any] | None) -> None:
        """Put or remove a set as somebody else would, without any check."""
        with self.lock:
            if properties is None:
                zone.sets.pop((name, kind), None)
            else:
                zone.sets[name, kind] = Set(self._etag(), properties)

    def respond_to(self, request: Request) -> Response | None:
        """Answer one request, or do what the next fault says."""
        time.sleep(self.latency)
        with self.lock:
            self.log.append((request.method, unquote(urlsplit(request.target).path)))
            self.heads.append(request.headers)
            self.bodies.append(json.loads(request.body) if request.body else None)
            due = bool(self.faults) and self.faults[0].method in {None, request.method}
            fault = self.faults.pop(0) if due else None
            if fault and fault.kind in {"drop-before", "answer"}:
                return fault.response
            if self.replies:
                return _json(200, self.replies.pop(0))
            hooks = self.before_read if request.method == "GET" else self.before_write
            if hooks:
                hooks.pop(0)()
            before = {key: dict(zone.sets) for key, zone in self.zones.items()}
            try:
                response = self._answer(request)
            except RefusedError as refusal:
                response = refusal.response
            if fault and fault.kind == "lazy":
                for key, zone in self.zones.items():
                    zone.sets = before[key]
        match fault:
            case Fault("drop-after" | "answer-after"):
                return fault.response
            case Fault("slow"):
                return Slow(response.status, response.body, response.headers)
            case _:
                return response

    def _answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise refused(401, "InvalidAuthenticationToken", "The access token is invalid.")
        parts = urlsplit(request.target)
        query = parse_qs(parts.query)
        if query.get("api-version") != [API_VERSION]:
            raise refused(400, "InvalidApiVersionParameter", "The api-version is invalid.")
        steps = [unquote(step) for step in parts.path.strip("/").split("/")]
        if [step.lower() for step in steps[:2]] != ["subscriptions", SUBSCRIPTION]:
            raise refused(404, "SubscriptionNotFound", f"The subscription '{steps[1:2]}' could not be found.")
        match [step.lower() for step in steps[2:5]], steps[5:]:
            case ["providers", "microsoft.network", "dnszones"], []:
                return self._list([self._zone_json(zone) for zone in self.zones.values()], request, query)
            case ["resourcegroups", group, "providers"], ["Microsoft.Network", kind, *rest]:
                return self._in_group(group, kind.lower(), rest, request, query)
            case _:
                raise refused(404, "InvalidResourceType", "The resource type could not be found.")

    def _in_group(self, group: str, kind: str, rest: list[str], request: Request, query: dict[str, list[str]]) -> Response:
        if kind in {"dnsoperationstatuses", "dnsoperationresults"}:
            return self._poll(kind, rest[0])
        held = {zone.name: zone for zone in self.zones.values() if zone.group.lower() == group}
        if kind != "dnszones" or not held:
            raise refused(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        if not rest:
            return self._list([self._zone_json(zone) for zone in held.values()], request, query)
        zone = self.zones.get((group, rest[0].lower()))
        if zone is None:
            raise refused(404, "ResourceNotFound", f"The Resource 'Microsoft.Network/dnszones/{rest[0]}' was not found.")
        match rest[1:], request.method:
            case [], "GET":
                return _json(200, self._zone_json(zone))
            case [("recordsets" | "all")], "GET":
                suffix = "".join(f".{given}" for given in query.get("$recordsetnamesuffix", []))
                sets = [self._set_json(zone, *key) for key in sorted(zone.sets) if key[0].endswith(suffix)]
                return self._list(sets, request, query)
            case ["dnssecConfigs", "default"], method:
                return self._signing(zone, method, request)
            case [kind, name], method if kind.upper() in MEMBERS:
                return self._set(zone, name.lower(), kind.upper(), method, request)
            case _:
                raise refused(405, "MethodNotAllowed", "There is no such call.")

    def _list(self, items: list[dict[str, Any]], request: Request, query: dict[str, list[str]]) -> Response:
        start = int(query.get("$skipToken", ["0"])[0])
        size = min(int(query.get("$top", [str(self.page_size)])[0]), self.page_size)
        body: dict[str, Any] = {"value": items[start : start + size]}
        if start + size < len(items):
            path = urlsplit(request.target).path
            kept = {name: values[0] for name, values in query.items() if name != "$skipToken"}
            body["nextLink"] = f"{self.url}{path}?{urlencode(kept)}&$skipToken={start + size}"
        return _json(200, body)

    def _set(self, zone: Zone, name: str, kind: str, method: str, request: Request) -> Response:
        held = zone.sets.get((name, kind))
        if method == "GET":
            if held is None:
                raise refused(404, "NotFound", f"The resource record '{name}' does not exist in resource group '{zone.group}'.")
            return _json(200, self._set_json(zone, name, kind))
        match, none_match = (request.headers.get(header) for header in ("if-match", "if-none-match"))
        if method == "DELETE":
            if held is None:
                return Response(204, b"")
            if match not in {None, held.etag}:
                raise refused(412, "PreconditionFailed", "The condition set in the request was not met (ETag mismatch).")
            del zone.sets[name, kind]
            return Response(200, b"")
        if (match and (held is None or match not in {"*", held.etag})) or (none_match == "*" and held):
            raise refused(412, "PreconditionFailed", "The condition set in the request was not met (ETag mismatch).")
        check(
            name,
            kind,
            json.loads(request.body),
            signed=zone.signing == "Succeeded",
            cname=(name, "CNAME") in zone.sets,
        )
        zone.sets[name, kind] = Set(self._etag(), json.loads(request.body)["properties"])
        return _json(200 if held else 201, self._set_json(zone, name, kind))

    def _signing(self, zone: Zone, method: str, request: Request) -> Response:
        match = request.headers.get("if-match")
        etag = f"signing-{zone.signing}"
        if method == "GET":
            if zone.signing is None:
                raise refused(404, "NotFound", "The DNSSEC configuration does not exist.")
            return _json(200, self._signing_json(zone))
        if (match and match != etag) or (request.headers.get("if-none-match") == "*" and zone.signing):
            raise refused(412, "PreconditionFailed", "The condition set in the request was not met.")
        if method == "PUT":
            known = zone.signing is not None
            zone.signing = "Creating"
            headers = self._operate(zone, lambda: setattr(zone, "signing", self.ends), deletes=False)
            return _json(
                200 if known else 201, self._signing_json(zone), {"Azure-AsyncOperation": headers["Azure-AsyncOperation"]}
            )
        if zone.signing is None:
            return Response(204, b"")
        zone.signing = "Deleting"
        return Response(202, b"", self._operate(zone, lambda: setattr(zone, "signing", None), deletes=True))

    def _operate(self, zone: Zone, done: Callable[[], None], *, deletes: bool) -> dict[str, str]:
        number = f"operation{len(self._operations)}"
        self._operations[number] = Operation(self.polls, self.ends, done, deletes)
        root = f"{self.operations_elsewhere or self.url}/subscriptions/{SUBSCRIPTION}/resourceGroups/{zone.group}"
        base = f"{root}/providers/Microsoft.Network"
        return {
            "Location": f"{base}/dnsOperationResults/{number}?api-version={API_VERSION}",
            "Azure-AsyncOperation": f"{base}/dnsOperationStatuses/{number}?api-version={API_VERSION}",
            "Retry-After": "60",
        }

    def tick(self) -> None:
        """Let time pass for all operations, as a poll does for one."""
        for operation in self._operations.values():
            self._go_on(operation)

    def _go_on(self, operation: Operation) -> None:
        operation.polls -= 1
        if operation.polls == 0:
            operation.done()

    def _poll(self, kind: str, number: str) -> Response:
        operation = self._operations[number]
        self._go_on(operation)
        if not self.tell_operations:
            raise refused(403, "AuthorizationFailed", "The client does not have authorization to perform the action.")
        running = operation.polls > 0
        if kind == "dnsoperationresults":
            return Response(202, b"", {"Retry-After": "60"}) if running else Response(204 if operation.deletes else 200, b"")
        body: dict[str, Any] = {"status": "InProgress" if running else operation.ends}
        if not running and operation.ends == "Failed":
            body["error"] = {"code": "SigningFailed", "message": "The zone could not be signed."}
        return _json(200, body, {"Retry-After": "60"} if running else {})

    def _zone_json(self, zone: Zone) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "maxNumberOfRecordSets": 10000,
            "numberOfRecordSets": len(zone.sets) if zone.reported is None else zone.reported,
            "nameServers": [f"ns{number}-01.azure-dns.{top}" for number, top in enumerate(("com", "net", "org", "info"), 1)],
        }
        if zone.kind:
            properties["zoneType"] = zone.kind
        return {
            "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{zone.group}/providers/Microsoft.Network/dnsZones/{zone.name}",
            "etag": "00000000-0000-0000-0000-000000000000",
            "location": "global",
            "name": zone.name,
            "type": "Microsoft.Network/dnsZones",
            "properties": properties,
            "tags": {"key1": "value1"},
        }

    def _set_json(self, zone: Zone, name: str, kind: str) -> dict[str, Any]:
        held = zone.sets[name, kind]
        spelled = "dnszones" if kind == "DS" else "dnsZones"  # as the service's own examples differ
        return {
            "id": f"{self._zone_json(zone)['id']}/{kind}/{name}",
            "etag": held.etag,
            "name": name,
            "type": f"Microsoft.Network/{spelled}/{kind}",
            "properties": {"fqdn": zone.name if name == "@" else f"{name}.{zone.name}", **held.properties},
        }

    def _signing_json(self, zone: Zone) -> dict[str, Any]:
        return {
            "id": f"{self._zone_json(zone)['id'].replace('dnsZones', 'dnszones')}/dnssecConfigs/default",
            "name": "default",
            "type": "Microsoft.Network/dnszones/dnssecConfigs",
            "etag": f"signing-{zone.signing}",
            "properties": {"provisioningState": zone.signing, "signingKeys": KEYS if zone.signing == "Succeeded" else []},
        }

    def _etag(self) -> str:
        self._etags += 1
        return f"00000000-0000-0000-0000-{self._etags:012d}"


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, json.dumps(body).encode(), headers or {})


running = http.running
