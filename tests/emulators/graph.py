"""A small, strict Microsoft Graph on real HTTP: domains, their two kinds of records, a partner's customers, and `$batch`.

It answers what the documentation says (https://learn.microsoft.com/graph/api/resources/domain, /graph/json-batching) and
nothing else; what a client gets wrong is an error here as it is there. Faults are laid on requests beforehand.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.emulators import http
from tests.emulators.http import Request, Response

running = http.running

REQUEST_ID = "6b1b2d4e-0d0f-4c47-9d27-2f0a5d4c8a11"

_CODES = {
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "Request_ResourceNotFound",
    429: "TooManyRequests",
}


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of an answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """These octets; None: Graph's error object for the status."""
    drop: bool = False
    """The connection is closed without an answer."""
    delay: float = 0.0
    """Seconds before anything is sent."""
    echo_token: bool = False
    """The error's message repeats the Authorization header, as a careless proxy might."""


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


def mx(label: str, exchange: str, /, **changes: Any) -> dict[str, Any]:
    """Make a mail exchange record as the service spells it."""
    return {
        "@odata.type": "#microsoft.graph.domainDnsMxRecord",
        "id": "2b672ab0-0bee-476f-b334-be436f2449bd",
        "isOptional": False,
        "label": label,
        "recordType": "Mx",
        "supportedService": "Email",
        "ttl": 3600,
        "mailExchange": exchange,
        "preference": 0,
    } | changes


def records(domain: str) -> list[dict[str, Any]]:
    """Make the usual records of a domain whose mail is at Exchange Online."""
    common = {"id": "62bea837-c94f-4b7f-9f0a-0d8e1d2f6c11", "isOptional": False, "supportedService": "Email", "ttl": 3600}
    return [
        mx(domain, f"{domain.replace('.', '-')}.mail.protection.outlook.com"),
        common | {
            "@odata.type": "#microsoft.graph.domainDnsTxtRecord", "label": domain, "recordType": "Txt",
            "text": "v=spf1 include:spf.protection.outlook.com -all",
        },
        common | {
            "@odata.type": "microsoft.graph.domainDnsCnameRecord", "label": f"autodiscover.{domain}", "recordType": "CName",
            "canonicalName": "autodiscover.outlook.com",
        },
        common | {
            "@odata.type": "#microsoft.graph.domainDnsSrvRecord", "label": f"_sip._tls.{domain}", "recordType": "Srv",
            "supportedService": "OfficeCommunicationsOnline", "nameTarget": "sipdir.online.lync.com", "port": 443,
            "priority": 100, "protocol": "_tls", "service": "_sip", "weight": 1,
        },
    ]  # fmt: skip


def verification_records(domain: str, text: str) -> list[dict[str, Any]]:
    """Make the records of which either proves a domain: a TXT, and the MX that Microsoft offers instead."""
    common = {"isOptional": False, "label": domain, "supportedService": "", "ttl": 3600}
    return [
        common | {
            "@odata.type": "#microsoft.graph.domainDnsTxtRecord", "id": "aceff52c-06a5-447f-ac5f-256ad243cc5c",
            "recordType": "Txt", "text": text,
        },
        common | {
            "@odata.type": "#microsoft.graph.domainDnsMxRecord", "id": "5fbde38c-0865-497f-82b1-126f596bcee9",
            "recordType": "Mx", "mailExchange": f"{text.removeprefix('MS=')}.msv1.invalid", "preference": 32767,
        },
    ]  # fmt: skip


def resource(domain: str, /, **changes: Any) -> dict[str, Any]:
    """Make a `domain` resource."""
    return {
        "id": domain,
        "authenticationType": "Managed",
        "availabilityStatus": None,
        "isAdminManaged": True,
        "isDefault": False,
        "isInitial": False,
        "isRoot": True,
        "isVerified": True,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"],
        "state": None,
    } | changes


def contract(customer: str, domain: str | None, /, **changes: Any) -> dict[str, Any]:
    """Make a partnership with a customer (https://learn.microsoft.com/graph/api/resources/contract)."""
    return {
        "id": f"{customer[:-4]}c0de",
        "deletedDateTime": None,
        "contractType": "ResellerPartner",
        "customerId": customer,
        "defaultDomainName": domain,
        "displayName": f"The customer {domain}",
    } | changes


def delegated_admin_customer(customer: str, title: str) -> dict[str, Any]:
    """Make a customer as delegated admin relationships have it (…/graph/api/resources/delegatedadmincustomer)."""
    return {"@odata.etag": 'W/"1"', "id": customer, "tenantId": customer, "displayName": title}


