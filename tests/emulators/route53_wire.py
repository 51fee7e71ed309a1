"""How the emulated Route 53 speaks: documents by the service's model, signatures, errors, and answers that stop halfway."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from tests.emulators import http
from tests.emulators.http import Request, Response

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_auth, _awsrequest, _credentials, _loaders, _model, _validate, botocore = (
    import_module(name)
    for name in (
        "botocore.auth", "botocore.awsrequest", "botocore.credentials", "botocore.loaders", "botocore.model",
        "botocore.validate", "botocore",
    )
)  # fmt: skip
_SERVICE = _model.ServiceModel(_loaders.Loader().load_service_model("route53", "service-2"), "route53")
OPERATIONS: tuple[Any, ...] = tuple(
    _SERVICE.operation_model(name)
    for name in (
        "ListHostedZones",
    "ListHostedZonesByName", "GetHostedZone", "ListResourceRecordSets", "ChangeResourceRecordSets", "GetDNSSEC",
        "CreateKeySigningKey", "ActivateKeySigningKey", "DeactivateKeySigningKey", "DeleteKeySigningKey",
        "EnableHostedZoneDNSSEC", "DisableHostedZoneDNSSEC",
    )
)  # fmt: skip


class Refusal(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of a plain answer."""

    status: int = 500
    code: str = ""
    message: str = ""
    body: bytes | None = None
    """These octets; None: the error answer of the code."""
    headers: Mapping[str, str] = field(default_factory=dict)
    carried_out: bool = False
    """The request takes effect before the fault does."""
    lazy: bool = False
    """The answer is the right one, and no set was changed."""
    drop: bool = False
    """The connection is closed without an answer."""
    cut: bool = False
    """The connection is closed in the middle of the answer's body."""
    delay: float = 0.0
    """Seconds before anything is sent; with no other fault the answer is then the right one."""
    stall: float = 0.0
    """Seconds between the first and the second half of the right answer's body."""
    meanwhile: Callable[[], None] | None = None
    """What somebody else does just before; with no other fault the answer is then the right one."""
    echo: bool = False
    """The error's message repeats the request's headers, as a careless proxy might."""

    @property
    def is_answered(self) -> bool:
        """Whether the request gets to the service at all."""
        return bool(self.carried_out or self.lazy or self.cut or self.delay or self.stall or self.meanwhile)


@dataclass(frozen=True)
class Signer:
    """Who signed a request, and for what."""

    key_id: str
    secret: str
    service: str
    region: str


def method_name(operation: str) -> str:
    name: str = botocore.xform_name(operation)
    return name


