"""What a refusal or a silence of Microsoft Graph means to the person who runs this."""

from __future__ import annotations

import json
from dataclasses import dataclass

from plans.problem import Problem
from provisioner.desired.answer import error_text
from provisioner.desired.asking import retry_after
from provisioner.desired.credential import Login
from provisioner.desired.problems import ConsentMissing
from provisioner.desired.wire import NoReply, Outcome, Reply, Silence
from provisioner.manifest.model import LiveTenant


@dataclass(frozen=True, slots=True)
class Need:
    """What is asked of a tenant, the least privilege for it, and the roles of which a person who logs in needs one.

    https://learn.microsoft.com/graph/permissions-reference
    """

    what: str
    permission: str
    roles: str


DOMAINS = Need("read the domains", "Domain.Read.All", "Global Reader or Domain Name Administrator")
"""Domains and their records."""

_DENIED = "Authorization_RequestDenied"
_CHALLENGE = "insufficient_claims"


@dataclass(frozen=True, slots=True)
class Refusals:
    """Makes problems of outcomes for one tenant; `patience` is how many seconds a run waits for it in all."""

    tenant: LiveTenant
    login: Login
    patience: float
    need: Need = DOMAINS

    def problem(self, outcome: Outcome, url: str, domain: str = "") -> Problem:
        """Say what an outcome other than 200 means; `domain` is the one that was asked about, if it was one."""
        if isinstance(outcome, NoReply):
            return self._silence(outcome, url)
        document = _document(outcome)
        words = self.login.scrub(error_text(document))
        request = outcome.headers.get("request-id") or _text_at(document, "error", "innerError", "request-id")
        about = f" about {domain}" if domain else ""
        detail = f"GET {url}{about}: status {outcome.status}, {words}{f' (request-id {request})' if request else ''}."
        return self._refusal(outcome, detail, domain, _text_at(document, "error", "code"))

    def _refusal(self, reply: Reply, detail: str, domain: str, code: str) -> Problem:
        label, credential = self.tenant.label, self.tenant.credential
        match reply.status:
            case 401:
                headline = f"Microsoft Graph does not take the token for tenant {label}"
                mend = f"Get a new token for credential {credential.label} ({credential.where}); see that it is for this cloud."
            case 403:
                return self._forbidden(reply, detail, code)
            case 404 if domain:
                return not_in_tenant(domain, self.tenant, detail)
            case 404:
                headline = "There is no Microsoft Graph at the endpoint"
                mend = "Correct `graph.endpoint` in the manifest: a root without version path."
            case 429:
                headline = f"Microsoft Graph is throttling tenant {label}"
                asked = retry_after(reply)
                wish = f"It asks to be left alone for {asked:g} s." if asked else "It does not say for how long."
                detail = f"{detail} {wish} One run waits {self.patience:g} s in all."
                mend = "Run again later, or look at fewer domains at a time."
            case status if status >= 500:  # noqa: PLR2004 - HTTP's class of server errors
                headline = f"Microsoft Graph is out of order for tenant {label}"
                mend = "Run again later; Microsoft tells of incidents at https://status.cloud.microsoft"
            case _:
                headline = f"Microsoft Graph refuses the request for tenant {label}"
                mend = f"See that no proxy changes requests, and that the tenant is right at {self.tenant.where}."
        return Problem(headline, detail, mend)

    def _forbidden(self, reply: Reply, detail: str, code: str) -> Problem:
        """Tell apart who has to act: whoever consents, whoever gives roles, or whoever sets the tenant's policies.

        https://learn.microsoft.com/graph/errors, https://learn.microsoft.com/graph/resolve-auth-errors
        """
        label, need = self.tenant.label, self.need
        if _CHALLENGE in code or _CHALLENGE in reply.headers.get("www-authenticate", ""):
            return Problem(
                f"Conditional Access stands between the application and tenant {label}",
                detail,
                "An administrator of the tenant lets this login through in the tenant's Conditional Access policies.",
            )
        if self.login.of_person:
            return Problem(
                f"The person who logged in may not {need.what} of tenant {label}",
                detail,
                f"That person needs the role {need.roles} there, and the login {need.permission}.",
            )
        headline = f"The application may not {need.what} of tenant {label}"
        if code == _DENIED:
            url = self.login.consent_url()
            mend = f"Give it the permission {need.permission}; then an administrator of the tenant consents: {url}"
            return ConsentMissing(headline, detail, mend, tenant=label, url=url)
        mend = f"See that it has the permission {need.permission} there, and that no policy of the tenant keeps it out."
        return Problem(headline, detail, mend)

    def _silence(self, silence: NoReply, url: str) -> Problem:
        detail = f"{url}: {self.login.scrub(silence.detail)}."
        match silence.why:
            case Silence.TLS:
                return Problem(
                    "Microsoft Graph's certificate cannot be trusted",
                    detail,
                    "If a proxy inspects TLS, name its CA certificates: export SSL_CERT_FILE=FILE",
                )
            case Silence.TIMEOUT:
                return Problem(
                    "Microsoft Graph does not answer in time", detail, "Run again; see that no firewall swallows packets."
                )
            case Silence.NETWORK:
                return Problem(
                    "Microsoft Graph cannot be reached",
                    detail,
                    "See that this machine reaches the host (DNS, firewall, HTTPS_PROXY), then run again.",
                )


def not_in_tenant(domain: str, tenant: LiveTenant, detail: str) -> Problem:
    """Say that a domain is not among the tenant's."""
    return Problem(
        f"{domain} is no domain of tenant {tenant.label}",
        detail,
        f"Name the tenant that holds {domain} in the manifest, or add the domain to {tenant.id}.",
    )


def _document(reply: Reply) -> object:
    if not isinstance(reply.body, bytes):
        return reply.body
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _text_at(document: object, *keys: str) -> str:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""
