"""Route 53's API as this adapter asks it."""

from __future__ import annotations

from functools import partial

from providers.aws.client import AwsClient, Patience
from providers.aws.service import Service
from providers.contract import Context
from providers.route53.options import Route53Options
from providers.route53.session import connect

__all__ = ["Client", "Patience"]

_SERVICE = Service(
    "route53",
    "Route 53",
    subjects=("HostedZoneId", "Id"),
    busy=frozenset({"ConcurrentModification", "PriorRequestNotComplete"}),
    no_zone=frozenset({"NoSuchHostedZone"}),
)


class Client(AwsClient):
    """The API under one provider label. Several threads may use it at once."""

    def __init__(self, label: str, options: Route53Options, context: Context, patience: Patience) -> None:
        super().__init__(_SERVICE, label, options, partial(connect, options), context, patience)
