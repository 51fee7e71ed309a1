"""The four services behind something that spoils requests, and what a manifest says to reach them."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.rdatatype
import pytest

from plans.values import Name
from providers.conformance import Bench
from tests.emulators import (
    azure_dns,
    azure_dns_sets,
    certificate,
    cloudflare,
    dns_update,
    http,
    http_faults,
    route53,
    route53_wire,
)
from tests.emulators.http import Request, Response
from tests.emulators.http_faults import Between, Meddle, Serve
from tests.providers.azure_bench import AzureBench
from tests.providers.cloudflare_bench import TOKEN, CloudflareBench
from tests.providers.route53_bench import Account, Route53Bench, credentials
from tests.providers.test_rfc2136_conformance import PrimaryBench

ADAPTERS = ("route53", "cloudflare", "azure", "rfc2136")
WRONG = "d3Jvbmctc2VjcmV0LTAxMjM0NTY3ODlhYmNkZWY0NTY="
"""A secret that no service knows, and that is a secret all the same."""
SECRETS = (route53.SECRET, TOKEN, azure_dns.TOKEN, dns_update.SECRET, WRONG)

Undo = Callable[[], object]


@dataclass(frozen=True)
class Words:
    """How an HTTP service says what it cannot or will not do; a careless one repeats who asked, token and all."""

    make: Callable[[int, str, str, Mapping[str, str]], Response]
    codes: Mapping[str, tuple[int, str]]

    def answer(self, what: str, headers: Mapping[str, str] | None = None) -> Callable[[Request], Response]:
        """Give what answers a request so: throttled, broken, unavailable, expired, forbidden."""
        status, code = self.codes[what]
        return lambda request: self.make(status, code, f"{what}: {request.headers['authorization']}", headers or {})


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request of an HTTP service, in its words, and with a message of DNS (None: nothing can).

    `times` is how often, None: for ever. `after`: only once a write was carried out, whose answer is lost too.
    """

    http: Callable[[Words, Between], Meddle]
    dns: dns_update.Fault | None = None
    times: int | None = 1
    after: bool = False


class Service(ABC):
    """One emulated service; `options` are those of its provider in the manifest, but for the type."""

    def __init__(self, bench: Bench, options: str) -> None:
        self.bench = bench
        self.options = options

    @abstractmethod
    def lay(self, fault: Fault, zone: Name | None, *, writing: bool) -> None:
        """Let a fault befall the reads or the writes of a zone's records; no zone: whatever is asked."""

    @abstractmethod
    def lift(self) -> None:
        """Let nothing go wrong any more."""

    @abstractmethod
    def taken(self, zone: Name) -> int:
        """Tell how many writes were carried out in a zone."""

    @abstractmethod
    def asked(self, zone: Name | None) -> list[str]:
        """Tell what was asked of a zone's records, in order: read or write; no zone: what was asked to find zones."""

    @abstractmethod
    def remove(self, zone: Name, *, when_read: bool = False) -> Undo:
        """Let somebody delete a zone, now or just before its records are read; gives what puts it back."""

    @abstractmethod
    def spoil_credentials(self) -> Undo:
        """Give the client a secret that the service does not know; gives what puts the right one back."""

    def distrust(self, manifest: Path) -> Undo:
        """Lead the client to a server whose certificate nobody trusts; gives what leads it back."""
        raise NotImplementedError


@dataclass(frozen=True)
class Reached:
    """An HTTP service behind `Between`: `mark` says what in a URL names a zone of `zones`.

    `secret` is the environment variable that has the client's secret.
    """

    between: Between
    zones: dict[Any, Any]
    mark: Callable[[Any], str]
    words: Words
    secret: str


