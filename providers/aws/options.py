"""What a manifest may say of an AWS account, whichever service is asked."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from providers.contract import Options
from providers.limiter import Rate
from providers.service_options import Endpoint, Speed, rate_of

Text = Annotated[str, Field(min_length=1)]


class AwsOptions(Options):
    """The options that they share. Credentials are found as the AWS tools find them; none stands in the manifest."""

    default_rate: ClassVar[Rate]
    """How fast the account is asked where the manifest says nothing."""

    profile: Text | None = Field(
        default=None, description="A profile of the AWS configuration files; else the SDK's usual chain."
    )
    role_arn: str | None = Field(
        default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$", description="A role that is assumed first."
    )
    external_id: Text | None = Field(default=None, description="The external id that the role's trust policy asks for.")
    endpoint: Endpoint | None = Field(
        default=None, description="The API's root, where it is not AWS's own; http for loopback only."
    )
    rate: Speed | None = Field(default=None, description="Requests a second, or {rate, burst}.")

    @model_validator(mode="after")
    def _sensible(self) -> AwsOptions:
        if self.external_id and not self.role_arn:
            msg = "external_id is for a role: name its role_arn"
            raise ValueError(msg)
        return self

    @property
    def limit(self) -> Rate:
        """How fast the account may be asked; a plain number may come a second's worth at once."""
        return rate_of(self.rate, self.default_rate)
