"""Azure Resource Manager (ARM), as far as DNS zones need it: requests with a deadline, waits, pages, and what went wrong.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from plans.problem import Problem
from providers.contract import (
    AuthFailed,
    Conflict,
    ProviderError,
    Rejected,
    Throttled,
    Unavailable,
    ZoneNotFound,
)
from providers.limiter import Limiter, Meter

if TYPE_CHECKING:
    from azure.core.rest import HttpRequest, HttpResponse
    from azure.mgmt.core import ARMPipelineClient

    Client = ARMPipelineClient[HttpRequest, HttpResponse]

API_VERSION = "2023-07-01-preview"
"""The version that has DS, TLSA and DNSSEC."""

Json = dict[str, Any]
Method = Literal["GET", "PUT", "DELETE"]

_LONGEST_TEXT = 300
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
SUCCESS = range(200, 300)
_LOCKED = "ScopeLocked"
_FAILURES: dict[int, tuple[type[ProviderError], str]] = {
    HTTPStatus.UNAUTHORIZED: (AuthFailed, "check `credential`, `tenant` and `cloud` of the provider in the manifest"),
    HTTPStatus.FORBIDDEN: (AuthFailed, "give the account the role that docs/setup/azure-dns.md describes"),
    HTTPStatus.NOT_FOUND: (ZoneNotFound, "check `subscription` and `resource_group` in the manifest, then make a new plan"),
    HTTPStatus.REQUEST_TIMEOUT: (Unavailable, "run again"),
    HTTPStatus.CONFLICT: (Conflict, "make a new plan"),
    HTTPStatus.PRECONDITION_FAILED: (Conflict, "make a new plan"),
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds, and how often a request is sent; `whole` bounds an answer that trickles.

    `longest` is the longest wait that Azure may ask for, `operation` bounds a long-running operation.
    """

    connect: float = 10.0
    read: float = 30.0
    whole: float = 60.0
    attempts: int = 5
    longest: float = 600.0
    operation: float = 300.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def pause(self, attempt: int) -> float:
        """Give the wait before the attempt after this one (0 is the first); each is twice the one before."""
        return min(_SHORTEST_PAUSE * (1 << attempt), _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What ARM said when it was asked at `url`; header names are in lower case, `body` is empty where there was none."""

    status: int
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """Where requests go, in whose name, and how fast."""

    root: str
    token: Callable[[], str]
    reads: Limiter
    writes: Limiter
    meter: Meter
    now: Callable[[], datetime]


class Arm:
    """Asks ARM. Several threads may use it: each request has a connection to itself while it lasts."""

    def __init__(self, account: Account, patience: Patience) -> None:
        self._account = account
        self.patience = patience
        self._origin = _origin(account.root)
        self._idle: list[Client] = []
        self._sent = frozenset[str]()

    def get(self, target: str, doing: str) -> Answer:
        """Read a path below the root, or a URL that ARM gave. Raises `ProviderError`, `ZoneNotFound` for what is not there."""
        answer = self._read(target, doing)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise self.failure(answer, doing)
        return answer

    def find(self, target: str, doing: str) -> Answer | None:
        """Read as `get` does; None: there is no such thing."""
        answer = self._read(target, doing)
        return None if answer.status == HTTPStatus.NOT_FOUND else answer

    def pages(self, path: str, doing: str) -> Iterator[Json]:
        """Give the items of a listing, page by page. Raises `ProviderError`."""
        target: str | None = path
        seen = set()
        while target:
            seen.add(target)
            body = self.get(target, doing).body
            items = body.get("value")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise senseless(doing, "the listing has no `value`")
            yield from items
            target = body.get("nextLink") or None
            if target is not None and not (isinstance(target, str) and self.owns(target) and target not in seen):
                raise senseless(doing, "the next page lies elsewhere, or was read before")

    def owns(self, url: str) -> bool:
        """Whether a URL leads to where the token may go: the root's own scheme, host and port."""
        try:
            return _origin(url) == self._origin
        except ValueError:
            return False

    def once(
        self, method: Method, target: str, doing: str, headers: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Answer:
        """Send one request and give the answer, whatever it is; only one that asks for a wait (429) is sent again.

        Raises `Unavailable` where no answer of ARM's came (a write may have been made all the same), `Throttled` where the
        waits take too long (it was not made), `AuthFailed` where there is no token.
        """
        writes = method != "GET"
        limiter = self._account.writes if writes else self._account.reads
        url = target if "://" in target else f"{self._account.root}{target}"
        if "api-version=" not in url:
            url = f"{url}{'&' if '?' in url else '?'}api-version={API_VERSION}"
        attempt = 0
        while True:
            token = self._token()
            limiter.acquire()
            self._account.meter.called(f"azure:{doing}")
            answer = self._answer(method, url, {"Authorization": f"Bearer {token}"} | dict(headers or {}), body, doing)
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                return answer
            self._account.meter.throttled(f"azure:{doing}")
            wait = self.retry_after(answer) or self.patience.pause(attempt)
            attempt += 1
            if attempt == self.patience.attempts or wait > self.patience.longest:
                raise self.failure(answer, doing)
            limiter.block(wait)

    def failure(self, answer: Answer, doing: str) -> ProviderError:
        """Say in the contract's words what an answer that is no success means."""
        code, message = _error_of(answer.body)
        headline = f"Azure did not {doing}"
        told = " ".join(part for part in (f"HTTP {answer.status}", code, message) if part)
        detail = self._detail(answer.url, told)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(headline, detail, "run again later, or lower `rate`", self.retry_after(answer))
        if code == _LOCKED:
            return Rejected(headline, detail, "remove the lock from the zone or its resource group, then run again")
        kind, mend = _FAILURES.get(answer.status, (Rejected, "mend what Azure names, then make a new plan"))
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status < HTTPStatus.BAD_REQUEST:
            kind, mend = Unavailable, "run again later"
        return kind(headline, detail, mend)

    def retry_after(self, answer: Answer) -> float | None:
        """Give the seconds to wait that an answer asks for (RFC 9110 §10.2.3); None: it does not."""
        text = answer.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]{1,9}", text):
            return float(text)
        try:
            until = parsedate_to_datetime(text)
            return max((until - self._account.now()).total_seconds(), 0.0)
        except (TypeError, ValueError):
            return None

    def _read(self, target: str, doing: str) -> Answer:
        """Give a success or a 404, after as many attempts as patience has."""
        attempt = 0
        while True:
            wait = None
            try:
                answer = self.once("GET", target, doing)
            except Throttled:
                raise
            except Unavailable as error:
                failure: ProviderError = error
            else:
                if answer.status in SUCCESS or answer.status == HTTPStatus.NOT_FOUND:
                    return answer
                failure, wait = self.failure(answer, doing), self.retry_after(answer)
            wait = wait or self.patience.pause(attempt)
            attempt += 1
            if not isinstance(failure, Unavailable) or attempt == self.patience.attempts or wait > self.patience.longest:
                raise failure
            self.patience.sleep(wait)

    def _token(self) -> str:
        try:
            token = self._account.token()
        except Problem as problem:
            raise AuthFailed(problem.headline, problem.detail, problem.mend) from problem
        self._sent |= {token}  # a new set each time: other threads may be reading the old one
        return token

    def _detail(self, url: str, told: str) -> str:
        for token in self._sent:
            told = told.replace(token, "…")
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in told).split())
        return f"{url.partition('?')[0]}: {line if len(line) <= _LONGEST_TEXT else f'{line[:_LONGEST_TEXT]}…'}"

    def _answer(self, method: Method, url: str, headers: Mapping[str, str], body: Json | None, doing: str) -> Answer:
        with _azure_extra():
            from azure.core.exceptions import AzureError  # noqa: PLC0415 - start-up imports no SDK
            from azure.core.rest import HttpRequest  # noqa: PLC0415 - the same
        request = HttpRequest(method, url, headers=dict(headers) | {"Accept": "application/json"}, json=body)
        try:
            client = self._idle.pop()
        except IndexError:
            client = self._new_client()
        try:
            response = _within(self.patience.whole, lambda: client.send_request(request))
        except AzureError as error:
            self._idle.append(client)
            raise self._no_answer(url, doing, error.message) from error
        except TimeoutError as error:
            # The client is left to the thread that still waits.
            raise self._no_answer(url, doing, f"no whole answer within {self.patience.whole:g} s") from error
        self._idle.append(client)
        text = response.content
        lower = {name.lower(): value for name, value in response.headers.items()}
        parsed = _object(text)
        if parsed is None and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            raise self._no_answer(url, doing, f"HTTP {response.status_code} with a body that is no JSON object")
        return Answer(response.status_code, url, lower, parsed or {})

    def _no_answer(self, url: str, doing: str, why: str) -> Unavailable:
        detail = self._detail(url, why)
        return Unavailable(
            f"Azure gave no answer when asked to {doing}", detail, "check the network and a proxy, then run again"
        )

    def _new_client(self) -> Client:
        with _azure_extra():
            from azure.core.pipeline.policies import RequestIdPolicy, UserAgentPolicy  # noqa: PLC0415 - start-up imports no SDK
            from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 - the same
            from azure.mgmt.core import ARMPipelineClient  # noqa: PLC0415 - the same
        transport = RequestsTransport(connection_timeout=self.patience.connect, read_timeout=self.patience.read)
        transport.open()
        # Without an `auth` of its own a session takes a password from ~/.netrc and puts it in the token's place.
        transport.session.auth = _as_it_is
        # No retry policy and none for redirects: what is sent again, and where a token goes, is decided here.
        policies = [RequestIdPolicy(), UserAgentPolicy(base_user_agent="provisioner")]
        return ARMPipelineClient(self._account.root, policies=policies, transport=transport)


