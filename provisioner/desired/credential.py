"""Logging in to Microsoft: one credential for one tenant, and the check that its tokens are for that tenant."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, assert_never

from plans.desired import Cloud
from plans.problem import Problem
from provisioner.desired.answer import JsonObject
from provisioner.desired.bearer import claims_of, text_claim
from provisioner.desired.clouds import consent_root, login_root
from provisioner.desired.extra import graph_extra
from provisioner.desired.foreign_text import is_guid, scrub
from provisioner.desired.methods import open_credential
from provisioner.desired.problems import ConsentMissing
from provisioner.desired.tenant_id import look_up_tenant_id
from provisioner.manifest.model import (
    AzureCli,
    AzurePipelines,
    BearerToken,
    Certificate,
    ClientSecret,
    Credential,
    DefaultChain,
    ManagedIdentity,
    Secret,
    WorkloadIdentity,
)
from provisioner.secrets import reveal

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

_HOME_TENANT_ONLY = "AZURE_IDENTITY_DISABLE_MULTITENANTAUTH"
_RENEW_BEFORE = 300.0  # seconds; as azure-identity does
_OPAQUE_LIFE = 3600  # seconds for which a token without a readable end is used
_FAR_FUTURE = 2**40  # an `exp` beyond it is no time
_ERROR_CODE = re.compile(r"AADSTS[0-9]+")
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_NO_CONSENT = {"AADSTS65001", "AADSTS90094", "AADSTS700016", "AADSTS7000229"}
_NO_TENANT = {"AADSTS90002", "AADSTS900023"}
_CONDITIONAL_ACCESS = "AADSTS53003"


class Login:
    """A credential at work for one tenant.

    It is an azure-core `TokenCredential`. The SDK's credential lives only as long as it takes to get a token, so that nothing
    stays open; the token is kept until shortly before its end. `tenant` is a GUID or one of the tenant's domain names, `label`
    (default: the same) what the manifest calls it; `login_endpoint` overrides the root of the cloud's login service.
    """

    def __init__(
        self,
        credential: Credential,
        tenant: str | None,
        cloud: Cloud,
        login_endpoint: str | None = None,
        *,
        label: str | None = None,
    ) -> None:
        self._credential = credential
        self._tenant = tenant or ""
        self._label = label or self._tenant
        self._login = login_endpoint or login_root(cloud)
        self._consent = login_endpoint or consent_root(cloud)
        self._well_known = login_endpoint is None
        self._expected: str | None = self._tenant.lower() if is_guid(self._tenant) else None
        self._tokens: dict[tuple[str, ...], AccessToken] = {}
        self._claims: JsonObject | None = None
        self._notices: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """What could not be checked of the tokens given so far."""
        return self._notices

    @property
    def of_person(self) -> bool:
        """Whether the last token stands for a person who logged in, not for the application alone.

        https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
        """
        return text_claim(self._claims, "scp") is not None

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,  # noqa: ARG002 - azure-core's protocol has it; the tenant is always this login's
        enable_cae: bool = False,  # noqa: ARG002 - azure-core's protocol has it
        **_: object,
    ) -> AccessToken:
        """Give a token that is for the tenant, as far as that can be told.

        `claims` is what a service challenged for, and makes a kept token useless.

        Raises:
            Problem: there is no token to be had, or it is for another tenant.

        """
        kept = self._tokens.get(scopes)
        if kept and claims is None and kept.expires_on - time.time() > _RENEW_BEFORE:
            return kept
        token = self._acquire(scopes, claims)
        self._check(token.token)
        self._tokens[scopes] = token
        return token

    def forget(self) -> None:
        """Drop the tokens that are kept: they were not taken."""
        self._tokens.clear()

    def consent_url(self) -> str:
        """Give the page on which an administrator of the tenant consents to the application."""
        method = self._credential.method
        client = None if isinstance(method, BearerToken | DefaultChain | AzureCli) else method.client_id
        client = client or text_claim(self._claims, "appid", "azp") or "CLIENT_ID"
        return f"{self._consent}/{self._tenant}/adminconsent?client_id={client}"

    def scrub(self, text: str) -> str:
        """Give the first line of foreign text without this login's tokens or anything like them."""
        return scrub(text, [token.token for token in self._tokens.values()])

    def _acquire(self, scopes: tuple[str, ...], claims: str | None) -> AccessToken:
        method = self._credential.method
        if isinstance(method, BearerToken):
            return self._given_token(method.token)
        with graph_extra():
            from azure.core.exceptions import AzureError  # noqa: PLC0415 - heavy, and only needed to log in
        try:
            with open_credential(method, self._tenant, self._login, well_known=self._well_known) as source:
                tenant = self._tenant or None if isinstance(method, DefaultChain) else None
                return source.get_token(*scopes, claims=claims, tenant_id=tenant)
        except AzureError as error:
            raise self._failed(error.message) from None
        except OSError as error:
            raise self._failed(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from None
        except ValueError as error:
            raise self._failed(str(error)) from None

    def _given_token(self, secret: Secret) -> AccessToken:
        with graph_extra():
            from azure.core.credentials import AccessToken  # noqa: PLC0415 - the SDK's own type
        token = reveal(secret)
        if not token.isascii() or not token.isprintable() or " " in token:
            raise self._failed("the token holds a blank, a line end or another sign that no bearer token has (RFC 6750 §2.1)")
        end = (claims_of(token) or {}).get("exp")
        if not isinstance(end, int | float) or not 0 < end < _FAR_FUTURE:
            return AccessToken(token, int(time.time()) + _OPAQUE_LIFE)
        if end <= time.time():
            ended = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(end))
            raise self._failed(f"the token given by {secret} expired at {ended} UTC")
        return AccessToken(token, int(end))

    def _check(self, token: str) -> None:
        label, where = self._credential.label, self._credential.where
        self._claims = claims_of(token)
        if not self._tenant:
            return  # nobody said for which tenant it should be
        if self._claims is None:
            what = f"The token of credential {label} is no JWT: it cannot be checked whether it is for tenant {self._tenant}."
            self._notices = (what,)
            return
        tid = (text_claim(self._claims, "tid") or "").lower()
        if not tid:
            raise self._failed("the token does not say which tenant it is for (it has no claim `tid`)")
        self._expected = self._expected or look_up_tenant_id(self._tenant, self._login)
        if tid == self._expected:
            return
        named = "" if is_guid(self._tenant) else f", which is {self._tenant}"
        switch = f" {_HOME_TENANT_ONLY} is set, which makes every token one of the home tenant."
        raise Problem(
            f"The token of credential {label} is for another tenant",
            f"{where}: it is for tenant {scrub(tid)}, not for {self._expected}{named}."
            f"{switch if os.environ.get(_HOME_TENANT_ONLY) else ''}",
            self._other_tenant_mend(),
        )

    def _other_tenant_mend(self) -> str:
        if os.environ.get(_HOME_TENANT_ONLY):
            return f"unset {_HOME_TENANT_ONLY}"
        match self._credential.method:
            case BearerToken():
                return "Get a token of that tenant, or correct the tenant's `id` in the manifest."
            case ManagedIdentity():
                return "A managed identity has tokens of its own tenant only: use another type of credential for this tenant."
            case AzureCli():
                return f"az login --tenant {self._tenant}"
            case _:
                return "Correct the tenant's `id` in the manifest, or name the credential of that tenant."

    def _failed(self, message: str) -> Problem:
        found = _ERROR_CODE.search(message)
        code = found[0] if found else ""
        headline = f"Credential {self._credential.label} gives no token for tenant {self._tenant or 'of its own'}"
        detail = f"{self._credential.where}: {self.scrub(message) or 'no reason was given'}"
        if code in _NO_CONSENT:
            url = self.consent_url()
            mend = f"An administrator of the tenant consents to the application: {url}"
            return ConsentMissing(headline, detail, mend, tenant=self._label, url=url)
        return Problem(headline, detail, self._failed_mend(code))

    def _failed_mend(self, code: str) -> str:
        if code in _NO_TENANT:
            return "Correct the tenant's `id` (or its `cloud`) in the manifest."
        if code == _CONDITIONAL_ACCESS:
            return "An administrator of the tenant lets this login through in the tenant's Conditional Access policies."
        mend: str
        match self._credential.method:
            case AzureCli() | DefaultChain():
                mend = f"az login --tenant {self._tenant}"
            case BearerToken(token=secret):
                mend = f"Get a new token and put it where the manifest says: {secret}."
            case ClientSecret(secret=secret):
                mend = f"Check the application's client secret, which is read from {secret}, and its client_id."
            case Certificate(certificate=secret):
                mend = f"Check the certificate (with its private key), which is read from {secret}, and its client_id."
            case WorkloadIdentity() | AzurePipelines() | ManagedIdentity():
                mend = "Run this where the platform provides that identity, or name another credential for the tenant."
            case method:
                assert_never(method)
        return mend
