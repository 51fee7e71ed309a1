"""What a manifest may say of a Route 53 account."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from providers.contract import Options
from providers.limiter import Rate
from providers.service_options import Endpoint, Speed, rate_of

_Text = Annotated[str, Field(min_length=1)]
_KeyArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$")]

DOCUMENTED_RATE = Rate(10.0, 50)
"""Route 53's own bucket for an account (docs.aws.amazon.com/Route53/latest/DeveloperGuide/throttling-api-requests.html)."""


class Route53Options(Options):
    """The options of provider type `route53`. Credentials are found as the AWS tools find them; none stands in the manifest."""

    profile: _Text | None = Field(
        default=None, description="A profile of the AWS configuration files; else the SDK's usual chain."
    )
    role_arn: str | None = Field(
        default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$", description="A role that is assumed first."
    )
    external_id: _Text | None = Field(default=None, description="The external id that the role's trust policy asks for.")
    region: _Text | None = Field(
        default=None, description="An AWS region; it chooses the partition and where the role is assumed."
    )
    endpoint: Endpoint | None = Field(
        default=None, description="The API's root, where it is not AWS's own; http for loopback only."
    )
    rate: Speed | None = Field(
        default=None, description="Requests a second, or {rate, burst}; 10 a second with a burst of 50 where it is not given."
    )
    kms_key: _KeyArn | Annotated[list[_KeyArn], Field(min_length=1)] | None = Field(
        default=None, description="The KMS key for signing (ECC_NIST_P256, us-east-1), by its ARN; a second one for a key roll."
    )

    @model_validator(mode="after")
    def _sensible(self) -> Route53Options:
        if self.external_id and not self.role_arn:
            msg = "external_id is for a role: name its role_arn"
            raise ValueError(msg)
        return self

    @property
    def limit(self) -> Rate:
        """How fast the account may be asked; a plain number may come a second's worth at once."""
        return rate_of(self.rate, DOCUMENTED_RATE)

    @property
    def kms_keys(self) -> tuple[str, ...]:
        """The KMS keys that zones may be signed with, in the order in which they are taken."""
        if self.kms_key is None:
            return ()
        return (self.kms_key,) if isinstance(self.kms_key, str) else tuple(self.kms_key)