def senseless(doing: str, what: str) -> Rejected:
    """Make the error for an answer that contradicts the API's description."""
    return Rejected(f"Azure's answer makes no sense when asked to {doing}", what, "run again; if it stays, report it")


@contextmanager
def _azure_extra() -> Iterator[None]:
    """Import the SDK inside this; raises `ProviderError` where it is not installed."""
    try:
        yield
    except ImportError as error:
        raise ProviderError(
            "Azure DNS cannot be reached by this installation",
            f"The package {error.name or error} is not installed.",
            "pip install 'provisioner[azure]'",
        ) from None


def _within(seconds: float, call: Callable[[], HttpResponse]) -> HttpResponse:
    """Make a call in a thread of its own: the SDK's timeouts begin anew with every octet. Raises `TimeoutError`."""
    answer: Future[HttpResponse] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer.result(seconds)


def _as_it_is(request: object) -> object:
    return request


def _object(text: bytes) -> Json | None:
    if not text.strip():
        return {}
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _error_of(body: Json) -> tuple[str, str]:
    """Give the code and the message of an error, which stand in an envelope or, in some answers, bare."""
    error = body.get("error", body)
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or ""), str(error.get("message") or "")


def _origin(url: str) -> tuple[str, str | None, int | None, str | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme), parts.username
