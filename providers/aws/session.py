"""The AWS SDK, imported when it is first needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from types import ModuleType
from typing import Any, ClassVar, Protocol

from plans.problem import Problem
from providers.aws.options import AwsOptions

_DEFAULT_REGION = "us-east-1"
"""Where the services of the `aws` partition that know no regions are signed for."""


def sdk(module: str) -> ModuleType:
    """Import a module of the SDK. Raises `Problem` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise Problem(
            "The AWS SDK is needed", f"The module {error.name} is not installed.", "pip install 'provisioner[route53]'"
        ) from None


class SdkClient(Protocol):
    """A client of the SDK: one method an operation, made from the service's model."""

    meta: Any

    def __getattr__(self, operation: str) -> Callable[..., Mapping[str, Any]]:
        """Give the method of an operation."""
        ...


class _CoreSession(Protocol):
    """The part of the SDK's session that is used here."""

    create_client: Callable[..., SdkClient]

    def get_config_variable(self, name: str) -> str | None: ...

    def get_credentials(self) -> object | None: ...

    def register_component(self, name: str, component: object) -> None: ...


@lru_cache(maxsize=1)
def _service_models() -> object:
    """Give the SDK's reader of service models, one for all accounts: what it reads takes megabytes and time."""
    loader: object = sdk("botocore.loaders").create_loader()
    return loader


@dataclass(frozen=True, slots=True)
class _AssumedRole:
    """A credential provider as the SDK's resolver takes it."""

    METHOD: ClassVar[str] = "assume-role"
    CANONICAL_NAME: ClassVar[None] = None
    fetch: Callable[[], Mapping[str, str]]

    def load(self) -> object:
        credentials: object = sdk("botocore.credentials").DeferredRefreshableCredentials(
            refresh_using=self.fetch, method=self.METHOD
        )
        return credentials


def connect(service: str, options: AwsOptions, region: str | None, *, connect_timeout: float, read_timeout: float) -> SdkClient:
    """Make the SDK's client for a service, by the SDK's name for it; no call is made yet. Timeouts are in seconds.

    `region` chooses the partition and where the role is assumed; None: the SDK's configuration does. Raises the SDK's errors.
    """
    config = sdk("botocore.config").Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=48,
        user_agent="provisioner",  # the SDK's own, put together anew for each request, takes a sixth of its time
    )
    own = _session(options.profile)
    region = region or own.get_config_variable("region") or _DEFAULT_REGION
    session = own if options.role_arn is None else _assuming(own, options, region, config)
    make = sdk("boto3.session").Session(botocore_session=session).client
    client: SdkClient = make(service, region_name=region, endpoint_url=options.endpoint, config=config)
    return client


def _session(profile: str | None) -> _CoreSession:
    session: _CoreSession = sdk("botocore.session").Session(profile=profile)
    session.register_component("data_loader", _service_models())
    return session


def _assuming(own: _CoreSession, options: AwsOptions, region: str, config: object) -> _CoreSession:
    """Make a session whose credentials are those of the role; they are fetched, and fetched anew, when they are needed."""
    credentials = sdk("botocore.credentials")
    source = own.get_credentials()
    if source is None:
        raise sdk("botocore.exceptions").NoCredentialsError
    names = {"RoleSessionName": "provisioner"} | ({"ExternalId": options.external_id} if options.external_id else {})
    fetcher = credentials.AssumeRoleCredentialFetcher(
        partial(own.create_client, region_name=region, endpoint_url=options.endpoint, config=config),
        source,
        options.role_arn,
        extra_args=names,
    )
    session = _session(options.profile)
    role = _AssumedRole(fetcher.fetch_credentials)
    session.register_component("credential_provider", credentials.CredentialResolver(providers=[role]))
    return session
