"""The manifest's ways to log in, as azure-identity's credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypedDict, assert_never

from provisioner.desired.extra import graph_extra
from provisioner.manifest.model import (
    AzureCli,
    AzurePipelines,
    Certificate,
    ClientSecret,
    DefaultChain,
    ManagedIdentity,
    WorkloadIdentity,
)
from provisioner.secrets import reveal, reveal_bytes

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from azure.core.credentials import AccessToken

SdkMethod = ClientSecret | Certificate | WorkloadIdentity | AzurePipelines | DefaultChain | AzureCli | ManagedIdentity
"""Every method for which azure-identity gets the token."""


class TokenSource(Protocol):
    """azure-core's `TokenCredential`, as far as it is needed here."""

    def get_token(self, *scopes: str, claims: str | None = None, tenant_id: str | None = None) -> AccessToken:
        """Give a token for scopes."""
        ...


class _Network(TypedDict):
    connection_timeout: int
    read_timeout: int
    retry_total: int


_NETWORK = _Network(connection_timeout=30, read_timeout=30, retry_total=3)


def open_credential(
    method: SdkMethod, tenant: str, login: str, *, well_known: bool
) -> AbstractContextManager[TokenSource, bool | None]:
    """Make azure-identity's credential for one tenant; `login` is the root of the login service, https.

    `well_known` says that the login service is Microsoft's own; any other is not looked up at Microsoft.

    Raises:
        Problem: a secret cannot be read, or the SDK is not installed.
        ValueError: the SDK refuses what the manifest gives.

    """
    with graph_extra():
        import azure.identity as sdk  # noqa: PLC0415 - heavy, and only needed to log in
    made: AbstractContextManager[TokenSource, bool | None]
    quiet = not well_known
    match method:
        case ClientSecret():
            made = sdk.ClientSecretCredential(
                tenant,
                method.client_id,
                reveal(method.secret),
                authority=login,
                disable_instance_discovery=quiet,
                **_NETWORK,
            )
        case Certificate():
            made = sdk.CertificateCredential(
                tenant,
                method.client_id,
                certificate_data=reveal_bytes(method.certificate),
                password=reveal(method.password) if method.password else None,
                authority=login,
                disable_instance_discovery=quiet,
                **_NETWORK,
            )
        case WorkloadIdentity():
            made = sdk.WorkloadIdentityCredential(
                tenant_id=tenant,
                client_id=method.client_id,
                token_file_path=str(method.token_file) if method.token_file else None,
                authority=login,
                disable_instance_discovery=quiet,
                **_NETWORK,
            )
        case AzurePipelines():
            made = sdk.AzurePipelinesCredential(
                tenant_id=tenant,
                client_id=method.client_id,
                service_connection_id=method.service_connection_id,
                system_access_token=reveal(method.system_access_token),
                authority=login,
                disable_instance_discovery=quiet,
                **_NETWORK,
            )
        case DefaultChain():
            made = sdk.DefaultAzureCredential(
                authority=login, additionally_allowed_tenants=[tenant] if tenant else [], disable_instance_discovery=quiet
            )
        case AzureCli():
            made = sdk.AzureCliCredential(tenant_id=tenant)
        case ManagedIdentity():
            made = sdk.ManagedIdentityCredential(client_id=method.client_id)
        case _:
            assert_never(method)
    return made
