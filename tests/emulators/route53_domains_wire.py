"""How the emulated Route 53 Domains speaks: AWS JSON 1.1 by the service's model, signatures, and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from types import MappingProxyType
from typing import Any

from tests.emulators.http import Request, Response
from tests.emulators.route53_wire import Fault, Refusal, Signer, wrong_signature

_loaders, _model, _validate = (import_module(f"botocore.{name}") for name in ("loaders", "model", "validate"))
_SERVICE = _model.ServiceModel(_loaders.Loader().load_service_model("route53domains", "service-2"), "route53domains")
_OPERATIONS: Mapping[str, Any] = {
    f"{_SERVICE.metadata['targetPrefix']}.{name}": _SERVICE.operation_model(name)
    for name in (
        "ListDomains",
        "GetDomainDetail",
        "GetOperationDetail",
        "AssociateDelegationSignerToDomain",
        "DisassociateDelegationSignerFromDomain",
    )
}
_TYPE = f"application/x-amz-json-{_SERVICE.metadata['jsonVersion']}"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d+)/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w+)"
)


def operation_of(request: Request) -> tuple[Any, Mapping[str, Any]]:
    """Read a request by the model. Raises `Refusal` for whatever the model does not allow."""
    operation = _OPERATIONS.get(request.headers["x-amz-target"])
    if operation is None or (request.method, request.target) != ("POST", "/"):
        raise Refusal("UnknownOperationException", f"{request.method} {request.target} {request.headers['x-amz-target']}")
    if request.headers.get("content-type") != _TYPE:
        raise Refusal("SerializationException", "it is no document of this protocol")
    parameters = json.loads(request.body)
    report = _validate.ParamValidator().validate(parameters, operation.input_shape)
    if report.has_errors():
        raise Refusal("InvalidInput", report.generate_report())
    if beyond := _beyond(operation.input_shape, parameters):
        raise Refusal("InvalidInput", beyond)
    return operation, parameters


def _beyond(shape: Any, value: Any) -> str:
    """Say which bound of the model, of those that the SDK does not keep by itself, a value breaks; nothing: none."""
    match shape.type_name:
        case "structure":
            return "".join(_beyond(shape.members[name], one) for name, one in value.items())
        case "list":
            return "".join(_beyond(shape.member, one) for one in value)
        case _:
            size = len(value) if isinstance(value, str) else value
            words = shape.metadata.get("enum")
            wrong = size > shape.metadata.get("max", size) or (words and value not in words)
            return f"{value!r} is no {shape.name}" if wrong else ""


def authenticated(request: Request, root: str, keys: Mapping[str, tuple[str, str | None]]) -> None:
    """Check who signed a request, and for what. Raises `Refusal`."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if not found:
        raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    key_id, _, region, service, signed, signature = found.groups()
    secret, token = keys.get(key_id, ("", ""))
    if not secret or request.headers.get("x-amz-security-token") != token:
        raise Refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
    if (service, region) != ("route53domains", "us-east-1"):
        raise Refusal("InvalidSignatureException", "Credential should be scoped to a valid region.")
    signer = Signer(key_id, secret, service, region)
    if (told := wrong_signature(request, root, signer, signed.split(";"), signature)) is not None:
        raise Refusal("InvalidSignatureException", told)


def written(operation: Any, answer: Mapping[str, Any]) -> Response:
    """Write an answer by the model; one that does not fit is a mistake of the emulator."""
    report = _validate.ParamValidator().validate(answer, operation.output_shape)
    assert not report.has_errors(), report.generate_report()
    assert not _beyond(operation.output_shape, _without_times(answer))
    body = json.dumps(answer, default=lambda moment: moment.timestamp())
    return Response(200, body.encode(), {"Content-Type": _TYPE, "x-amzn-RequestId": "1"})


def _without_times(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: [_without_times(one) if isinstance(one, dict) else one for one in value] if isinstance(value, list) else value
        for name, value in answer.items()
        if not isinstance(value, datetime)
    }


def error(code: str, message: str, status: int = 400, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    body = json.dumps({"__type": code, "message": message})
    return Response(status, body.encode(), {"Content-Type": _TYPE, "x-amzn-RequestId": "1"} | dict(headers))


def failing(fault: Fault, request: Request) -> Response:
    if fault.body is not None:
        return Response(fault.status, fault.body, {"Content-Type": "text/html"} | dict(fault.headers))
    message = fault.message + (" ".join(request.headers.values()) if fault.echo else "")
    return error(fault.code or "InternalFailure", message, fault.status, fault.headers)
