"""A small, strict Route 53 Domains on real HTTP.

Requests are read, and answers checked, by the service model that ships with the SDK; what the model does not know is refused.
Signatures are checked; roles are assumed at the emulated Route 53's STS. Operations take as many questions as `polls` says.
Faults are laid on requests beforehand.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY

from plans.values import Ds
from tests.emulators import http
from tests.emulators.http import Request, Response
from tests.emulators.route53 import Route53Emulator, Seen
from tests.emulators.route53_domains_wire import authenticated, error, failing, operation_of, written
from tests.emulators.route53_wire import Fault, Halting, Refusal, method_name

__all__ = ["Domain", "Fault", "Route53DomainsEmulator", "dnskey", "ds_of", "running"]

_THEN = datetime(2024, 6, 15, 12, tzinfo=UTC)
CONTACT = {"FirstName": "Erika", "LastName": "Mustermann", "Email": "erika@registrant.example", "PhoneNumber": "+49.301234567"}
"""Who registered every domain: nobody's business."""


@dataclass
class Domain:
    """A registered domain; `keys` are its DS as the service tells them."""

    name: str
    servers: tuple[str, ...] = ("ns1.elsewhere.example", "ns2.elsewhere.example")
    keys: list[dict[str, Any]] = field(default_factory=list)

    def put(self, *signers: Ds) -> None:
        """Let these be all its DS, as somebody at the console would."""
        self.keys = [_told(ds) for ds in signers]

    @property
    def signers(self) -> set[Ds]:
        return {Ds(key["KeyTag"], key["Algorithm"], key["DigestType"], key["Digest"].lower()) for key in self.keys}


@dataclass
class _Operation:
    """Something that the registry does in its own time; `left` is how many questions that takes yet."""

    id: str
    domain: Domain
    kind: str
    left: int
    carry_out: Callable[[], None]
    end: str
    message: str
    status: str = "SUBMITTED"
    flag: str | None = None


