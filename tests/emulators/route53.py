"""A small, strict Amazon Route 53 on real HTTP, with the part of STS that assumes roles.

Requests are read, and answers written, by the service model that ships with the SDK; what the model does not know is refused.
Signatures are checked. Behaviour is that of https://docs.aws.amazon.com/Route53/latest/APIReference/. Faults are laid on
requests beforehand.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY

from tests.emulators.http import Request, Response
from tests.emulators.route53_wire import (
    OPERATIONS,
    Fault,
    Halting,
    Refusal,
    Signer,
    error,
    failing,
    method_name,
    parameters_of,
    path_of,
    running,
    written,
    wrong_signature,
)
from tests.emulators.route53_zone import Zone, changed, in_list, stored

__all__ = [
    "KEY_ID",
    "KMS_KEYS",
    "ROLE",
    "ROLE_SECRET",
    "ROLE_TOKEN",
    "SECRET",
    "Bucket",
    "Fault",
    "Route53Emulator",
    "Seen",
    "Zone",
    "running",
]

KEY_ID, SECRET = "AKIAEMULATOR00000001", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ROLE_KEY_ID, ROLE_SECRET = "ASIAEMULATOR00000002", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"
ROLE_TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE" * 12
ROLE = "arn:aws:iam::123456789012:role/dns"
KMS_KEYS = tuple(f"arn:aws:kms:us-east-1:123456789012:key/0000000{number}-aaaa-bbbb-cccc-000000000000" for number in (1, 2, 3))


@dataclass(frozen=True)
class Seen:
    """One request as it arrived, by its operation."""

    operation: str
    parameters: Mapping[str, Any]


class Route53Emulator:
    """One account. `page` and `zone_page` are the service's own limits unless a test makes them smaller.

    UPSERT, which overwrites what it has not seen, is refused unless `upserts` is set for a program that is none of ours.
    """

    def __init__(self) -> None:
        self.url = ""
        self.zones: dict[str, Zone] = {}
        self.keys: dict[str, tuple[str, str | None]] = {KEY_ID: (SECRET, None)}
        self.external_id: str | None = None
        self.page, self.zone_page = 300, 100
        self.order: Callable[[str], Any] = in_list
        self.latency = 0.0
        self.change_seconds = 0.0
        self.upserts = False
        self.bucket: Bucket | None = None
        self.denied: set[str] = set()
        self.seen: list[Seen] = []
        self.committed: list[Mapping[str, Any]] = []
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._lock = threading.Lock()

    def add_zone(self, name: str, *, private: bool = False) -> Zone:
        """Make a hosted zone with what the service puts into it."""
        zone_id = "Z" + hashlib.sha256(f"{name} {len(self.zones)}".encode()).hexdigest()[:13].upper()
        zone = self.zones[zone_id] = Zone(zone_id, stored(name), private)
        zone.put(zone.name, "NS", 172800, *(f"{server}." for server in zone.servers))
        zone.put(zone.name, "SOA", 900, f"{zone.servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400")
        return zone

    def fail(self, operation: str, *faults: Fault | None) -> None:
        """Lay faults on the next requests of an operation, in order; None lets one pass."""
        self._faults[operation].extend(faults)

    def count(self, operation: str) -> int:
        return sum(1 for seen in self.seen if seen.operation == operation)

    def respond_to(self, request: Request) -> Response | None:
        time.sleep(self.latency)
        try:
            operation, shape, parameters = self._read(request)
        except Refusal as refusal:
            return error(refusal.code, refusal.message, refusal.status)
        with self._lock:
            self.seen.append(Seen(operation, parameters))
            fault = self._faults[operation].popleft() if self._faults[operation] else None
        if fault is None:
            return self._answer(request, operation, shape, parameters)
        if fault.meanwhile:
            fault.meanwhile()
        if not fault.is_answered:
            return None if fault.drop else failing(fault, request)
        before = {zone.id: zone.sets for zone in self.zones.values()}
        response = self._answer(request, operation, shape, parameters)
        if fault.lazy:
            for zone in self.zones.values():
                zone.sets = before[zone.id]
        time.sleep(fault.delay)
        if fault.drop:
            return None
        if fault.cut or fault.stall:
            return Halting(response.status, response.body, response.headers, fault.stall)
        return failing(fault, request) if fault.carried_out else response

    def _answer(self, request: Request, operation: str, shape: Any, parameters: Mapping[str, Any]) -> Response:
        if self.bucket and not self.bucket.take():
            return error("Throttling", "Rate exceeded", 400)
        try:
            self._authenticate(request, operation)
            if operation == "AssumeRole":
                return self._assume_role(parameters)
            answer, headers = getattr(self, f"_{method_name(operation)}")(parameters)
        except Refusal as refusal:
            return error(refusal.code, refusal.message, refusal.status)
        return written(shape, answer, headers)

    def _read(self, request: Request) -> tuple[str, Any, Mapping[str, Any]]:
        """Find the operation by the model's method and path, and its parameters by the model's shapes."""
        url = urlsplit(request.target)
        if url.path == "/" and request.method == "POST":
            return "AssumeRole", None, dict(parse_qsl(request.body.decode()))
        for operation in OPERATIONS:
            if (path := path_of(operation, request.method, url.path)) is not None:
                return operation.name, operation.output_shape, parameters_of(operation, path, url.query, request.body)
        raise Refusal("UnknownOperationException", f"{request.method} {url.path}", 404)

    def _authenticate(self, request: Request, operation: str) -> None:
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d+)/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w+)",
            request.headers.get("authorization", ""),
        )
        if not found:
            raise Refusal("MissingAuthenticationToken", "Missing Authentication Token", 403)
        key_id, _, region, service, signed, signature = found.groups()
        if key_id not in self.keys:
            raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
        secret, token = self.keys[key_id]
        if request.headers.get("x-amz-security-token") != token:
            raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid", 403)
        if (
            told := wrong_signature(request, self.url, Signer(key_id, secret, service, region), signed.split(";"), signature)
        ) is not None:
            raise Refusal("SignatureDoesNotMatch", told, 403)
        if operation in self.denied:
            message = f"User: arn:aws:iam::123456789012:user/dns is not authorized to perform: route53:{operation}"
            raise Refusal("AccessDenied", message, 403)

    def _assume_role(self, form: Mapping[str, Any]) -> Response:
        if form.get("Action") != "AssumeRole" or form.get("RoleArn") != ROLE or form.get("ExternalId") != self.external_id:
            raise Refusal("AccessDenied", "User is not authorized to perform: sts:AssumeRole", 403)
        self.keys[ROLE_KEY_ID] = ROLE_SECRET, ROLE_TOKEN
        body = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>{ROLE_KEY_ID}</AccessKeyId><SecretAccessKey>{ROLE_SECRET}</SecretAccessKey>"
            f"<SessionToken>{ROLE_TOKEN}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
            f"<AssumedRoleUser><AssumedRoleId>AROA:provisioner</AssumedRoleId><Arn>{ROLE}</Arn></AssumedRoleUser>"
            "</AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>"
        )
        return Response(200, body.encode(), {"Content-Type": "text/xml"})

    def _zone(self, zone_id: str) -> Zone:
        if zone_id not in self.zones:
            raise Refusal("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", 404)
        return self.zones[zone_id]

    def _list_hosted_zones_by_name(self, parameters: Mapping[str, Any]) -> Any:
        size = min(int(parameters.get("MaxItems", "100")), self.zone_page)
        start = (in_list(stored(parameters["DNSName"])) if "DNSName" in parameters else "", parameters.get("HostedZoneId", ""))
        listed = sorted(self.zones.values(), key=lambda zone: (in_list(zone.name), zone.id))
        listed = [zone for zone in listed if (in_list(zone.name), zone.id) >= start]
        answer: dict[str, Any] = {
            "HostedZones": [_listed(zone) for zone in listed[:size]],
            "IsTruncated": len(listed) > size,
            "MaxItems": str(size),
        }
        answer |= {name: parameters[name] for name in ("DNSName", "HostedZoneId") if name in parameters}
        if len(listed) > size:
            answer |= {"NextDNSName": listed[size].name, "NextHostedZoneId": listed[size].id}
        return answer, {}

    def _list_hosted_zones(self, parameters: Mapping[str, Any]) -> Any:
        size = min(int(parameters.get("MaxItems", "100")), self.zone_page)
        listed = sorted(
            (zone for zone in self.zones.values() if zone.id >= parameters.get("Marker", "")), key=lambda zone: zone.id
        )
        answer: dict[str, Any] = {
            "HostedZones": [_listed(zone) for zone in listed[:size]],
            "Marker": parameters.get("Marker", ""),
            "IsTruncated": len(listed) > size,
            "MaxItems": str(size),
        }
        if len(listed) > size:
            answer["NextMarker"] = listed[size].id
        return answer, {}

    def _list_resource_record_sets(self, parameters: Mapping[str, Any]) -> Any:
        zone = self._zone(parameters["HostedZoneId"])
        size = min(int(parameters.get("MaxItems", "300")), self.page)
        if "StartRecordType" in parameters and "StartRecordName" not in parameters:
            raise Refusal("InvalidInput", "Cannot specify a type without a name")

        def place(name: str, rdata_type: str, identifier: str) -> Any:
            return self.order(name), rdata_type, identifier

        listed = sorted(zone.sets, key=lambda key: place(*key))
        if "StartRecordName" in parameters:
            start = place(
                stored(parameters["StartRecordName"]),
                parameters.get("StartRecordType", ""),
                parameters.get("StartRecordIdentifier", ""),
            )
            listed = [key for key in listed if place(*key) >= start]
        answer: dict[str, Any] = {
            "ResourceRecordSets": [zone.sets[key] for key in listed[:size]],
            "IsTruncated": len(listed) > size,
            "MaxItems": str(size),
        }
        if len(listed) > size:
            name, rdata_type, identifier = listed[size]
            answer |= {"NextRecordName": name, "NextRecordType": rdata_type}
            answer |= {"NextRecordIdentifier": identifier} if identifier else {}
        return answer, {}

    def _change_resource_record_sets(self, parameters: Mapping[str, Any]) -> Any:
        zone = self._zone(parameters["HostedZoneId"])
        if not zone.lock.acquire(blocking=False):
            raise Refusal(
                "PriorRequestNotComplete", "The request was rejected because Route 53 was still processing a prior request."
            )
        try:
            time.sleep(self.change_seconds)
            sets = changed(zone, parameters["ChangeBatch"]["Changes"], upserts=self.upserts)
            zone.sets = sets
            self.committed.append(parameters)
        finally:
            zone.lock.release()
        return {"ChangeInfo": _change()}, {}

    def _get_hosted_zone(self, parameters: Mapping[str, Any]) -> Any:
        zone = self._zone(parameters["Id"])
        return {"HostedZone": _listed(zone), "DelegationSet": {"NameServers": list(zone.servers)}}, {}

    def _get_dnssec(self, parameters: Mapping[str, Any]) -> Any:
        zone = self._zone(parameters["HostedZoneId"])
        status = {"ServeSignature": zone.serves} | ({"StatusMessage": zone.status_message} if zone.status_message else {})
        return {"Status": status, "KeySigningKeys": zone.keys}, {}

    def _create_key_signing_key(self, parameters: Mapping[str, Any]) -> Any:
        zone = self._zone(parameters["HostedZoneId"])
        if not re.fullmatch(r"\w{3,128}", parameters["Name"]):
            raise Refusal("InvalidKeySigningKeyName", "The key-signing key (KSK) name that you specified isn't a valid name.")
        if parameters["Status"] not in {"ACTIVE", "INACTIVE"}:
            raise Refusal("InvalidKeySigningKeyStatus", "The status is not valid")
        if parameters["KeyManagementServiceArn"] not in KMS_KEYS:
            raise Refusal("InvalidKMSArn", "The KeyManagementServiceArn that you specified isn't valid")
        for key in zone.keys:
            if parameters["Name"] == key["Name"] or parameters["KeyManagementServiceArn"] == key["KmsArn"]:
                raise Refusal(
                    "KeySigningKeyAlreadyExists", "You've already created a key-signing key with this name or KMS key", 409
                )
        if len(zone.keys) == 2:
            raise Refusal("TooManyKeySigningKeys", "You've reached the limit for the number of key-signing keys (KSKs).")
        zone.keys.append(_key(zone, parameters))
        location = f"https://route53.amazonaws.com/2013-04-01/keysigningkey/{zone.id}/{parameters['Name']}"
        self.committed.append(parameters)
        return {"ChangeInfo": _change(), "KeySigningKey": zone.keys[-1]}, {"Location": location}

    def _held_key(self, parameters: Mapping[str, Any]) -> tuple[Zone, dict[str, Any]]:
        zone = self._zone(parameters["HostedZoneId"])
        held = [key for key in zone.keys if key["Name"] == parameters["Name"]]
        if not held:
            raise Refusal("NoSuchKeySigningKey", "The specified key-signing key (KSK) doesn't exist.", 404)
        self.committed.append(parameters)
        return zone, held[0]

    def _activate_key_signing_key(self, parameters: Mapping[str, Any]) -> Any:
        _, key = self._held_key(parameters)
        key["Status"] = "ACTIVE"
        return {"ChangeInfo": _change()}, {}

    def _deactivate_key_signing_key(self, parameters: Mapping[str, Any]) -> Any:
        zone, key = self._held_key(parameters)
        others = [other for other in zone.keys if other is not key and other["Status"] == "ACTIVE"]
        if zone.serves == "SIGNING" and not others:
            raise Refusal("KeySigningKeyInUse", "The key-signing key (KSK) that you specified can't be deactivated")
        if zone.ds_at_parent:
            raise Refusal("KeySigningKeyInParentDSRecord", "The key-signing key (KSK) is specified in a parent DS record.")
        key["Status"] = "INACTIVE"
        return {"ChangeInfo": _change()}, {}

    def _delete_key_signing_key(self, parameters: Mapping[str, Any]) -> Any:
        zone, key = self._held_key(parameters)
        if key["Status"] != "INACTIVE":
            raise Refusal("InvalidKeySigningKeyStatus", "The key-signing key (KSK) status isn't valid")
        zone.keys.remove(key)
        return {"ChangeInfo": _change()}, {}

    def _enable_hosted_zone_dnssec(self, parameters: Mapping[str, Any]) -> Any:
        zone = self._zone(parameters["HostedZoneId"])
        if not any(key["Status"] == "ACTIVE" for key in zone.keys):
            raise Refusal("KeySigningKeyWithActiveStatusNotFound", "A key-signing key (KSK) with ACTIVE status wasn't found.")
        zone.serves = "SIGNING"
        self.committed.append(parameters)
        return {"ChangeInfo": _change()}, {}

    def _disable_hosted_zone_dnssec(self, parameters: Mapping[str, Any]) -> Any:
        zone = self._zone(parameters["HostedZoneId"])
        if not zone.keys:
            raise Refusal("DNSSECNotFound", "The hosted zone doesn't have any DNSSEC resources.")
        if zone.ds_at_parent:
            raise Refusal("KeySigningKeyInParentDSRecord", "The key-signing key (KSK) is specified in a parent DS record.")
        zone.serves = "NOT_SIGNING"
        self.committed.append(parameters)
        return {"ChangeInfo": _change()}, {}


class Bucket:
    """The account's token bucket. `clock` is in seconds."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._tokens, self._filled = float(burst), clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        with self._lock:
            now = self._clock()
            self._tokens = min(float(self._burst), self._tokens + (now - self._filled) * self._per_second)
            self._filled = now
            if self._tokens < 1 - 1e-6:
                return False
            self._tokens -= 1
            return True


