"""What the manifest may say of a Cloudflare account."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from providers.contract import Options, SecretOption
from providers.limiter import Rate
from providers.service_options import Endpoint, Speed, rate_of

TYPE = "cloudflare"
ENDPOINT = "https://api.cloudflare.com/client/v4"
RATE = Rate(180, burst=10, most=1100, within=300)
"""1,200 requests in five minutes are allowed, and one more blocks everything for five minutes, the customer's dashboard too: a
twelfth is left to that. No address may send more than 200 a second
(https://developers.cloudflare.com/fundamentals/api/reference/limits/)."""


class CloudflareOptions(Options):
    """The manifest's options."""

    type: Literal["cloudflare"]
    token: SecretOption = Field(
        description="a reference to an API token with Zone Read and DNS Edit, {env: NAME} or {file: PATH}",
        examples=[{"env": "CLOUDFLARE_API_TOKEN"}],
    )
    account: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{32}$",
        description="an account's id: only its zones are looked at",
        examples=["023e105f4ecef8ad9ca31a8372d0c353"],
    )
    endpoint: Endpoint = Field(
        ENDPOINT, description="the root of the API: https, or http to loopback, with /client/v4", examples=[ENDPOINT]
    )
    rate: Speed | None = Field(
        None, description="requests a second, or {rate, burst}", examples=[3.6, {"rate": 3.6, "burst": 120}]
    )

    @field_validator("endpoint")
    @classmethod
    def _versioned(cls, text: str) -> str:
        if not text.endswith("/client/v4"):
            msg = "it does not end in /client/v4"
            raise ValueError(msg)
        return text

    @property
    def limit(self) -> Rate:
        """How fast the account may be asked."""
        return rate_of(self.rate, RATE)
