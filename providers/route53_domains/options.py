"""What a manifest may say of an account at Route 53 Domains."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from providers.aws.options import AwsOptions
from providers.limiter import Rate
from providers.service_options import Speed


class Route53DomainsOptions(AwsOptions):
    """The options of provider type `route53-domains`. There is no region to choose: the service is in us-east-1 alone."""

    default_rate: ClassVar[Rate] = Rate(2.0, 5)
    """Low, since AWS documents no limit: reading a domain takes one request, changing it a dozen over minutes."""

    rate: Speed | None = Field(
        default=None, description="Requests a second, or {rate, burst}; 2 a second with a burst of 5 where it is not given."
    )
