"""Hosts and ports as people write them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Target:
    """A host or an address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def target(text: str, port: int) -> Target:
    """Parse `HOST`, `HOST:PORT`, an IPv6 address, or one in brackets with a port; `port` is the one that goes without saying.

    Raises:
        ValueError: it is something else.

    """
    if _is_address(text):
        return Target(text, port)
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.netloc != text or parts.username is not None or not text.isprintable() or " " in text:
        msg = f"{text!r} is neither HOST nor HOST:PORT"
        raise ValueError(msg)
    return Target(parts.hostname, port if parts.port is None else parts.port)


def address(text: str, port: int) -> Target:
    """Parse a target whose host is an IP address. Raises `ValueError`."""
    parsed = target(text, port)
    if not _is_address(parsed.host):
        msg = f"{text!r} is neither ADDRESS nor ADDRESS:PORT"
        raise ValueError(msg)
    return parsed


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
