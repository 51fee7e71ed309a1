"""Microsoft's clouds, and the endpoint through which Graph is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never
from urllib.parse import SplitResult, urlsplit

from plans.desired import Cloud
from plans.microsoft import GRAPH_ROOTS
from plans.problem import Problem
from providers.loopback import is_loopback_host

VERSION_PATH = "/v1.0"

_PORTS = {"https": 443, "http": 80}


def login_root(cloud: Cloud) -> str:
    """Give the login service's root in a cloud; the two US government clouds share one."""
    match cloud:
        case Cloud.GLOBAL:
            return "https://login.microsoftonline.com"
        case Cloud.USGOV | Cloud.USGOV_DOD:
            return "https://login.microsoftonline.us"
        case Cloud.CHINA:
            return "https://login.chinacloudapi.cn"
        case _:
            assert_never(cloud)


def consent_root(cloud: Cloud) -> str:
    """Give the root of the page on which an administrator consents; for China Microsoft documents another host than for login.

    https://docs.azure.cn/en-us/entra/identity-platform/v2-admin-consent
    """
    return "https://login.partner.microsoftonline.cn" if cloud is Cloud.CHINA else login_root(cloud)


def scope(cloud: Cloud) -> str:
    """Give the scope of a Graph token: the cloud's own, whatever endpoint is asked."""
    return f"{GRAPH_ROOTS[cloud]}/.default"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Graph is asked. `root` has no version path and no final slash."""

    root: str
    host: str
    origin: tuple[str, str, int]

    @property
    def base(self) -> str:
        """The URL that every path is added to."""
        return f"{self.root}{VERSION_PATH}"

    @property
    def loopback(self) -> bool:
        """Whether the endpoint is on this machine."""
        return is_loopback_host(self.host)

    def owns(self, url: str) -> bool:
        """Whether a URL leads to this endpoint's own scheme, host and port: nothing else is ever sent the token."""
        try:
            parts = urlsplit(url)
            return _origin(parts) == self.origin and parts.username is None
        except ValueError:
            return False


def endpoint(override: str | None, cloud: Cloud) -> Endpoint:
    """Give the endpoint that `graph.endpoint` names, or else the cloud's own.

    Raises:
        Problem: the override is no https URL of a root (or http to this machine).

    """
    url = override or GRAPH_ROOTS[cloud]
    try:
        parts = urlsplit(url)
        origin = _origin(parts)
    except ValueError as error:
        raise _no_endpoint(url, f"is no URL: {error}") from None
    host = origin[1]
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_host(host)):
        raise _no_endpoint(url, "is not https; plain http is taken for loopback only")
    if not host:
        raise _no_endpoint(url, "names no host")
    if parts.username is not None or parts.query or parts.fragment:
        raise _no_endpoint(url, "holds more than scheme, host, port and path")
    path = parts.path.rstrip("/")
    if path.endswith((VERSION_PATH, "/beta")):
        raise _no_endpoint(url, f"ends in a version path; {VERSION_PATH} is added by itself")
    return Endpoint(f"{parts.scheme}://{parts.netloc}{path}", host, origin)


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _no_endpoint(url: str, what: str) -> Problem:
    shown = url.rpartition("@")[2]  # what stands before the @ may be a password
    return Problem(
        "Microsoft Graph's endpoint cannot be used",
        f"graph.endpoint: {shown!r} {what}.",
        f"Write a root such as `graph: {{endpoint: {GRAPH_ROOTS[Cloud.GLOBAL]}}}`, or leave `graph` out.",
    )
