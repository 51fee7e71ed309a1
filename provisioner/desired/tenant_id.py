"""A tenant's GUID, from the login service's OpenID metadata."""

from __future__ import annotations

import re
from urllib.parse import quote

from plans.problem import Problem
from providers.loopback import is_loopback
from provisioner.desired.answer import error_text
from provisioner.desired.extra import graph_extra
from provisioner.desired.foreign_text import is_guid, scrub

_TIMEOUT = 30.0
_ISSUER = re.compile(r"https://[^/]+/([^/]+)/")
_OK = 200


def look_up_tenant_id(tenant: str, login: str) -> str:
    """Give the GUID of the tenant that holds a domain name, in lower case.

    `login` is the login service's root. Source: OpenID Connect Discovery 1.0 §4; the issuer holds the GUID
    (https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc).

    Raises:
        Problem: the service does not answer, or knows no such tenant.

    """
    with graph_extra():
        import httpx  # noqa: PLC0415 - heavy, and needed only where a tenant is given by name
    url = f"{login}/{quote(tenant, safe='')}/v2.0/.well-known/openid-configuration"
    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=not is_loopback(login)) as client:
            reply = client.get(url)
    except httpx.HTTPError as error:
        raise _problem(tenant, url, f"no answer: {scrub(str(error)) or type(error).__name__}") from None
    try:
        document: object = reply.json()
    except (ValueError, RecursionError):
        document = None
    if reply.status_code != _OK or not isinstance(document, dict):
        words = document.get("error_description") if isinstance(document, dict) else None
        why = scrub(words) if isinstance(words, str) else error_text(document)
        raise _problem(tenant, url, f"status {reply.status_code}, {why}")
    issuer = document.get("issuer")
    found = _ISSUER.match(issuer) if isinstance(issuer, str) else None
    if not found or not is_guid(found[1]):
        raise _problem(tenant, url, "the answer's `issuer` names no tenant by its GUID")
    return found[1].lower()


def _problem(tenant: str, url: str, what: str) -> Problem:
    return Problem(
        f"The GUID of tenant {tenant} cannot be looked up",
        f"{url}: {what}. Without it nobody can tell whether the token is for that tenant.",
        "Write the tenant's GUID as its `id` in the manifest, or correct the name and run again.",
    )
