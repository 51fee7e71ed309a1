"""The Cloudflare API (https://developers.cloudflare.com/api/): every request of the adapter, its retries and its errors.

The SDK makes the requests; its own retries are off, since it repeats a POST without looking and gives up on the five minutes
for which Cloudflare blocks an account that asked too often. Its iterators are not used (they fetch one page too many), nor
are its models (they take numbers for floats and cost more than the request).
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from providers.cloudflare.errors import lost, no_token, refusal, throttled, unavailable, unreadable
from providers.cloudflare.options import CloudflareOptions
from providers.cloudflare.rows import Answer, BatchRows, Dnssec, Failure, Page, Row, ZoneRow
from providers.contract import Context, ProviderError, Throttled, Unavailable, Unsupported
from providers.in_order import all_in_order
from providers.loopback import is_loopback

if TYPE_CHECKING:
    import cloudflare as sdk
    import httpx

    from providers.limiter import Limiter

_ZONES_A_PAGE = 50
"""The most that the API gives at once."""
_ZONE_PAGES_AT_ONCE = 4
"""So many pages after the first one are asked for together: that one tells how many there are."""
_RECORDS_A_PAGE = 5000
"""The API gives up to 5,000,000; this many are a few megabytes of JSON, and all of nearly every zone."""
_BLOCK = 300.0
"""Seconds; for so long an account is blocked that asked too often."""
_LONGEST_BLOCK = 2 * _BLOCK
"""Seconds; whoever asks for a longer wait gets no wait but an error."""
_RESERVE = 100
"""So many of the requests that are left of an account's quota are not ours: some are under way, others are the dashboard's."""
_SHORTEST_QUOTA = 2
"""Seconds; a quota that begins anew sooner is kept by the pace alone."""
_QUOTA = re.compile(r";\s*r=(\d{1,9})\s*;\s*t=(\d{1,9})")
"""What is left, and the seconds until that begins anew, in the header `Ratelimit`."""
_LONGEST_PART = 500
"""Characters of what an error tells."""
_TOKEN = re.compile(r"[!-~]+\Z")
"""What fits into a header (RFC 6750 section 2.1 allows less)."""

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


class _Raw(Protocol):
    @property
    def headers(self) -> httpx.Headers: ...

    def read(self) -> bytes: ...


class _AskPage(Protocol):
    def __call__(self, client: sdk.Cloudflare, *, number: int) -> _Raw: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, all in seconds; after each of `pauses` it is tried once more."""

    connect: float = 10.0
    read: float = 30.0
    whole: float = 120.0
    pauses: Sequence[float] = (1.0, 4.0, 15.0)
    sleep: Callable[[float], None] = field(default=time.sleep)


