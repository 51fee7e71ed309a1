"""What a fleet talks to, in a process of its own so that its CPU does not count: DNS, Route 53, Cloudflare."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from tests.benchmarks.fleet.authoritative import Fleet, serve
from tests.emulators import cloudflare, http, route53
from tests.emulators.http import Request, Response

TOKEN = "a-token-of-a-benchmark-0123456789abcdef"


@dataclass(frozen=True)
class Asked:
    """What a fleet is of: which service, how many zones, how many of them differ, and the limits that are on.

    `staged`: nobody looks in DNS, as octoDNS does not.
    """

    service: str
    zones: int
    changed: int = 0
    latency: float = 0.06
    limited: bool = False
    dns_latency: float = 0.02
    dns_rate: float | None = None
    staged: bool = False


@dataclass(frozen=True)
class Running:
    """Where the services are reached: the provider's root, and the port of DNS."""

    endpoint: str
    dns_port: int
    _pipe: Connection

    def limit(self) -> None:
        """Turn on the limits that were asked for, with full buckets."""
        self._pipe.send("limit")
        self._pipe.recv()

    def counts(self) -> tuple[dict[str, int], int, int]:
        """Give how often each operation was asked for, how many DNS answers were given, and how many limited; then forget."""
        self._pipe.send("counts")
        found: tuple[dict[str, int], int, int] = self._pipe.recv()
        return found


def zone(number: int) -> str:
    """Give the name of a zone, without final dot."""
    return f"d{number:05}.example"


def host(number: int) -> str:
    """Give the mail host that Microsoft assigned, without final dot."""
    return f"d{number:05}-example.o-v1.mx.microsoft"


@contextmanager
def running(asked: Asked) -> Iterator[Running]:
    """Run the services until the block ends."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(asked, theirs), daemon=True)
    process.start()
    theirs.close()  # or nobody here would notice that the process died
    try:
        endpoint, port = ours.recv()
        yield Running(endpoint, port, ours)
    finally:
        process.kill()
        process.join()


class _Window:
    """Cloudflare's limit: so many requests in each window of so many seconds (https://developers.cloudflare.com/fundamentals/api/reference/limits/)."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests, self._seconds = requests, seconds
        self._began, self._used = time.monotonic(), 0
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Take one; what is left of the window in seconds where there is none."""
        with self._lock:
            now = time.monotonic()
            if now - self._began >= self._seconds:
                self._began, self._used = now, 0
            self._used += 1
            return 0.0 if self._used <= self._requests else self._seconds - (now - self._began)


class _Limited(cloudflare.CloudflareEmulator):
    windows: tuple[_Window, ...] = ()
    throttled = 0

    def respond_to(self, request: Request) -> Response | None:
        wait = max((window.wait() for window in self.windows), default=0.0)
        if not wait and request.target.partition("?")[0].endswith("/pagerules"):  # octoDNS reads them, as it comes
            time.sleep(self.latency)
            return Response(200, b'{"success":true,"errors":[],"messages":[],"result":[]}')
        if not wait:
            return super().respond_to(request)
        self.throttled += 1
        body = b'{"success":false,"errors":[{"code":10429,"message":"rate limited"}],"messages":[],"result":null}'
        return Response(429, body, {"Retry-After": str(int(wait) + 1)})


def _serve(asked: Asked, pipe: Connection) -> None:
    emulator: Any = _route53(asked) if asked.service == "route53" else _cloudflare(asked)
    if asked.service == "route53":
        servers = {found.name.rstrip("."): tuple(found.servers) for found in emulator.zones.values()}
    else:
        servers = {found.name: found.name_servers for found in emulator.zones.values()}
    fleet = Fleet(
        {zone(number): _served(asked, number) for number in range(asked.zones)}, servers, asked.dns_latency, asked.dns_rate
    )
    loop = asyncio.new_event_loop()
    port = loop.run_until_complete(serve(fleet))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with http.running(emulator):
        pipe.send((emulator.url, port))
        while True:
            if pipe.recv() == "limit":
                _limit(emulator, asked)
                pipe.send(None)
                continue
            counts = Counter(seen.operation for seen in list(emulator.seen))
            if isinstance(emulator, _Limited) and emulator.throttled:
                counts["throttled"] = emulator.throttled
            pipe.send((dict(counts), fleet.answered, fleet.limited))
            emulator.seen.clear()
            fleet.answered = fleet.limited = 0


def _served(asked: Asked, number: int) -> str:
    return f"old{host(number)}" if number < asked.changed else host(number)


def _route53(asked: Asked) -> route53.Route53Emulator:
    emulator = route53.Route53Emulator()
    for number in range(asked.zones):
        made = emulator.add_zone(f"{zone(number)}.")
        made.put(made.name, "MX", 3600, f"0 {_served(asked, number)}.")
    emulator.latency = asked.latency
    emulator.upserts = True  # octoDNS writes so
    return emulator


def _cloudflare(asked: Asked) -> _Limited:
    emulator = _Limited(TOKEN)
    for number in range(asked.zones):
        made = emulator.add(zone(number))
        made.hold("MX", zone(number), 3600, content=_served(asked, number), priority=0)
    emulator.latency = asked.latency
    return emulator


def _limit(emulator: route53.Route53Emulator | _Limited, asked: Asked) -> None:
    if asked.limited and isinstance(emulator, _Limited):
        emulator.windows = _Window(1200, 300), _Window(200, 1)
    elif asked.limited and isinstance(emulator, route53.Route53Emulator):
        emulator.bucket = route53.Bucket(10, 50, time.monotonic)
