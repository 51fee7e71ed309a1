"""The MTA-STS policy that a domain publishes now (RFC 8461): announced in DNS, fetched by HTTPS."""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import assert_never, cast

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT

from plans import mta_sts
from plans.facts import NoAnswer, StsMode, StsPolicy
from plans.values import Irregular, Key, Live, Name, RRset, name
from provisioner.probe.wire import Wire, connect, told
from provisioner.targets import Target

Lookup = Callable[[Key], Live | NoAnswer]
"""Gives a set as a resolver would: aliases followed, None where the name or the type does not exist."""

PORT = 443
PATIENCE = 20.0
"""Seconds for fetching a policy, shared out among the addresses that are tried."""
LARGEST = 65536
"""Octets; a larger body is no policy (RFC 8461 §3.3)."""

_ADDRESSES = 4
_HEADERS = 65536
_NONE = StsPolicy("", 0, StsMode.NONE)


class StsClient:
    """Looks up and fetches policies.

    `addresses` gives those of a web server, and raises `OSError` or `ValueError` where it cannot; `roots` is a file of
    certificates (PEM) to trust instead of the system's. The server's certificate is always checked, and for `mta-sts.DOMAIN`.
    """

    def __init__(
        self,
        lookup: Lookup,
        addresses: Callable[[str], Sequence[str]],
        *,
        port: int = PORT,
        roots: Path | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._lookup = lookup
        self._addresses = addresses
        self._port = port
        self._roots = roots
        self._patience = patience

    def policy(self, domain: Name) -> StsPolicy | NoAnswer:
        """Give a domain's policy. One that is announced and cannot be had, or is malformed, is no answer; nothing is raised."""
        try:
            announcement = name(f"_mta-sts.{domain}")
        except ValueError:  # too long to exist
            return _NONE
        match self._lookup(Key(announcement, "TXT")):
            case NoAnswer() as unknown:
                return unknown
            case Irregular(reason=reason):
                return NoAnswer(f"{announcement} TXT is {reason}")
            case None:
                return _NONE
            case RRset() as found:
                record = mta_sts.record_id(map(_joined, found.values))
                return self._announced(domain, record, found.ttl) if record else _NONE
            case _ as never:
                assert_never(never)

    def _announced(self, domain: Name, record: str, ttl: int) -> StsPolicy | NoAnswer:
        host = f"mta-sts.{domain.rstrip('.')}"
        why = "it has no address"
        try:
            addresses = self._addresses(host)[:_ADDRESSES]
            for address in addresses:
                try:
                    body = _fetch(Target(address, self._port), host, self._context, self._patience / len(addresses))
                except HTTPException as error:
                    why = f"what it says is no HTTP ({told(error)})"
                except OSError as error:
                    why = told(error)
                else:
                    return mta_sts.read_policy(body, record, ttl)
        except (OSError, ValueError) as error:
            why = told(error)
        return NoAnswer(f"the policy at {host} cannot be fetched: {why}")

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._roots)
        context.hostname_checks_common_name = False
        return context


class _Socket:
    """A wire as `HTTPResponse` takes it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - the socket's
        return io.BufferedReader(self._wire)


def _fetch(at: Target, host: str, context: ssl.SSLContext, patience: float) -> bytes:
    """Give the body of the policy (RFC 8461 §3.3); redirects are not followed.

    Raises:
        OSError: no connection, no valid certificate, too slow or too much.
        ValueError: an answer that is no policy.
        HTTPException: an answer that is no HTTP.

    """
    with closing(connect(at, patience, LARGEST + _HEADERS)) as wire:
        wire.start_tls(context, host)
        wire.send(
            f"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n".encode()
        )
        with closing(HTTPResponse(cast("socket.socket", _Socket(wire)), method="GET")) as response:
            response.begin()
            if response.status != HTTPStatus.OK:
                raise ValueError(f"the answer is {response.status} {response.reason}")
            if response.headers.get_content_type() != "text/plain":
                raise ValueError(f"the answer is {response.headers.get_content_type()}, not text/plain")
            body = response.read(LARGEST + 1)
            if len(body) > LARGEST:
                raise ValueError(f"the policy is larger than {LARGEST} octets")
            return body


def _joined(value: object) -> str:
    parsed = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, str(value))
    return b"".join(cast("dns.rdtypes.ANY.TXT.TXT", parsed).strings).decode("ascii", "replace")
