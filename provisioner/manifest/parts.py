"""The parts of a manifest as they are written: one model each, from which the checks and the editors' schema both come.

A description says what a value is, as in "expected <description>, found a number"; the first example stands in the mend.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticKnownError

from plans.desired import Cloud, Dnssec
from plans.policy import Risk
from plans.rollout.domain import Strategy
from plans.rollout.onboarding import Verify
from providers.duration_option import Duration
from provisioner.manifest.model import Listing, Route, SmtpProbe

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


_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def _day(value: object) -> object:
    """Read a date as the moment in UTC at which it begins."""
    match value:
        case str() if re.fullmatch(_DAY, value):
            with suppress(ValueError):  # there is no such day
                return datetime.fromisoformat(value).replace(tzinfo=UTC)
        case str():
            pass
        case _:
            raise PydanticKnownError("string_type")
    raise PydanticKnownError("string_pattern_mismatch", {"pattern": _DAY})


Day = Annotated[datetime, BeforeValidator(_day), WithJsonSchema({"type": "string", "pattern": _DAY})]


class SettingsPart(Part):
    """What holds for every domain that does not say otherwise."""

    provider: Text | None = Field(None, description="the label of a provider, or auto", examples=["files"])
    strategy: Strategy | None = Field(None, description="how a differing MX is replaced", examples=["phased"])
    verify: Verify | None = Field(None, description="how the record that proves a domain is published", examples=["manual"])
    staged: bool | None = Field(None, description="whether the zone is prepared before it is delegated", examples=[True])
    dnssec: Dnssec | None = Field(None, description="what becomes of the zone's signing and its DS", examples=["manage"])
    dane: bool | None = Field(
        None, description="true or false, whether the domain's mail is to be protected by DANE", examples=[True]
    )
    smtp_probe: SmtpProbe | None = Field(None, description="what a new host's SMTP answer counts", examples=["advisory"])


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


class PartnerPart(Part):
    """A partner's tenant, of which every customer is a tenant too."""

    tenant: Text = Field(
        description="the GUID of the partner's own tenant or a domain name of it", examples=["partner.onmicrosoft.com"]
    )
    credential: Text = Field(description="the label of a credential", examples=["partner"])
    discover: Listing = Field(description="by which list customers are found", examples=["contracts"])
    cloud: Cloud = Field(Cloud.GLOBAL, description="the cloud of the partner and its customers", examples=["global"])
    defaults: SettingsPart | None = Field(None, description="a mapping", examples=[{"provider": "files"}])


class MxPart(Part):
    """A host of a gateway's MX."""

    preference: int = Field(ge=0, le=0xFFFF, description="a whole number from 0 to 65535", examples=[10])
    exchange: Text = Field(description="the name of a mail host", examples=["mx1.example.com"])


class TakeoverPart(Part):
    """Leave to replace an MX that is not Microsoft's."""

    from_: Text = Field(alias="from", description="the mail host that the MX names now", examples=["mx.example.net"])
    until: Day = Field(description="a date such as 2026-12-31", examples=["2026-12-31"])


class DomainPart(SettingsPart):
    """A managed domain."""

    tenant: Text = Field(description="the label of a tenant", examples=["contoso"])
    exchange: Text | None = Field(
        None, description="the MX host that Microsoft assigned (DnssecMxValue)", examples=[EXAMPLE_EXCHANGE]
    )
    route: Route = Field(Route.EXCHANGE_ONLINE, description="where mail goes first", examples=["gateway"])
    mx: list[MxPart] | None = Field(
        None,
        description="a list of hosts with their preference values",
        examples=[[{"preference": 10, "exchange": "mx1.example.com"}]],
    )
    takeover: TakeoverPart | None = Field(
        None, description="a mapping", examples=[{"from": "mx.example.net", "until": "2026-12-31"}]
    )
    parent: Text | None = Field(None, description="the label of the provider that the DS goes to", examples=["registrar"])
    signed_since: Day | None = Field(None, description="a date such as 2026-12-31", examples=["2026-12-31"])
    delegated_since: Day | None = Field(None, description="a date such as 2026-12-31", examples=["2026-12-31"])


class FilePart(Part):
    """Where a file is."""

    discreet: ClassVar[bool] = True
    """Whoever pastes a certificate in its place may paste its private key with it: no unknown key is repeated."""

    file: Text = Field(description="the path of a PEM file", examples=["mx1.pem"])


class MailHostPart(Part):
    """An MX host of ours."""

    provider: Text | None = Field(None, description="the label of a provider, or auto", examples=["files"])
    certificate: FilePart = Field(description="a reference, {file: PATH}", examples=[{"file": "mx1.pem"}])
    next: FilePart | None = Field(None, description="a reference, {file: PATH}", examples=[{"file": "mx1-next.pem"}])


class ApproversPart(Part):
    """Who may approve."""

    file: Text = Field(description="the path of an allowed_signers file", examples=["allowed_signers"])
    revoked: Text | None = Field(None, description="the path of a file of revoked keys", examples=["revoked_keys"])


