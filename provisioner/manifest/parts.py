"""The parts of a manifest as they are written: one model each, from which the checks and the editors' schema both come.

A description says what a value is, as in "expected <description>, found a number"; the first example stands in the mend.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from plans.desired import Cloud
from plans.rollout.domain import Strategy
from plans.rollout.onboarding import Verify

DEFAULT_STATE = "sqlite:///.provisioner/state.db"
EXAMPLE_EXCHANGE = "contoso-com.o-v1.mx.microsoft"

Text = Annotated[str, StringConstraints(min_length=1)]


class Part(BaseModel):
    """Any mapping of a manifest: keys that it does not name are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SecretPart(Part):
    """Where a secret is to be had."""

    discreet: ClassVar[bool] = True
    """An unknown key in its place may be a secret itself: it is not repeated."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        None, description="the name of an environment variable", examples=["CLIENT_SECRET"]
    )
    file: Text | None = Field(None, description="the path of a file", examples=["secret.txt"])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.file is None):
            msg = "a secret is had from either `env` or `file`"
            raise ValueError(msg)
        return self


def _secret(example: str) -> Any:  # noqa: ANN401 - what pydantic's Field gives
    return Field(
        description="a reference, {env: NAME} or {file: PATH} (no secret stands in the manifest itself)",
        examples=[{"env": example}],
    )


_CLIENT_ID = Field(description="an application's id", examples=["00000000-0000-0000-0000-000000000000"])


class ClientSecretPart(Part):
    """An application's client secret."""

    type: Literal["client-secret"]
    client_id: Annotated[Text, _CLIENT_ID]
    secret: Annotated[SecretPart, _secret("CLIENT_SECRET")]


class CertificatePart(Part):
    """An application's certificate with its private key (PEM or PFX)."""

    type: Literal["certificate"]
    client_id: Annotated[Text, _CLIENT_ID]
    certificate: Annotated[
        SecretPart, Field(description="a reference, {file: PATH} or {env: NAME}", examples=[{"file": "partner.pem"}])
    ]
    password: Annotated[SecretPart | None, _secret("CERTIFICATE_PASSWORD")] = None


class WorkloadIdentityPart(Part):
    """A federated token that the platform keeps in a file."""

    type: Literal["workload-identity"]
    client_id: Annotated[Text, _CLIENT_ID]
    token_file: Text | None = Field(None, description="the path of a file", examples=["/var/run/secrets/token"])


class AzurePipelinesPart(Part):
    """An Azure Pipelines service connection."""

    type: Literal["azure-pipelines"]
    client_id: Annotated[Text, _CLIENT_ID]
    service_connection_id: Text = Field(
        description="a service connection's id", examples=["00000000-0000-0000-0000-000000000000"]
    )
    system_access_token: Annotated[SecretPart, _secret("SYSTEM_ACCESSTOKEN")]


class TokenPart(Part):
    """A bearer token that was got elsewhere."""

    type: Literal["token"]
    token: Annotated[SecretPart, _secret("GRAPH_TOKEN")]


class DefaultPart(Part):
    """azure-identity's default chain."""

    type: Literal["default"]


class AzureCliPart(Part):
    """Whoever is logged in with `az login`."""

    type: Literal["azure-cli"]


class ManagedIdentityPart(Part):
    """The identity of the machine."""

    type: Literal["managed-identity"]
    client_id: Annotated[Text | None, _CLIENT_ID] = None


AnyCredentialPart = (
    ClientSecretPart
    | CertificatePart
    | WorkloadIdentityPart
    | AzurePipelinesPart
    | TokenPart
    | DefaultPart
    | AzureCliPart
    | ManagedIdentityPart
)

CREDENTIALS: dict[str, type[AnyCredentialPart]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(AnyCredentialPart)
}
"""The model of each type of credential."""


class SettingsPart(Part):
    """What holds for every domain that does not say otherwise."""

    provider: Text | None = Field(None, description="the label of a provider", examples=["files"])
    strategy: Strategy | None = Field(None, description="how a differing MX is replaced", examples=["phased"])
    verify: Verify | None = Field(None, description="how the record that proves a domain is published", examples=["manual"])
    staged: bool | None = Field(None, description="whether the zone is prepared before it is delegated", examples=[True])


class _TenantPart(Part):
    cloud: Cloud = Field(Cloud.GLOBAL, description="the tenant's cloud", examples=["global"])
    domains: Literal["all"] | list[Text] | None = Field(
        None, description="`all` or a list of globs of domain names", examples=[["*.example.com"]]
    )
    defaults: SettingsPart | None = Field(None, description="a mapping", examples=[{"provider": "files"}])


class LiveTenantPart(_TenantPart):
    """A tenant that is asked through Microsoft Graph."""

    id: Text = Field(description="the tenant's GUID or a domain name of it", examples=["contoso.onmicrosoft.com"])
    credential: Text = Field(description="the label of a credential", examples=["partner"])


class SavedTenantPart(_TenantPart):
    """A tenant whose answer was saved to a file."""

    export: Text = Field(description="the path of a saved answer", examples=["graph/offline.json"])


class DomainPart(SettingsPart):
    """A managed domain."""

    tenant: Text = Field(description="the label of a tenant", examples=["contoso"])
    exchange: Text | None = Field(
        None, description="the MX host that Microsoft assigned (DnssecMxValue)", examples=[EXAMPLE_EXCHANGE]
    )


class GraphPart(Part):
    """How Microsoft Graph is reached."""

    endpoint: Text = Field(
        description="the root of Microsoft Graph, without API version", examples=["https://graph.microsoft.com"]
    )


def _only_int(value: object) -> object:
    """Keep out `true` and `1.0`, which Python takes for equal to 1."""
    return value if type(value) is int else None


class ResolverPart(Part):
    """How public DNS is asked."""

    forward: list[Text] = Field(
        [], description="a list of recursive servers, ADDRESS or ADDRESS:PORT", examples=[["192.0.2.53"]]
    )
    hints: Text | None = Field(None, description="the path of a file with the root's servers", examples=["root.hints"])
    port: int = Field(53, ge=1, le=65535, description="the port of delegated servers on loopback", examples=[53])


class IncludedPart(Part):
    """A file that a manifest includes."""

    credentials: dict[str, Annotated[AnyCredentialPart, Field(discriminator="type")]] = Field(
        {}, description="a mapping of labels to credentials"
    )
    tenants: dict[str, LiveTenantPart | SavedTenantPart] = Field({}, description="a mapping of labels to tenants")
    providers: dict[str, dict[str, Any]] = Field({}, description="a mapping of labels to providers")
    domains: dict[str, DomainPart] = Field({}, description="a mapping of domain names to their settings")


class ManifestPart(IncludedPart):
    """The manifest itself."""

    version: Annotated[Literal[1], BeforeValidator(_only_int)] = Field(
        description="1, the only version of the manifest that this version of provisioner reads", examples=[1]
    )
    state: Text = Field(
        DEFAULT_STATE,
        description="the SQLAlchemy URL of the state",
        examples=[DEFAULT_STATE],
    )
    include: list[Text] = Field([], description="a list of globs of files", examples=[["fleet/*.yaml"]])
    defaults: SettingsPart | None = Field(None, description="a mapping", examples=[{"provider": "files"}])
    graph: GraphPart | None = Field(None, description="a mapping", examples=[{"endpoint": "https://graph.microsoft.com"}])
    resolver: ResolverPart | None = Field(None, description="a mapping", examples=[{"forward": ["192.0.2.53"]}])