def path_of(operation: Any, method: str, path: str) -> Mapping[str, str] | None:
    """Give what stands in the path for the operation's parameters; None: it is another operation's."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(operation.http["requestUri"]))
    found = re.fullmatch(pattern, path) if operation.http["method"] == method else None
    return found and found.groupdict()


def wrong_signature(request: Request, root: str, signer: Signer, signed: list[str], signature: str) -> str | None:
    """Sign a request anew (SigV4); where that gives another signature, say what should have been signed."""
    headers = {name: request.headers[name] for name in signed if name != "host"}
    again = _awsrequest.AWSRequest(request.method, root + request.target, headers, request.body)
    again.context["timestamp"] = request.headers["x-amz-date"]
    auth = _auth.SigV4Auth(_credentials.Credentials(signer.key_id, signer.secret), signer.service, signer.region)
    canonical = auth.canonical_request(again)
    right = auth.signature(auth.string_to_sign(again, canonical), again) == signature
    return None if right else f"The Canonical String for this request should have been '{canonical}'"


def parameters_of(operation: Any, path: Mapping[str, str], query: str, body: bytes) -> Mapping[str, Any]:
    """Read a request by its shape. Raises `Refusal` for whatever the shape does not allow."""
    shape = operation.input_shape
    in_query = dict(parse_qsl(query, keep_blank_values=True))
    found: dict[str, Any] = {}
    in_body = dict(shape.members)
    for name, member in shape.members.items():
        location, spelling = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "uri":
            found[name] = unquote(path[spelling])
        elif location == "querystring" and spelling in in_query:
            found[name] = in_query.pop(spelling)
        if location:
            del in_body[name]
    if in_query:
        raise Refusal("InvalidInput", f"unknown query parameters {in_query}")
    if bool(body) != bool(in_body):
        raise Refusal("InvalidInput", "a body where there is none, or none where there is one")
    if body:
        root = ET.fromstring(body)  # noqa: S314 - our own client made it
        if root.tag != f"{{{NAMESPACE}}}{operation.name}Request":
            raise Refusal("InvalidInput", f"unknown document {root.tag}")
        found |= _from_xml(root, shape, in_body)
    report = _validate.ParamValidator().validate(found, shape)
    if report.has_errors():
        raise Refusal("InvalidInput", report.generate_report())
    return found


def _from_xml(node: ET.Element, shape: Any, members: Mapping[str, Any] | None = None) -> Any:
    if shape.type_name == "list":
        wanted = f"{{{NAMESPACE}}}{shape.member.serialization.get('name', 'member')}"
        if any(child.tag != wanted for child in node):
            raise Refusal("InvalidInput", f"{node.tag} holds something else than {wanted}")
        return [_from_xml(child, shape.member) for child in node]
    if shape.type_name != "structure":
        text = node.text or ""
        if (limit := shape.metadata.get("max")) and shape.type_name == "string" and len(text) > limit:
            raise Refusal("InvalidInput", f"{node.tag} is longer than {limit}")
        if (words := shape.metadata.get("enum")) and text not in words:
            raise Refusal("InvalidInput", f"{node.tag} is none of {words}")
        if shape.type_name == "boolean":
            return text == "true"
        return int(text) if shape.type_name in {"integer", "long"} else text
    spelled = {member.serialization.get("name", name): name for name, member in (members or shape.members).items()}
    found = {}
    for child in node:
        name = spelled.get(child.tag.removeprefix(f"{{{NAMESPACE}}}"))
        if name is None:
            raise Refusal("InvalidInput", f"unknown element {child.tag}")
        found[name] = _from_xml(child, shape.members[name])
    return found


def written(shape: Any, answer: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Write an answer by its shape; one that does not fit is a mistake of this file."""
    located = {name for name, member in shape.members.items() if member.serialization.get("location")}
    report = _validate.ParamValidator().validate(dict(answer) | dict.fromkeys(located, "in a header"), shape)
    assert not report.has_errors(), report.generate_report()
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{shape.name} xmlns="{NAMESPACE}">{_members(shape, answer)}</{shape.name}>'
    status = 201 if "Location" in headers else 200
    return Response(status, body.encode(), {"Content-Type": "text/xml", "x-amzn-RequestId": "1"} | dict(headers))


def _members(shape: Any, value: Mapping[str, Any]) -> str:
    members = shape.members
    return "".join(
        _to_xml(members[name].serialization.get("name", name), members[name], value[name]) for name in members if name in value
    )


def _to_xml(tag: str, shape: Any, value: Any) -> str:
    match shape.type_name:
        case "structure":
            inner = _members(shape, value)
        case "list":
            inner = "".join(_to_xml(shape.member.serialization.get("name", "member"), shape.member, one) for one in value)
        case "boolean":
            inner = str(value).lower()
        case "timestamp":
            inner = value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        case _:
            inner = escape(str(value))
    return f"<{tag}>{inner}</{tag}>"


def error(code: str, message: str, status: int, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    kind = "Sender" if status < 500 else "Receiver"
    body = (
        f'<?xml version="1.0"?>\n<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{kind}</Type>'
        f"<Code>{code}</Code><Message>{escape(message)}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
    return Response(status, body.encode(), {"Content-Type": "text/xml"} | dict(headers))


def failing(fault: Fault, request: Request) -> Response:
    if fault.body is not None:
        return Response(fault.status, fault.body, {"Content-Type": "text/html"} | dict(fault.headers))
    message = fault.message + (" ".join(request.headers.values()) if fault.echo else "")
    return error(fault.code or "InternalFailure", message, fault.status, fault.headers)


@dataclass(frozen=True)
class Halting(Response):
    """An answer whose second half comes after `stall` seconds; 0: never, the connection is closed instead."""

    stall: float = 0.0

    def parts(self) -> Iterator[bytes]:
        half = len(self.body) // 2
        yield self.body[:half]
        if not self.stall:
            raise http.HangUp
        time.sleep(self.stall)
        yield self.body[half:]


running = http.running