_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2}))?"
_TIME_OF_DAY = r"[0-9]{2}:[0-9]{2}"
_FreezeEnd = Annotated[str, StringConstraints(pattern=f"^({_MOMENT}|{_TIME_OF_DAY})$")]
_END = "a time such as 2026-12-24T18:00Z, or beside `days` a time of day (UTC) such as 18:00"


class FreezePart(Part):
    """A time in which nothing is written: once, or with `days` every week."""

    days: Annotated[list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], Field(min_length=1)] | None = Field(
        None, description="a list of days of the week", examples=[["fri", "sat"]]
    )
    from_: _FreezeEnd = Field(alias="from", description=_END, examples=["2026-12-24T18:00Z"])
    until: _FreezeEnd = Field(description=_END, examples=["2027-01-02T06:00Z"])
    reason: Text | None = Field(None, description="why", examples=["holidays"])


class CeilingsPart(Part):
    """How much of what is managed one plan may begin to change."""

    count: int | None = Field(None, ge=1, description="a whole number of subjects", examples=[100])
    share: Annotated[str, StringConstraints(pattern=r"^(100|[1-9]?[0-9])%$")] | None = Field(
        None, description="a share of what is planned, such as 10%", examples=["10%"]
    )


class AcknowledgePart(Part):
    """A finding that somebody knows of."""

    code: Text = Field(description="the code of a finding", examples=["foreign-mx"])
    reason: Text = Field(description="why nothing is done about it", examples=["moves in March"])
    until: Day = Field(description="a date such as 2026-12-31", examples=["2026-12-31"])


DEFAULT_NUMBER = "default"
"""What stands among the risk classes for those that are not named."""


class PolicyPart(Part):
    """What every rollout keeps to."""

    approvals: dict[str, Annotated[int, Field(ge=0)]] | None = Field(
        None,
        description="a mapping of risk classes to numbers of people",
        examples=[{DEFAULT_NUMBER: 1}],
        json_schema_extra={"propertyNames": {"enum": [DEFAULT_NUMBER, *Risk]}},
    )
    approvers: ApproversPart | None = Field(None, description="a mapping", examples=[{"file": "allowed_signers"}])
    separate: bool | None = Field(
        None, description="true or false, whether the approval of whoever made a plan counts for nothing", examples=[True]
    )
    expires: Duration | None = Field(
        None, description="the time by when a rollout must have begun, such as 24h", examples=["24h"]
    )
    carry: Duration | None = Field(
        None, description="the time for which a rollout that has begun keeps its approval, such as 30d", examples=["30d"]
    )
    unattended: list[Risk] | None = Field(
        None, description="a list of risk classes that need no person", examples=[["raise-ttl"]]
    )
    soak: Duration | None = Field(
        None, description="the time for which old MX hosts stay beside the new ones, such as 1h", examples=["1h"]
    )
    waves: int | None = Field(
        None,
        ge=0,
        description="a whole number, of subjects that do each class of step before the others; 0: all at once",
        examples=[3],
    )
    max_failures: int | None = Field(None, ge=1, description="a whole number, of failures at which a run stops", examples=[5])
    ceilings: CeilingsPart | None = Field(None, description="a mapping", examples=[{"count": 100, "share": "10%"}])
    freeze: list[FreezePart] | None = Field(
        None,
        description="a list of times in which nothing is written",
        examples=[[{"from": "2026-12-24T18:00Z", "until": "2027-01-02T06:00Z", "reason": "holidays"}]],
    )
    acknowledge: dict[str, AcknowledgePart | list[AcknowledgePart]] | None = Field(
        None,
        description="a mapping of names to findings",
        examples=[{"contoso.com": {"code": "foreign-mx", "reason": "moves in March", "until": "2027-03-31"}}],
    )


class WebhookPart(Part):
    """Whom `reconcile` tells when it did something, or something needs a person."""

    url: Annotated[SecretPart, _secret("WEBHOOK_URL")]
    template: Text | None = Field(None, description="the path of a file with a template", examples=["webhook.json"])


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
    trust_anchor: Text | None = Field(
        None, description="the path of a file with the root's DNSKEY or DS records", examples=["root.key"]
    )


class IncludedPart(Part):
    """A file that a manifest includes."""

    credentials: dict[str, Annotated[AnyCredentialPart, Field(discriminator="type")]] = Field(
        {}, description="a mapping of labels to credentials"
    )
    partners: dict[str, PartnerPart] = Field({}, description="a mapping of labels to partners")
    tenants: dict[str, LiveTenantPart | SavedTenantPart] = Field({}, description="a mapping of labels to tenants")
    providers: dict[str, dict[str, Any]] = Field({}, description="a mapping of labels to providers")
    domains: dict[str, DomainPart] = Field({}, description="a mapping of domain names to their settings")
    mail_hosts: dict[str, MailHostPart] = Field({}, description="a mapping of the names of mail hosts to their certificates")


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
    policy: PolicyPart | None = Field(None, description="a mapping", examples=[{"soak": "1h"}])
    webhook: WebhookPart | None = Field(None, description="a mapping", examples=[{"url": {"env": "WEBHOOK_URL"}}])