class HttpService(Service):
    """A service that is asked by HTTP; `untrusted` is the URL of a server that nobody trusts."""

    def __init__(self, bench: Bench, reached: Reached, options: str, untrusted: str) -> None:
        super().__init__(bench, options)
        self._between, self._zones, self._mark = reached.between, reached.zones, reached.mark
        self._words, self._secret, self._untrusted = reached.words, reached.secret, untrusted

    def lay(self, fault: Fault, zone: Name | None, *, writing: bool) -> None:
        mark = self._mark(self._zones[self._key(zone)]) if zone else ""
        meddle = fault.http(self._words, self._between)

        def matches(request: Request) -> bool:
            return mark in request.target and (zone is None or (request.method != "GET") == writing)

        def lost_with_all_that_follows(request: Request, serve: Serve) -> None:
            serve(request)
            self._between.lay(lambda later: mark in later.target, meddle, None)

        self._between.lay(matches, lost_with_all_that_follows if fault.after else meddle, fault.times)

    def lift(self) -> None:
        self._between.lift()

    def asked(self, zone: Name | None) -> list[str]:
        if zone is None:
            marks = [self._mark(held) for held in self._zones.values()]
            return ["find" for _, target in self._between.seen if not any(mark in target for mark in marks)]
        mark = self._mark(self._zones[self._key(zone)])
        return ["read" if method == "GET" else "write" for method, target in self._between.seen if mark in target]

    def taken(self, zone: Name) -> int:
        mark = self._mark(self._zones[self._key(zone)])
        return sum(mark in target for target in self._between.written)

    def remove(self, zone: Name, *, when_read: bool = False) -> Undo:
        key = self._key(zone)
        held, mark = self._zones[key], self._mark(self._zones[key])

        def meddle(request: Request, serve: Serve) -> Response | None:
            self._zones.pop(key)
            return serve(request)

        if when_read:
            self._between.lay(lambda request: mark in request.target, meddle, 1)
        else:
            self._zones.pop(key)
        return lambda: self._zones.update({key: held})

    def spoil_credentials(self) -> Undo:
        right = os.environ[self._secret]
        os.environ[self._secret] = WRONG
        return lambda: os.environ.update({self._secret: right})

    def distrust(self, manifest: Path) -> Undo:
        right = manifest.read_text()
        manifest.write_text(right.replace(self._between.url, self._untrusted))
        return lambda: manifest.write_text(right)

    def _key(self, zone: Name | None) -> Any:
        return next(key for key, held in self._zones.items() if f"{held.name.removesuffix('.')}." == zone)


class MeddledPrimary(dns_update.Primary):
    """A name server some of whose messages go wrong, by zone."""

    def __init__(self) -> None:
        super().__init__()
        self.laid: list[tuple[Callable[[str, dns.message.Message], bool], dns_update.Fault, int | None]] = []
        self.before: list[Callable[[str, dns.message.Message], object]] = []
        self.seen: list[tuple[str, str]] = []

    def fault_of(self, operation: str, request: dns.message.Message) -> dns_update.Fault | None:
        self.seen.append((_does(operation, request), request.question[0].name.to_text()))
        for somebody in self.before:
            somebody(operation, request)
        with self.lock:
            for place, (matches, fault, left) in enumerate(self.laid):
                if left != 0 and matches(operation, request):
                    self.laid[place] = matches, fault, None if left is None else left - 1
                    return fault
        return super().fault_of(operation, request)


class DnsService(Service):
    """A primary name server that takes dynamic updates."""

    def __init__(self, primary: MeddledPrimary, key_file: Path) -> None:
        super().__init__(PrimaryBench(primary, "query"), f"server: 127.0.0.1, port: {primary.port}, tsig: {{file: update.key}}")
        self._primary = primary
        self._key_file = key_file

    def lay(self, fault: Fault, zone: Name | None, *, writing: bool) -> None:
        assert fault.dns is not None

        def matches(operation: str, request: dns.message.Message) -> bool:
            concerns = zone is None or request.question[0].name.to_text() == zone
            if not fault.after:
                return concerns and (zone is None or _does(operation, request) == ("write" if writing else "read"))
            return concerns and bool(self._primary.updated[dns.name.from_text(str(zone))])

        self._primary.laid.append((matches, fault.dns, fault.times))
        if fault.after:
            self.lay(Fault(fault.http, dns_update.Fault.DROP_AFTER), zone, writing=writing)

    def lift(self) -> None:
        self._primary.laid.clear()
        self._primary.before.clear()

    def asked(self, zone: Name | None) -> list[str]:
        return [
            does
            for does, owner in self._primary.seen
            if (does == "find" if zone is None else (does != "find" and owner == zone))
        ]

    def taken(self, zone: Name) -> int:
        return self._primary.updated[dns.name.from_text(zone)]

    def remove(self, zone: Name, *, when_read: bool = False) -> Undo:
        apex = dns.name.from_text(zone)
        held = self._primary.zones[apex]

        def gone(operation: str, request: dns.message.Message) -> None:
            if request.question[0].name == apex and _does(operation, request) == "read":
                self._primary.zones.pop(apex, None)

        if when_read:
            self._primary.before.append(gone)
        else:
            self._primary.zones.pop(apex)
        return lambda: self._primary.zones.update({apex: held})

    def spoil_credentials(self) -> Undo:
        right = self._key_file.read_text()
        self._key_file.write_text(right.replace(dns_update.SECRET, WRONG))
        return lambda: self._key_file.write_text(right)