class Api:
    """One account's access. Several threads may use it at once; the first request makes the client."""

    def __init__(self, label: str, options: CloudflareOptions, context: Context, patience: Patience) -> None:
        self._label = label
        self._options = options
        self._context = context
        self.patience = patience
        self._lock = threading.Lock()
        self._opened: tuple[sdk.Cloudflare, Limiter, str] | None = None

    def zone_pages(self) -> Iterator[tuple[list[ZoneRow], int]]:
        """Give the account's zones page by page, each with the number of all zones."""

        def page(client: sdk.Cloudflare, *, number: int) -> _Raw:
            return client.zones.with_raw_response.list(page=number, per_page=_ZONES_A_PAGE, **self._account())

        yield from self._pages("zones.list", page, Page[ZoneRow], "the zones", at_once=_ZONE_PAGES_AT_ONCE)

    def zones_named(self, name: str) -> list[ZoneRow]:
        """Give the zones of that name that the token sees: in several accounts there may be one each."""

        def ask(client: sdk.Cloudflare) -> _Raw:
            return client.zones.with_raw_response.list(name=name, per_page=_ZONES_A_PAGE, **self._account())

        return self._read("zones.list", ask, Page[ZoneRow], f"the zone {name}").result

    def zone(self, zone_id: str) -> ZoneRow:
        """Give one zone. Raises `ZoneNotFound`."""

        def ask(client: sdk.Cloudflare) -> _Raw:
            return client.zones.with_raw_response.get(zone_id=zone_id)

        return self._read("zones.get", ask, Answer[ZoneRow], f"the zone {zone_id}").result

    def record_pages(self, zone_id: str, zone: str) -> Iterator[tuple[list[Row], int]]:
        """Give a zone's records page by page, each with the number of all records."""

        def page(client: sdk.Cloudflare, *, number: int) -> _Raw:
            return client.dns.records.with_raw_response.list(zone_id=zone_id, page=number, per_page=_RECORDS_A_PAGE)

        yield from self._pages("records.list", page, Page[Row], f"the records of zone {zone}")

    def may_read(self, zone_id: str, zone: str) -> None:
        """Ask for one record. Raises `AuthFailed` where the token may not."""

        def ask(client: sdk.Cloudflare) -> _Raw:
            return client.dns.records.with_raw_response.list(zone_id=zone_id, per_page=1)

        self._read("records.list", ask, Page[Row], f"the records of zone {zone}")

    def batch(self, zone_id: str, zone: str, body: Mapping[str, Any]) -> BatchRows:
        """Change records, once: nothing is repeated here. Raises `Lost` where it may have been done."""

        def ask(client: sdk.Cloudflare) -> _Raw:
            return client.dns.records.with_raw_response.batch(zone_id=zone_id, **body)

        return self._once("records.batch", ask, Answer[BatchRows], f"the records of zone {zone}").result

    def dnssec(self, zone_id: str, zone: str) -> Dnssec:
        """Read how a zone is signed."""

        def ask(client: sdk.Cloudflare) -> _Raw:
            return client.dns.dnssec.with_raw_response.get(zone_id=zone_id)

        return self._read("dnssec.get", ask, Answer[Dnssec], f"the signing of zone {zone}").result

    def set_dnssec(self, zone_id: str, zone: str, *, active: bool) -> Dnssec:
        """Turn signing on or off; doing so twice does no more than once."""

        def ask(client: sdk.Cloudflare) -> _Raw:
            return client.dns.dnssec.with_raw_response.edit(zone_id=zone_id, status="active" if active else "disabled")

        return self._read("dnssec.edit", ask, Answer[Dnssec], f"the signing of zone {zone}").result

    def delete_dnssec(self, zone_id: str, zone: str) -> None:
        """Take a zone's key and signatures away; it must be disabled. Tried once: a second time there is nothing to delete."""

        def ask(client: sdk.Cloudflare) -> _Raw:
            return client.dns.dnssec.with_raw_response.delete(zone_id=zone_id)

        self._once("dnssec.delete", ask, Answer[str | None], f"the signing of zone {zone}")

    def _account(self) -> dict[str, Any]:
        return {"account": {"id": self._options.account}} if self._options.account else {}

    def _pages(
        self, operation: str, ask: _AskPage, model: type[Page[R]], what: str, at_once: int = 1
    ) -> Iterator[tuple[list[R], int]]:
        """Give pages until all that there is was given: one is read when it is wanted, several are read ahead.

        Raises `Unavailable` where the list does not add up: it changed.
        """

        def read(number: int) -> Page[R]:
            return self._read(operation, partial(ask, number=number), model, what)

        first = read(1)
        total, seen = first.result_info.total_count, 0
        further = range(2, -(-total // len(first.result)) + 1) if first.result else range(0)
        rest = map(read, further) if at_once == 1 else (page for _, page in all_in_order(read, further, at_once))
        for page in chain([first], rest):
            seen += len(page.result)
            if page.result_info.total_count != total or seen > total or (seen < total and not page.result):
                break
            yield page.result, total
        if seen != total:
            raise unavailable(self._label, what, "the list changed while it was read page by page")

    def _read(self, operation: str, ask: Callable[[sdk.Cloudflare], _Raw], model: type[M], what: str) -> M:
        """Ask, again where no answer came: nothing is changed, or nothing that a second time would change more."""
        for pause in self.patience.pauses:
            try:
                return self._once(operation, ask, model, what)
            except Throttled as error:
                if error.retry_after is not None and error.retry_after > _LONGEST_BLOCK:
                    raise
            except Unavailable:
                self.patience.sleep(pause)
        return self._once(operation, ask, model, what)

    def _once(self, operation: str, ask: Callable[[sdk.Cloudflare], _Raw], model: type[M], what: str) -> M:
        client, limiter, token = self._ready()
        limiter.acquire()
        self._context.meter.called(f"cloudflare:{operation}")
        try:
            body = self._sent(client, ask, what, limiter)
            return self._understood(body, model, what)
        except Throttled as error:
            self._context.meter.throttled(f"cloudflare:{operation}")
            wait = _BLOCK if error.retry_after is None else error.retry_after
            if wait <= _LONGEST_BLOCK:
                limiter.block(wait)
            raise _without(token, error) from None
        except ProviderError as error:
            raise _without(token, error) from None

    def _sent(self, client: sdk.Cloudflare, ask: Callable[[sdk.Cloudflare], _Raw], what: str, limiter: Limiter) -> bytes:
        import cloudflare  # noqa: PLC0415 - only a run that uses the provider pays for it
        import httpx  # noqa: PLC0415 - the same

        try:
            answer = ask(client)
            _heed(answer.headers.get("ratelimit", ""), limiter)
            return answer.read()
        except cloudflare.APIStatusError as error:
            response = error.response
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                raise throttled(self._label, what, response.headers.get("retry-after")) from None
            try:
                failure = Failure.model_validate_json(response.content)
            except ValidationError:
                raise lost(self._label, what, f"HTTP {response.status_code}, and no answer of the API in it") from None
            if response.is_server_error:
                raise lost(self._label, what, f"HTTP {response.status_code}: {failure.errors[0].message}") from None
            raise refusal(self._label, what, response.status_code, failure) from None
        except cloudflare.APIConnectionError as error:
            cause = error.__cause__
            reason = f"{type(cause).__name__}: {cause}"
            if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
                raise unavailable(self._label, what, reason) from None
            raise lost(self._label, what, reason) from None

    def _understood(self, body: bytes, model: type[M], what: str) -> M:
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            if _is_no_json(error):
                raise lost(self._label, what, "what came is no JSON: something between here and Cloudflare answered") from None
            try:
                failure = Failure.model_validate_json(body)
            except ValidationError:
                raise unreadable(self._label, what, error) from None
            raise refusal(self._label, what, None, failure) from None

    def _ready(self) -> tuple[sdk.Cloudflare, Limiter, str]:
        with self._lock:
            if self._opened is None:
                token = self._context.reveal(self._options.token)
                if not _TOKEN.match(token):
                    raise no_token(self._label)
                account = hashlib.sha256(token.encode()).hexdigest()[:16]
                limiter = self._context.limiters.of("cloudflare", account, self._options.limit)
                self._opened = self._client(token), limiter, token
            return self._opened

    def _client(self, token: str) -> sdk.Cloudflare:
        try:
            import cloudflare  # noqa: PLC0415 - only a run that uses the provider pays for it
            import httpx  # noqa: PLC0415 - the same
        except ImportError as error:
            raise Unsupported(
                f"provider {self._label} cannot be used by this installation",
                f"the package {error.name or error} is not installed",
                "pip install 'provisioner[cloudflare]'",
            ) from None
        endpoint, patience = self._options.endpoint, self.patience
        transport = cloudflare.DefaultHttpxClient(
            base_url=endpoint,
            timeout=httpx.Timeout(patience.read, connect=patience.connect),
            follow_redirects=False,
            trust_env=not is_loopback(endpoint),
            event_hooks={"response": [lambda response: _bounded(response, patience.whole)]},
        )
        client = cloudflare.Cloudflare(api_token=token, base_url=endpoint, max_retries=0, http_client=transport)
        # What the SDK found in the environment would be sent instead of the token.
        client.api_email = client.api_key = client.user_service_key = None
        weakref.finalize(self, transport.close)
        return client


def _heed(quotas: str, limiter: Limiter) -> None:
    """Stop before an account's quota is used up: whoever asks more is blocked, and whoever else uses the account with them."""
    for left, seconds in _QUOTA.findall(quotas):
        if int(left) <= _RESERVE and _SHORTEST_QUOTA <= int(seconds) <= _LONGEST_BLOCK:
            limiter.block(float(seconds))


def _bounded(response: httpx.Response, seconds: float) -> None:
    """Let a body take so long as a whole: a timeout of the transport begins anew with every octet."""
    import httpx  # noqa: PLC0415 - only a run that uses the provider pays for it

    within, deadline = response.stream, time.monotonic() + seconds

    class Bounded(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for part in within:  # type: ignore[union-attr]  # a synchronous client's stream is one
                yield part
                if time.monotonic() > deadline:
                    msg = f"the answer was not complete after {seconds:g} s"
                    raise httpx.ReadTimeout(msg)

        def close(self) -> None:
            within.close()  # type: ignore[union-attr]  # the same

    response.stream = Bounded()


def _is_no_json(error: ValidationError) -> bool:
    return any(mistake["type"] == "json_invalid" for mistake in error.errors(include_input=False, include_url=False))


def _without(token: str, error: ProviderError) -> ProviderError:
    """Take the token out of an error: a careless proxy may have repeated it."""
    parts = (error.headline, error.detail, error.mend)
    error.headline, error.detail, error.mend = (part.replace(token, "[token]")[:_LONGEST_PART] for part in parts)
    error.args = (error.headline, error.detail, error.mend)
    return error
