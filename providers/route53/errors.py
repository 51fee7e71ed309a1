"""What an error of Route 53, of the SDK, or of something in between means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from providers.contract import AuthFailed, ProviderError, Rejected, Throttled, Unavailable, ZoneNotFound

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_LONGEST_RETRY_AFTER = 300.0
"""Seconds; who asks for more is not believed."""

_THROTTLED = {
    "RequestLimitExceeded", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
}  # fmt: skip
_BUSY = {"ConcurrentModification", "PriorRequestNotComplete"}
_WRONG_KEYS = {
    "ExpiredToken": "the session token has expired",
    "ExpiredTokenException": "the session token has expired",
    "IncompleteSignature": "the credentials are not complete",
    "InvalidAccessKeyId": "the access key is not known",
    "InvalidClientTokenId": "the access key or the session token is not known",
    "InvalidSignatureException": "the secret key does not fit the access key, or this machine's clock is wrong",
    "MissingAuthenticationToken": "the credentials are not complete",
    "OptInRequired": "the account may not use Route 53",
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
    """Route 53 refused a request by a code of its own; `reason` is what it says of it."""

    def __init__(self, detail: str, code: str, reason: str) -> None:
        super().__init__("Route 53 refused a request", detail, "Mend what it names, then make a new plan.")
        self.code = code
        self.reason = reason


def of_service(answer: Mapping[str, Any], operation: str, where: str) -> ProviderError:
    """Say what an error answer means; `where` names provider, operation and zone."""
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code, reason = (str(answer.get("Error", {}).get(part) or "") for part in ("Code", "Message"))
    detail = f"{where}: {code}: {without_secrets(reason)}".removesuffix(": ")
    if status == _TOO_MANY_REQUESTS or code in _THROTTLED:
        error: ProviderError = Throttled("Route 53 asks for fewer requests", detail, "Lower its `rate`.", _retry_after(answer))
    elif code in _BUSY:
        error = Unavailable("Route 53 is still busy with an earlier change", detail, "Run the command again in a minute.")
    elif code in _WRONG_KEYS:
        error = AuthFailed("Route 53 does not take the credentials", f"{where}: {code}: {_WRONG_KEYS[code]}", _WHO_AM_I)
    elif code in _DENIED:
        error = Denied("Route 53 does not allow it", detail, f"Give the identity the permission route53:{operation}.")
    elif code == "NoSuchHostedZone":
        error = ZoneNotFound("Route 53 does not hold the zone", detail, "Make a new plan.")
    elif status >= _SERVER_ERROR:
        error = Lost("Route 53 had an error of its own", detail, "Run the command again in a minute.")
    elif code in {"", str(status)}:
        error = garbled(where, f"HTTP {status}")
    else:
        error = Refused(detail, code, without_secrets(reason))
    return error


def of_sdk(error: Exception, where: str) -> ProviderError:
    """Say what an error of the SDK itself means. Its texts name hosts, files and profiles, never a secret."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    detail = f"{where}: {type(error).__name__}: {without_secrets(str(error))}"
    if kinds & _NO_CREDENTIALS:
        return AuthFailed("There are no usable AWS credentials", detail, _WHO_AM_I)
    if kinds & _NOT_SENT:
        return Unavailable(
            "Route 53 cannot be reached", detail, "Check network, proxy and `endpoint`, then run the command again."
        )
    if "SSLError" in kinds:
        return Rejected("Route 53 cannot be reached by TLS", detail, "Name the right certificates in AWS_CA_BUNDLE.")
    if kinds & _CUT_SHORT:
        return Lost("The connection to Route 53 broke", detail, "Run the command again.")
    return Rejected("The AWS SDK cannot ask this", detail, "Check the options of the provider.")


def garbled(where: str, what: str = "the answer is not what Route 53's API defines") -> Lost:
    """Say that what came back was no answer of Route 53's: something else in between spoke."""
    return Lost("The answer of Route 53 makes no sense", f"{where}: {what}", "Check proxy and `endpoint`, then run it again.")


def without_secrets(text: str) -> str:
    """Blot out all that has the shape of a credential: a service or proxy may repeat what it was sent."""
    return _CREDENTIAL.sub("(not shown)", text)


def _retry_after(answer: Mapping[str, Any]) -> float | None:
    told = str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", ""))
    return min(float(told), _LONGEST_RETRY_AFTER) if told.isascii() and told.isdigit() else None
