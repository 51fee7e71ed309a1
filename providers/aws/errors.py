"""What an error of a service, of the SDK, or of something in between means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from providers.aws.service import Service
from providers.contract import AuthFailed, ProviderError, Rejected, Throttled, Unavailable, ZoneNotFound

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_LONGEST_RETRY_AFTER = 300.0
"""Seconds; who asks for more is not believed."""

_THROTTLED = {
    "RequestLimitExceeded", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
}  # fmt: skip
_WRONG_KEYS = {
    "ExpiredToken": "the session token has expired",
    "ExpiredTokenException": "the session token has expired",
    "IncompleteSignature": "the credentials are not complete",
    "InvalidAccessKeyId": "the access key is not known",
    "InvalidClientTokenId": "the access key or the session token is not known",
    "InvalidSignatureException": "the secret key does not fit the access key, or this machine's clock is wrong",
    "MissingAuthenticationToken": "the credentials are not complete",
    "OptInRequired": "the account may not use the service",
    "RequestExpired": "this machine's clock is wrong",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "SignatureDoesNotMatch": "the secret key does not fit the access key, or this machine's clock is wrong",
    "UnrecognizedClientException": "the access key or the session token is not known",
}
"""Told in our own words: what AWS says of them repeats the request, session token included."""
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}

_NO_CREDENTIALS = {
    "ConfigNotFound", "ConfigParseError", "CredentialRetrievalError", "InfiniteLoopConfigError", "InvalidConfigError",
    "LoginError", "MetadataRetrievalError", "NoAuthTokenError", "NoCredentialsError", "PartialCredentialsError",
    "ProfileNotFound", "RefreshWithMFAUnsupportedError", "SSOError", "TokenRetrievalError", "UnknownCredentialError",
}  # fmt: skip
_NOT_SENT = {"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"}
_CUT_SHORT = {"ConnectionClosedError", "HTTPClientError", "IncompleteReadError", "ReadTimeoutError", "ResponseStreamingError"}

_CREDENTIAL = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}|[A-Za-z0-9/+=]{40,}")
_WHO_AM_I = "Check who you are: aws sts get-caller-identity (with --profile where the provider has one)."


class Lost(Unavailable):
    """A request went out and no clear answer came back: a change may have been made."""

    retry_is_safe = False


class Denied(AuthFailed):
    """The identity is known, and lacks a permission."""


class Refused(Rejected):
    """A service refused a request by a code of its own; `reason` is what it says of it."""

    def __init__(self, title: str, detail: str, code: str, reason: str) -> None:
        super().__init__(f"{title} refused a request", detail, "Mend what it names, then make a new plan.")
        self.code = code
        self.reason = reason


def of_service(answer: Mapping[str, Any], operation: str, where: str, service: Service) -> ProviderError:
    """Say what an error answer means; `where` names provider, operation and what it is about."""
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code, reason = (str(answer.get("Error", {}).get(part) or "") for part in ("Code", "Message"))
    detail = f"{where}: {code}: {harmless(reason)}".removesuffix(": ")
    title = service.title
    if status == _TOO_MANY_REQUESTS or code in _THROTTLED | service.throttled:
        error: ProviderError = Throttled(f"{title} asks for fewer requests", detail, "Lower its `rate`.", _retry_after(answer))
    elif code in service.busy:
        error = Unavailable(f"{title} is still busy with an earlier change", detail, "Run the command again in a minute.")
    elif code in _WRONG_KEYS:
        error = AuthFailed(f"{title} does not take the credentials", f"{where}: {code}: {_WRONG_KEYS[code]}", _WHO_AM_I)
    elif code in _DENIED:
        error = Denied(f"{title} does not allow it", detail, f"Give the identity the permission {service.id}:{operation}.")
    elif code in service.no_zone:
        error = ZoneNotFound(f"{title} does not hold the zone", detail, "Make a new plan.")
    elif status >= _SERVER_ERROR:
        error = Lost(f"{title} had an error of its own", detail, "Run the command again in a minute.")
    elif code in {"", str(status)}:
        error = garbled(where, service, f"HTTP {status}")
    else:
        error = Refused(title, detail, code, harmless(reason))
    return error


def of_sdk(error: Exception, where: str, service: Service) -> ProviderError:
    """Say what an error of the SDK itself means. Its texts name hosts, files and profiles, never a secret."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    detail = f"{where}: {type(error).__name__}: {harmless(str(error))}"
    if kinds & _NO_CREDENTIALS:
        return AuthFailed("There are no usable AWS credentials", detail, _WHO_AM_I)
    if kinds & _NOT_SENT:
        return Unavailable(
            f"{service.title} cannot be reached", detail, "Check network, proxy and `endpoint`, then run the command again."
        )
    if "SSLError" in kinds:
        return Rejected(f"{service.title} cannot be reached by TLS", detail, "Name the right certificates in AWS_CA_BUNDLE.")
    if kinds & _CUT_SHORT:
        return Lost(f"The connection to {service.title} broke", detail, "Run the command again.")
    return Rejected("The AWS SDK cannot ask this", detail, "Check the options of the provider.")


def garbled(where: str, service: Service, what: str = "the answer is not what its API defines") -> Lost:
    """Say that what came back was no answer of the service's: something else in between spoke."""
    return Lost(
        f"The answer of {service.title} makes no sense", f"{where}: {what}", "Check proxy and `endpoint`, then run it again."
    )


def harmless(text: str) -> str:
    """Put foreign text on one line, without all that has the shape of a credential: it may repeat what was sent."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return _CREDENTIAL.sub("(not shown)", line)


def _retry_after(answer: Mapping[str, Any]) -> float | None:
    told = str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", ""))
    return min(float(told), _LONGEST_RETRY_AFTER) if told.isascii() and told.isdigit() else None
