"""What a manifest may say of a Route 53 account."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from providers.aws.options import AwsOptions, Text
from providers.limiter import Rate
from providers.service_options import Speed

_KeyArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$")]


class Route53Options(AwsOptions):
    """The options of provider type `route53`."""

    default_rate: ClassVar[Rate] = Rate(10.0, 48)
    """The service's bucket for an account is of 50, and requests do not arrive as evenly as they are sent
    (docs.aws.amazon.com/Route53/latest/DeveloperGuide/throttling-api-requests.html)."""

    region: Text | None = Field(
        default=None, description="An AWS region; it chooses the partition and where the role is assumed."
    )
    rate: Speed | None = Field(
        default=None, description="Requests a second, or {rate, burst}; 10 a second with a burst of 48 where it is not given."
    )
    kms_key: _KeyArn | Annotated[list[_KeyArn], Field(min_length=1)] | None = Field(
        default=None, description="The KMS key for signing (ECC_NIST_P256, us-east-1), by its ARN; a second one for a key roll."
    )

    @property
    def kms_keys(self) -> tuple[str, ...]:
        """The KMS keys that zones may be signed with, in the order in which they are taken."""
        if self.kms_key is None:
            return ()
        return (self.kms_key,) if isinstance(self.kms_key, str) else tuple(self.kms_key)