def _does(operation: str, request: dns.message.Message) -> str:
    """Say what a message does: write, read, or find the zone of a name."""
    if operation == "update":
        return "write"
    return "read" if request.question[0].rdtype == dns.rdatatype.ANY else "find"


@contextmanager
def service(adapter: str, environment: pytest.MonkeyPatch, folder: Path) -> Iterator[Service]:
    """Open one of `ADAPTERS` until the block ends."""
    if adapter == "rfc2136":
        key_file = folder / "update.key"
        key_file.write_text(dns_update.KEY_FILE)
        primary = MeddledPrimary()
        with dns_update.running(primary):
            yield DnsService(primary, key_file)
        return
    bench, reached, options = {"route53": _route53, "cloudflare": _cloudflare, "azure": _azure}[adapter](environment, folder)
    with http_faults.running(reached.between) as between, http.running(Nobody(), certificate.make(folder / "tls.key")) as other:
        yield HttpService(bench, reached, options.format(url=between.url), other.url)


class Nobody:
    """A server that has nothing to say."""

    url = ""

    def respond_to(self, request: Request) -> None:
        raise AssertionError(request)


_Made = tuple[Bench, Reached, str]


def _route53(environment: pytest.MonkeyPatch, folder: Path) -> _Made:
    credentials(environment, folder)
    emulator = route53.Route53Emulator()
    words = Words(
        lambda status, code, message, headers: route53_wire.error(code, message, status, headers),
        {
            "throttled": (400, "Throttling"),
            "broken": (500, "InternalFailure"),
            "unavailable": (503, "ServiceUnavailable"),
            "expired": (403, "ExpiredToken"),
            "forbidden": (403, "AccessDenied"),
        },
    )
    reached = Reached(Between(emulator), emulator.zones, _by_id, words, "AWS_SECRET_ACCESS_KEY")
    return Route53Bench(Account(emulator)), reached, "endpoint: '{url}'"


def _cloudflare(environment: pytest.MonkeyPatch, _folder: Path) -> _Made:
    environment.setenv("CLOUDFLARE_TOKEN_OF_A_TEST", TOKEN)
    emulator = cloudflare.CloudflareEmulator(TOKEN)
    words = Words(
        _cloudflare_error,
        {
            "throttled": (429, "971"),
            "broken": (500, "1000"),
            "unavailable": (503, "1000"),
            "expired": (401, "10000"),
            "forbidden": (403, "10000"),
        },
    )
    reached = Reached(Between(emulator), emulator.zones, _by_id, words, "CLOUDFLARE_TOKEN_OF_A_TEST")
    options = f"token: {{{{env: CLOUDFLARE_TOKEN_OF_A_TEST}}}}, endpoint: '{{url}}{cloudflare.ROOT}'"
    return CloudflareBench(emulator), reached, options


def _azure(environment: pytest.MonkeyPatch, _folder: Path) -> _Made:
    environment.setenv("AZURE_TOKEN_OF_A_TEST", azure_dns.TOKEN)
    emulator = azure_dns.AzureDnsEmulator()
    words = Words(
        azure_dns_sets.error,
        {
            "throttled": (429, "TooManyRequests"),
            "broken": (500, "InternalServerError"),
            "unavailable": (503, "ServiceUnavailable"),
            "expired": (401, "ExpiredAuthenticationToken"),
            "forbidden": (403, "AuthorizationFailed"),
        },
    )
    reached = Reached(
        Between(emulator),
        emulator.zones,
        lambda zone: f"/dnsZones/{zone.name}",
        words,
        "AZURE_TOKEN_OF_A_TEST",
    )
    return AzureBench(emulator), reached, f"subscription: {azure_dns.SUBSCRIPTION}, credential: arm, endpoint: '{{url}}'"


def _by_id(zone: Any) -> str:
    return f"/{zone.id}/"


def _cloudflare_error(status: int, code: str, message: str, headers: Mapping[str, str]) -> Response:
    body = {"success": False, "errors": [{"code": int(code), "message": message}], "messages": [], "result": None}
    return Response(status, json.dumps(body).encode(), headers)