def _listed(zone: Zone) -> dict[str, Any]:
    return {
        "Id": f"/hostedzone/{zone.id}",
        "Name": zone.name,
        "CallerReference": "made-by-a-test",
        "Config": {"PrivateZone": zone.private},
        "ResourceRecordSetCount": len(zone.sets),
    }


def _change() -> dict[str, Any]:
    return {"Id": "/change/C2682N5HXP0BZ4", "Status": "PENDING", "SubmittedAt": datetime(2024, 6, 15, 12, tzinfo=UTC)}


def _key(zone: Zone, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make a key as the service does from a KMS key; 64 octets stand for the point on P-256 (RFC 6605 §4)."""
    seed = f"{zone.id} {parameters['KeyManagementServiceArn']}".encode()
    public = base64.b64encode(hashlib.sha512(seed).digest()).decode()
    dnskey = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DNSKEY, f"257 3 13 {public}")
    assert isinstance(dnskey, dns.rdtypes.ANY.DNSKEY.DNSKEY)
    ds = dns.dnssec.make_ds(dns.name.from_text(zone.name), dnskey, "SHA256")
    return {
        "Name": parameters["Name"], "KmsArn": parameters["KeyManagementServiceArn"], "Flag": 257,
        "SigningAlgorithmMnemonic": "ECDSAP256SHA256", "SigningAlgorithmType": 13, "DigestAlgorithmMnemonic": "SHA-256",
        "DigestAlgorithmType": 2, "KeyTag": ds.key_tag, "DigestValue": ds.digest.hex().upper(), "PublicKey": public,
        "DSRecord": f"{ds.key_tag} 13 2 {ds.digest.hex().upper()}", "DNSKEYRecord": f"257 3 13 {public}",
        "Status": parameters["Status"], "CreatedDate": datetime(2024, 6, 15, 12, tzinfo=UTC),
        "LastModifiedDate": datetime(2024, 6, 15, 12, tzinfo=UTC),
    }  # fmt: skip
