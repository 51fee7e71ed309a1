"""Options that providers with a service behind them have in common: how fast it is asked, and where it is."""

from __future__ import annotations

import math
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from providers.limiter import Rate
from providers.loopback import is_loopback


class RateOption(BaseModel):
    """Requests a second, and how many may come at once after a pause."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    rate: float = Field(gt=0, allow_inf_nan=False, description="requests a second", examples=[10])
    burst: int = Field(ge=1, description="how many requests may come at once after a pause", examples=[50])


Speed = Annotated[float, Field(gt=0, allow_inf_nan=False)] | RateOption
"""What a manifest says under `rate`: a number of requests a second, or that with a burst."""


def rate_of(said: float | RateOption | None, documented: Rate) -> Rate:
    """Give the rate that is said, else the documented one; of a plain number one second's worth may come at once."""
    match said:
        case None:
            return documented
        case RateOption(rate=rate, burst=burst):
            return Rate(rate, burst)
        case number:
            return Rate(number, max(1, math.ceil(number)))


def _service_root(text: str) -> str:
    """Take https anywhere and http at loopback; what is wrong is said without the text, which might hold a password."""
    url = urlsplit(text)
    if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.password or url.query or url.fragment:
        msg = "it is no plain https URL"
        raise ValueError(msg)
    if url.scheme == "http" and not is_loopback(text):
        msg = "plain http is taken for loopback only"
        raise ValueError(msg)
    return text.rstrip("/")


Endpoint = Annotated[str, AfterValidator(_service_root)]
"""The root of a service, without a final slash."""
