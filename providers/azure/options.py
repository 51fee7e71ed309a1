"""What a manifest says of a provider of type `azure`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from plans.desired import Cloud
from providers.contract import Options
from providers.limiter import Rate
from providers.service_options import Endpoint, Speed, rate_of

_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
_READS, _WRITES = Rate(25, 250), Rate(10, 200)
# As azure-mgmt-core's get_arm_endpoints names them.
_ROOTS = {
    Cloud.GLOBAL: "https://management.azure.com",
    Cloud.USGOV: "https://management.usgovcloudapi.net",
    Cloud.USGOV_DOD: "https://management.usgovcloudapi.net",
    Cloud.CHINA: "https://management.chinacloudapi.cn",
}
_SCOPES = {
    Cloud.GLOBAL: "https://management.azure.com/.default",
    Cloud.USGOV: "https://management.core.usgovcloudapi.net/.default",
    Cloud.USGOV_DOD: "https://management.core.usgovcloudapi.net/.default",
    Cloud.CHINA: "https://management.chinacloudapi.cn/.default",
}


class AzureOptions(Options):
    """The manifest's options."""

    subscription: Annotated[str, Field(pattern=_GUID)] = Field(
        description="a subscription's id", examples=["00000000-0000-0000-0000-000000000000"]
    )
    credential: Annotated[str, Field(min_length=1)] = Field(description="the label of a credential", examples=["partner"])
    tenant: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="the subscription's tenant, a GUID or a domain name of it", examples=["contoso.onmicrosoft.com"]
    )
    resource_group: Annotated[str, Field(pattern=r"^[-\w.()]{1,90}$")] | None = Field(
        None,
        description="the name of the resource group whose zones are meant (default: the whole subscription)",
        examples=["dns"],
    )
    cloud: Cloud = Field(Cloud.GLOBAL, description="the subscription's cloud", examples=["global"])
    endpoint: Endpoint | None = Field(
        None,
        description="the root of Azure Resource Manager, https (http to this machine only), without a version path",
        examples=["https://management.azure.com"],
    )
    rate: Speed | None = Field(
        None,
        description="requests a second, a number or {rate, burst} (default: reads 25 with a burst of 250, writes 10 with 200)",
        examples=[10],
    )

    def root(self) -> str:
        """Give the URL that paths are added to."""
        return self.endpoint or _ROOTS[self.cloud]

    def scope(self) -> str:
        """Give the scope of a token: the cloud's own, whatever endpoint is asked."""
        return _SCOPES[self.cloud]

    def rates(self) -> tuple[Rate, Rate]:
        """Give the rates of reads and of writes; one that is given holds for each."""
        return rate_of(self.rate, _READS), rate_of(self.rate, _WRITES)
