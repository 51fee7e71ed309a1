"""What lies between a client and an emulated HTTP service, and spoils what it is told to spoil."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.emulators import http
from tests.emulators.http import Emulator, Request, Response

Serve = Callable[[Request], Response | None]
"""The service itself: carries a request out, and gives its true answer."""
Meddle = Callable[[Request, Serve], Response | None]
"""What becomes of a request instead; None: the connection is closed without an answer."""


@dataclass(frozen=True)
class Broken(Response):
    """An answer whose connection is closed in the middle of its body."""

    def parts(self) -> Iterator[bytes]:
        yield self.body[: len(self.body) // 2]
        raise http.HangUp


@dataclass(frozen=True)
class Stalled(Response):
    """An answer whose second half is never sent, until `over` is set."""

    over: threading.Event = field(kw_only=True)

    def parts(self) -> Iterator[bytes]:
        yield self.body[: len(self.body) // 2]
        self.over.wait()
        raise http.HangUp


@dataclass
class _Laid:
    """A spoiler for requests that match; `left` says how often it strikes yet, None: always."""

    matches: Callable[[Request], bool]
    meddle: Meddle
    left: int | None


class Between:
    """An emulator behind spoilers. `seen` has all requests, `written` the targets of the writes that were carried out."""

    def __init__(self, inner: Emulator) -> None:
        self._inner = inner
        self._laid: list[_Laid] = []
        self._lock = threading.Lock()
        self.over = threading.Event()
        self.seen: list[tuple[str, str]] = []
        self.written: list[str] = []

    @property
    def url(self) -> str:
        return self._inner.url

    @url.setter
    def url(self, url: str) -> None:
        self._inner.url = url

    def lay(self, matches: Callable[[Request], bool], meddle: Meddle, times: int | None) -> None:
        """Spoil requests that match, so many times; None: for ever. What is laid later strikes first."""
        with self._lock:
            self._laid.insert(0, _Laid(matches, meddle, times))

    def lift(self) -> None:
        """Let every request through again."""
        with self._lock:
            self._laid.clear()

    def respond_to(self, request: Request) -> Response | None:
        self.seen.append((request.method, request.target))
        meddle = self._next(request)
        return meddle(request, self._serve) if meddle else self._serve(request)

    def _next(self, request: Request) -> Meddle | None:
        with self._lock:
            for laid in self._laid:
                if laid.left != 0 and laid.matches(request):
                    laid.left = None if laid.left is None else laid.left - 1
                    return laid.meddle
        return None

    def _serve(self, request: Request) -> Response | None:
        response = self._inner.respond_to(request)
        if request.method != "GET" and response and response.status in range(200, 300):
            self.written.append(request.target)
        return response

    # Spoilers

    @staticmethod
    def dropped(_request: Request, _serve: Serve) -> None:
        """Close the connection before the service sees the request."""

    @staticmethod
    def lost(request: Request, serve: Serve) -> None:
        """Carry it out, and close the connection without an answer."""
        serve(request)

    @staticmethod
    def broken(request: Request, serve: Serve) -> Response | None:
        """Carry it out, and close the connection in the middle of the answer."""
        answer = serve(request)
        return answer and Broken(answer.status, answer.body, answer.headers)

    @staticmethod
    def halved(request: Request, serve: Serve) -> Response | None:
        """Carry it out, and give the first half of the document as if it were all."""
        answer = serve(request)
        return answer and Response(answer.status, answer.body[: len(answer.body) // 2], answer.headers)

    def stalled(self, request: Request, serve: Serve) -> Response | None:
        """Carry it out, and never send the second half of the answer."""
        answer = serve(request)
        return answer and Stalled(answer.status, answer.body, answer.headers, over=self.over)


def answering(answer: Callable[[Request], Response]) -> Meddle:
    """Give this answer, and do nothing."""
    return lambda request, _serve: answer(request)


def answering_after(answer: Callable[[Request], Response]) -> Meddle:
    """Carry the request out, and give this answer."""

    def meddle(request: Request, serve: Serve) -> Response:
        serve(request)
        return answer(request)

    return meddle


@contextmanager
def running(between: Between) -> Iterator[Between]:
    """Serve the emulator behind its spoilers on a free port of loopback until the block ends."""
    with http.running(between):
        try:
            yield between
        finally:
            between.over.set()
