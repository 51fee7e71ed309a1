"""One HTTP exchange with Microsoft Graph, through msgraph-sdk's adapter and middleware, with raw bodies.

The SDK's typed models are not used: they are slow and know one spelling of `@odata.type` only. Its own retries and redirects
are off: waiting is one policy (`asking`), and a redirect is an answer that nobody expects.
"""

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from provisioner.desired.clouds import Endpoint
from provisioner.desired.credential import Login
from provisioner.desired.extra import graph_extra

if TYPE_CHECKING:
    import httpx
    from msgraph.graph_request_adapter import GraphRequestAdapter


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Header names are in lower case.

    `body` is the octets of an HTTP response, or the parsed body of one response inside a batch; `shared`: the
    response is the former, and in answer to a batch is about every request of it.
    """

    status: int
    headers: Mapping[str, str]
    body: object
    shared: bool = True

    @property
    def ok(self) -> bool:
        """Whether the request was answered."""
        return self.status == 200  # noqa: PLR2004 - HTTP's OK

    @property
    def again(self) -> bool:
        """Whether the same request may be answered later."""
        return self.status == 429 or self.status >= 500  # noqa: PLR2004 - HTTP's classes


class Silence(StrEnum):
    """Why nothing came back."""

    TIMEOUT = "timeout"
    TLS = "tls"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class NoReply:
    """Nothing came back; `detail` is the network's own reason."""

    why: Silence
    detail: str
    shared: bool = True

    @property
    def again(self) -> bool:
        """Whether the same request may be answered later: a certificate does not mend itself."""
        return self.why is not Silence.TLS


Outcome = Reply | NoReply


class Wire:
    """Connections to one endpoint. Made, used and closed inside one event loop; `seconds` bound each exchange."""

    def __init__(
        self,
        adapter: GraphRequestAdapter,
        transport: httpx.AsyncHTTPTransport,
        endpoint: Endpoint,
        log_in: Callable[[], object],
        seconds: float,
    ) -> None:
        self._adapter = adapter
        self._transport = transport
        self._endpoint = endpoint
        self._log_in = log_in
        self._seconds = seconds

    @classmethod
    async def open(cls, endpoint: Endpoint, login: Login, scope: str, seconds: float) -> Wire:
        """Get ready to ask. Raises `Problem`: the SDK is not installed."""
        with graph_extra():
            import httpx  # noqa: PLC0415 - heavy, like all of the SDK
            from kiota_authentication_azure.azure_identity_authentication_provider import (  # noqa: PLC0415 - the SDK
                AzureIdentityAuthenticationProvider,
            )
            from kiota_http.middleware.options import (  # noqa: PLC0415 - the SDK
                RedirectHandlerOption,
                RetryHandlerOption,
            )
            from msgraph.graph_request_adapter import GraphRequestAdapter, options  # noqa: PLC0415 - the SDK
            from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]  # noqa: PLC0415 - has no type marker
        # HTTP/1.1, since the HTTP/2 codec writes the Authorization header to its debug log. No proxy sees loopback.
        transport = httpx.AsyncHTTPTransport(proxy=None if endpoint.loopback else _proxy(endpoint))
        client = httpx.AsyncClient(transport=transport, base_url=endpoint.base, timeout=seconds)
        quiet = {
            **options,
            RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0, should_retry=False),
            RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
        }
        GraphClientFactory.create_with_default_middleware(client=client, options=quiet)
        # The host is allowed by name: the SDK sends a request to any other without a token and without a word.
        authentication = AzureIdentityAuthenticationProvider(login, scopes=[scope], allowed_hosts=[endpoint.host])
        return cls(GraphRequestAdapter(authentication, client), transport, endpoint, lambda: login.get_token(scope), seconds)

    async def close(self) -> None:
        """Close the connections; the SDK's own transport would leave them open."""
        await self._transport.aclose()

    async def send(self, url: str, body: bytes | None = None) -> Outcome:
        """GET a URL of the endpoint, or POST JSON to it.

        Raises:
            Problem: there is no token.
            ValueError: the URL leads elsewhere.

        """
        import httpx  # noqa: PLC0415 - heavy; `open` has made sure that it is there
        from kiota_abstractions.method import Method  # noqa: PLC0415 - the SDK
        from kiota_abstractions.native_response_handler import NativeResponseHandler  # noqa: PLC0415 - the SDK
        from kiota_abstractions.request_information import RequestInformation  # noqa: PLC0415 - the SDK
        from kiota_http.middleware.options import ResponseHandlerOption  # noqa: PLC0415 - the SDK

        if not self._endpoint.owns(url):
            msg = f"{url} is not at {self._endpoint.root}"
            raise ValueError(msg)
        request = RequestInformation(Method.GET if body is None else Method.POST)
        request.url = url
        request.headers.add("accept", "application/json")
        if body is not None:
            request.set_stream_content(body, "application/json")
        # The raw response, whatever its status: errors are told from their own bodies and headers.
        request.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        self._log_in()  # before the clock runs: the token is then at hand when the SDK asks for it
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._adapter.send_primitive_async(request, "bytes", None)
        except (TimeoutError, httpx.TimeoutException):
            return NoReply(Silence.TIMEOUT, f"no answer in {self._seconds:g} s")
        except httpx.HTTPError as error:
            return NoReply(Silence.TLS if _is_tls(error) else Silence.NETWORK, str(error) or type(error).__name__)
        return Reply(response.status_code, {key.lower(): value for key, value in response.headers.items()}, response.content)


def _proxy(endpoint: Endpoint) -> str | None:
    proxies = urllib.request.getproxies()
    return None if urllib.request.proxy_bypass(endpoint.host) else proxies.get("https") or proxies.get("all")


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