class GraphEmulator:
    """One tenant. `page_size` cuts collections into pages, `empty_pages` puts an empty one before each of them."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.resources: dict[str, dict[str, Any]] = {}
        self.records: dict[str, list[Any]] = {}
        self.verification: dict[str, list[Any]] = {}
        self.contracts: list[Any] = []
        self.delegated_admin_customers: list[Any] = []
        self.page_size = 1000
        self.empty_pages = False
        self.latency = 0.0
        self.url = ""
        self.seen: list[Seen] = []
        self._by_path: dict[str, list[Fault]] = {}
        self._by_number: dict[int, Fault] = {}
        self._links: dict[str, str] = {}
        self._responses: Callable[[list[Any]], Any] = lambda responses: responses
        self._lock = threading.Lock()

    def hold(self, *domains: str) -> None:
        """Let the tenant hold domains with their usual records."""
        for domain in domains:
            self.resources[domain] = resource(domain)
            self.records[domain] = records(domain)

    def hold_unverified(self, domain: str, text: str) -> None:
        """Let the tenant hold a domain that it has yet to prove with a TXT of this text."""
        self.resources[domain] = resource(domain, isVerified=False, supportedServices=[])
        self.records[domain] = []
        self.verification[domain] = verification_records(domain, text)

    def verify(self, domain: str) -> None:
        """Let the tenant have proved a domain: it has no service yet, and so no records either."""
        self._require(domain, verified=False)
        self.resources[domain] |= {"isVerified": True, "availabilityStatus": "AvailableImmediately"}

    def enable_email(self, domain: str) -> None:
        """Turn on Email for a domain that is verified, whereupon it has its usual records."""
        self._require(domain, verified=True)
        self.resources[domain]["supportedServices"].append("Email")
        self.records[domain] = records(domain)

    def _require(self, domain: str, *, verified: bool) -> None:
        if self.resources[domain]["isVerified"] is not verified:
            msg = f"{domain} is {'not verified yet' if verified else 'verified already'}"
            raise ValueError(msg)

    def fail(self, path: str, *faults: Fault) -> None:
        """Lay faults on the next requests for a path below the version path, or for a domain's records inside a batch."""
        self._by_path.setdefault(path, []).extend(faults)

    def fail_number(self, number: int, fault: Fault) -> None:
        """Lay a fault on the request with this number, from 0."""
        self._by_number[number] = fault

    def link(self, path: str, next_link: str) -> None:
        """Let the first page of a collection name this as its next page, whatever it is."""
        self._links[path] = next_link

    def respond(self, change: Callable[[list[Any]], Any]) -> None:
        """Change the list of responses of every batch before it is sent."""
        self._responses = change

    @property
    def paths(self) -> list[str]:
        """The paths asked for, in order, without the version path."""
        return [f"{seen.method} {seen.path}" for seen in self.seen]

    def respond_to(self, request: Request) -> Response | None:
        """Answer a request, or let happen what was laid on it."""
        time.sleep(self.latency)
        path = request.target.removeprefix("/v1.0")
        body = json.loads(request.body) if request.body else None
        fault = self._number_fault(Seen(request.method, path, request.headers, body)) or self._take_fault(path)
        if fault:
            return _happen(fault, request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _response(401, _error(401, "Access token is missing or invalid."))
        if not request.target.startswith("/v1.0/"):
            return _response(404, _error(404, "No such version."))
        if request.method == "GET":
            return _response(*self.answer(path))
        if path == "/$batch" and request.headers.get("content-type") == "application/json":
            return _response(*self.batch(body))
        return _response(405, _error(405, "Not here."))

    def _take_fault(self, path: str) -> Fault | None:
        with self._lock:
            faults = self._by_path.get(path)
            return faults.pop(0) if faults else None

    def _number_fault(self, seen: Seen) -> Fault | None:
        with self._lock:
            self.seen.append(seen)
            return self._by_number.pop(len(self.seen) - 1, None)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Answer a GET below the version path."""
        parts = urlsplit(path)
        steps = [unquote(step) for step in parts.path.strip("/").split("/")]
        match steps:
            case ["domains"]:
                return self._page(path, parts.path, parts.query, [self.resources[key] for key in sorted(self.resources)])
            case ["contracts"] | ["tenantRelationships", "delegatedAdminCustomers"]:
                listed, most = (self.contracts, 999) if len(steps) == 1 else (self.delegated_admin_customers, 300)
                return self._page(path, parts.path, parts.query, listed, most)
            case ["domains", domain, "serviceConfigurationRecords"] if domain in self.records:
                return self._page(path, parts.path, parts.query, self.records[domain])
            case ["domains", domain, "verificationDnsRecords"] if domain in self.verification:
                return self._page(path, parts.path, parts.query, self.verification[domain])
            case ["domains", domain, "serviceConfigurationRecords" | "verificationDnsRecords"]:
                return 404, _error(404, f"Resource '{domain}' does not exist.")
            case _:
                return 400, _error(400, f"Resource not found for the segment '{steps[0]}'.")

    def batch(self, body: Any) -> tuple[int, dict[str, Any]]:
        """Answer a `$batch`; replies come in no order."""
        requests = body.get("requests") if isinstance(body, dict) else None
        if not isinstance(requests, list) or not 1 <= len(requests) <= 20:
            return 400, _error(400, "The number of batched requests must be between 1 and 20.")
        ids = [request.get("id") for request in requests]
        if len(set(ids)) != len(ids) or not all(isinstance(value, str) for value in ids):
            return 400, _error(400, "Every batched request needs an id of its own.")
        if any(set(request) != {"id", "method", "url"} or request["method"] != "GET" for request in requests):
            return 400, _error(400, "Only id, method and url are taken here, and only GET.")
        if any(not request["url"].startswith("/domains") for request in requests):
            return 400, _error(400, "A batched url is relative to the version path.")
        responses = [self._part(request["id"], request["url"]) for request in reversed(requests)]
        return 200, {"responses": self._responses(responses)}

    def _part(self, number: str, path: str) -> dict[str, Any]:
        fault = self._take_fault(path)
        if fault:
            body = _error(fault.status, "A fault.") if fault.body is None else json.loads(fault.body)
            return {"id": number, "status": fault.status, "headers": dict(fault.headers), "body": body}
        status, answer = self.answer(path)
        return {"id": number, "status": status, "headers": {"Content-Type": "application/json"}, "body": answer}

    def _page(self, asked: str, path: str, query: str, values: list[Any], most: int = 0) -> tuple[int, dict[str, Any]]:
        """Give a page of some values; `most` is what `$top` may be at most, 0 where neither that nor `$select` is taken."""
        options = {key: given[0] for key, given in parse_qs(query).items()}
        kept = {key: value for key, value in options.items() if key in {"$top", "$select"}}
        if kept and not (most and 1 <= int(kept.get("$top", most)) <= most):
            return 400, _error(400, "Invalid page size specified, or an option that is not taken here.")
        start, _, kind = options.get("$skiptoken", "0-full").partition("-")
        at, size = int(start), min(self.page_size, int(kept.get("$top", self.page_size)))
        empty = self.empty_pages and kind == "full"
        page = [] if empty else [_selected(value, kept.get("$select")) for value in values[at : at + size]]
        body: dict[str, Any] = {"@odata.context": f"{self.url}/v1.0/$metadata#domains", "value": page}
        following = f"{at}-filled" if empty else f"{at + size}-full"
        if empty or at + size < len(values):
            carried = "".join(f"&{key}={value}" for key, value in kept.items())
            body["@odata.nextLink"] = f"{self.url}/v1.0{path}?$skiptoken={following}&$foo=a%2Fb{carried}"
        if asked in self._links:
            body["@odata.nextLink"] = self._links[asked]
        return 200, body


def _selected(value: Any, select: str | None) -> Any:
    if select is None or not isinstance(value, dict):
        return value
    return {key: value[key] for key in ("@odata.etag", *select.split(",")) if key in value}


def _error(status: int, message: str) -> dict[str, Any]:
    inner = {"date": "2026-11-24T10:00:00", "request-id": REQUEST_ID, "client-request-id": REQUEST_ID}
    return {"error": {"code": _CODES.get(status, "generalException"), "message": message, "innerError": inner}}


def _happen(fault: Fault, request: Request) -> Response | None:
    time.sleep(fault.delay)
    if fault.drop:
        return None
    message = request.headers.get("authorization", "") if fault.echo_token else "A fault."
    return _response(fault.status, _error(fault.status, message) if fault.body is None else fault.body, fault.headers)


def _response(status: int, body: bytes | dict[str, Any], headers: Mapping[str, str] = {}) -> Response:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, octets, {"request-id": REQUEST_ID} | dict(headers))
