"""Route 53 Domains' API as this adapter asks it."""

from __future__ import annotations

from providers.aws.client import AwsClient, Patience
from providers.aws.service import Service
from providers.aws.session import SdkClient, connect
from providers.contract import Context
from providers.route53_domains.options import Route53DomainsOptions

SERVICE = Service(
    "route53domains",
    "Route 53 Domains",
    subjects=("DomainName", "OperationId"),
    always={
        "ListDomains": "Domains",
        "GetDomainDetail": "DomainName",
        "GetOperationDetail": "Status",
        "AssociateDelegationSignerToDomain": "OperationId",
        "DisassociateDelegationSignerFromDomain": "OperationId",
    },
    throttled=frozenset({"OperationLimitExceeded"}),
)
_REGION = "us-east-1"
"""The only region that has the service (https://docs.aws.amazon.com/general/latest/gr/r53.html)."""


class Client(AwsClient):
    """The API under one provider label. Several threads may use it at once."""

    def __init__(self, label: str, options: Route53DomainsOptions, context: Context, patience: Patience) -> None:
        def connected(connect_timeout: float, read_timeout: float) -> SdkClient:
            return connect(SERVICE.id, options, _REGION, connect_timeout=connect_timeout, read_timeout=read_timeout)

        super().__init__(SERVICE, label, options, connected, context, patience)