class Route53DomainsEmulator:
    """One account. `stale` is how many times a domain is told as it was after an operation ended; `most` DS a domain takes."""

    def __init__(self) -> None:
        self.sts = Route53Emulator()
        self.domains: dict[str, Domain] = {}
        self.page = 100
        self.polls, self.stale, self.most = 2, 0, 4
        self.flag: str | None = None
        self.denied: set[str] = set()
        self.seen: list[Seen] = []
        self._ends: deque[tuple[str, str]] = deque()
        self._operations: dict[str, _Operation] = {}
        self._before: dict[str, tuple[int, list[dict[str, Any]]]] = {}
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        return self.sts.url

    @url.setter
    def url(self, url: str) -> None:
        self.sts.url = url

    def register(self, name: str, *signers: Ds) -> Domain:
        domain = self.domains[name] = Domain(name)
        domain.put(*signers)
        return domain

    def fail(self, operation: str, *faults: Fault | None) -> None:
        """Lay faults on the next requests of an operation, in order; None lets one pass."""
        self._faults[operation].extend(faults)

    def end(self, status: str, message: str = "") -> None:
        """Let the next operation that is taken end so; beyond those that were told of, all are successful."""
        self._ends.append((status, message))

    def count(self, operation: str) -> int:
        return sum(1 for seen in self.seen if seen.operation == operation)

    @property
    def writes(self) -> list[str]:
        """What was asked to be changed, in order."""
        return [seen.operation.partition("Delegation")[0] for seen in self.seen if "Delegation" in seen.operation]

    def respond_to(self, request: Request) -> Response | None:
        if "x-amz-target" not in request.headers:
            return self.sts.respond_to(request)
        try:
            operation, parameters = operation_of(request)
        except Refusal as refusal:
            return error(refusal.code, refusal.message, refusal.status)
        with self._lock:
            self.seen.append(Seen(operation.name, parameters))
            fault = self._faults[operation.name].popleft() if self._faults[operation.name] else None
        if fault is None:
            return self._answer(request, operation, parameters)
        if fault.meanwhile:
            fault.meanwhile()
        return _spoiled(fault, request, self._answer(request, operation, parameters) if fault.is_answered else None)

    def _answer(self, request: Request, operation: Any, parameters: Mapping[str, Any]) -> Response:
        try:
            authenticated(request, self.url, self.sts.keys)
            self._authorize(operation.name)
            with self._lock:
                answer = getattr(self, f"_{method_name(operation.name)}")(parameters)
        except Refusal as refusal:
            return error(refusal.code, refusal.message, refusal.status)
        return written(operation, answer)

    def _authorize(self, operation: str) -> None:
        if operation in self.denied:
            who = "User: arn:aws:iam::123456789012:user/dns"
            raise Refusal("AccessDeniedException", f"{who} is not authorized to perform: route53domains:{operation}")

    def _domain(self, parameters: Mapping[str, Any]) -> Domain:
        if parameters["DomainName"] not in self.domains:
            raise Refusal("InvalidInput", f"Domain {parameters['DomainName']} not found in 123456789012 account.")
        return self.domains[parameters["DomainName"]]

    def _list_domains(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        size = min(parameters.get("MaxItems", 20), self.page)
        marker = parameters.get("Marker", "page-0")
        start = int(marker.removeprefix("page-"))
        told = [{"DomainName": name, "AutoRenew": True, "Expiry": _THEN} for name in self.domains]
        onward = {"NextPageMarker": f"page-{start + size}"} if len(told) > start + size else {}
        return {"Domains": told[start : start + size]} | onward

    def _get_domain_detail(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        domain = self._domain(parameters)
        left, keys = self._before.get(domain.name, (0, []))
        if left:
            self._before[domain.name] = left - 1, keys
        else:
            keys = domain.keys
        for operation in self._operations.values():
            if operation.domain is domain:
                self._asked(operation)
        answer = {
            "DomainName": domain.name, "Nameservers": [{"Name": server} for server in domain.servers], "AutoRenew": True,
            "RegistrantContact": CONTACT, "CreationDate": _THEN, "StatusList": ["clientTransferProhibited"],
        }  # fmt: skip
        return answer | ({"DnssecKeys": list(keys)} if keys else {})

    def _get_operation_detail(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        operation = self._operations.get(parameters["OperationId"])
        if operation is None:
            raise Refusal("InvalidInput", f"Operation {parameters['OperationId']} not found")
        self._asked(operation)
        answer = {
            "OperationId": operation.id, "Status": operation.status, "DomainName": operation.domain.name,
            "Type": operation.kind, "SubmittedDate": _THEN, "LastUpdatedDate": _THEN,
        }  # fmt: skip
        waiting = operation.status == "IN_PROGRESS" and operation.flag
        ended = operation.status == operation.end and operation.message
        return answer | ({"StatusFlag": operation.flag} if waiting else {}) | ({"Message": operation.message} if ended else {})

    def _associate_delegation_signer_to_domain(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        domain, attributes = self._domain(parameters), parameters["SigningAttributes"]
        try:
            octets = base64.b64decode(attributes["PublicKey"], validate=True)
            ds = ds_of(domain.name, dnskey(octets, attributes["Flags"], attributes["Algorithm"]))
        except (KeyError, binascii.Error):
            raise Refusal("InvalidInput", "Parameters in request are not valid") from None
        if attributes["Flags"] not in {256, 257} or attributes["Algorithm"] not in {8, 10, 13, 14, 15, 16}:
            raise Refusal("InvalidInput", "Parameters in request are not valid")
        if len(domain.keys) >= self.most:
            raise Refusal("DnssecLimitExceeded", f"Domain {domain.name} has {self.most} DS records already")
        if ds in domain.signers:
            self._ends.appendleft(("FAILED", "[Parameters in request are not valid]"))
        return self._accept(domain, "ADD_DNSSEC", lambda: domain.keys.append(_told(ds)))

    def _disassociate_delegation_signer_from_domain(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        domain = self._domain(parameters)
        held = [key for key in domain.keys if key["Id"] == parameters["Id"]]
        if not held:
            raise Refusal("InvalidInput", f"There is no DS with the id {parameters['Id']}")
        return self._accept(domain, "REMOVE_DNSSEC", lambda: domain.keys.remove(held[0]))

    def _accept(self, domain: Domain, kind: str, carry_out: Callable[[], None]) -> Mapping[str, Any]:
        for operation in self._operations.values():
            if operation.domain is domain and operation.status in {"SUBMITTED", "IN_PROGRESS"}:
                raise Refusal("DuplicateRequest", f"{operation.kind} of {domain.name} is already in progress")
        number = f"66ecae86-3e71-40f0-bea0-{len(self._operations):012}"
        end, message = self._ends.popleft() if self._ends else ("SUCCESSFUL", "")
        self._operations[number] = _Operation(number, domain, kind, self.polls, carry_out, end, message, flag=self.flag)
        return {"OperationId": number}

    def _asked(self, operation: _Operation) -> None:
        """Let an operation go on by one question."""
        if operation.status in {"SUBMITTED", "IN_PROGRESS"}:
            operation.left -= 1
            operation.status = "IN_PROGRESS" if operation.left > 0 else operation.end
            if operation.status == "SUCCESSFUL":
                self._before[operation.domain.name] = self.stale, list(operation.domain.keys)
                operation.carry_out()


def _spoiled(fault: Fault, request: Request, response: Response | None) -> Response | None:
    """Give what a fault leaves of an answer; where the service never got the request there is none."""
    if fault.drop:
        return None
    if response is None or fault.carried_out:
        return failing(fault, request)
    return Halting(response.status, response.body, response.headers) if fault.cut else response


def dnskey(octets: bytes, flags: int = 257, algorithm: int = 13) -> str:
    """Spell a DNSKEY of these octets (RFC 4034 §2.2)."""
    return f"{flags} 3 {algorithm} {base64.b64encode(octets).decode()}"


def ds_of(domain: str, key: str) -> Ds:
    """Give the DS of a DNSKEY, with a digest by SHA-256 as the service makes it."""
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DNSKEY, key)
    assert isinstance(rdata, dns.rdtypes.ANY.DNSKEY.DNSKEY)
    ds = dns.dnssec.make_ds(dns.name.from_text(domain), rdata, "SHA256")
    return Ds(int(ds.key_tag), int(ds.algorithm), int(ds.digest_type), ds.digest.hex())


def _told(ds: Ds) -> dict[str, Any]:
    """Tell a DS as the service does of domains at Amazon Registrar, without flags and key since 2026."""
    digest = ds.digest.upper()
    told = f"DS:{ds.key_tag}-{ds.algorithm}-{ds.digest_type}-{digest}"
    return {"KeyTag": ds.key_tag, "Algorithm": ds.algorithm, "DigestType": ds.digest_type, "Digest": digest, "Id": told}


running = http.running
