"""A small login service on loopback: OpenID metadata, and tokens for whoever shows what the test expects."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.emulators import http
from tests.emulators.http import Request, Response

running = http.running


def jwt(**claims: Any) -> str:
    """Make a token of JWT's shape; its signature is nobody's."""
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "bm9ib2R5LXNpZ25lZC10aGlz"])


class LoginEmulator:
    """`tenants` maps names to GUIDs; `token` is issued for `lifetime` seconds; `error` is what is said instead, if anything."""

    def __init__(self) -> None:
        self.tenants: dict[str, str] = {}
        self.token = ""
        self.lifetime = 3600
        self.error: dict[str, Any] | None = None
        self.raw: tuple[int, bytes] | None = None
        self.url = ""
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []

    def respond_to(self, request: Request) -> Response:
        """Answer one request; a form that is posted is kept in `asked`."""
        path, form = urlsplit(request.target).path, parse_qs(request.body.decode())
        self.asked.append((path, form, dict(request.headers)))
        status, document = self._reply(request.method, path)
        return Response(*self.raw) if self.raw else Response(status, json.dumps(document).encode())

    def _reply(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        steps = path.strip("/").split("/")
        if method == "GET" and steps[-1] == "openid-configuration":
            return self._metadata(steps[0])
        if method == "POST" and steps[-1] == "token":
            issued = {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": self.token}
            return (400, self.error) if self.error else (200, issued)
        if steps == ["oidc"]:
            return 200, {"oidcToken": jwt(sub="pipeline")}
        if steps == ["msi"]:
            ends = str(int(time.time()) + 3600)
            return 200, {"access_token": self.token, "expires_on": ends, "resource": "r", "token_type": "Bearer"}
        return 404, {"error": "not_found"}

    def _metadata(self, tenant: str) -> tuple[int, dict[str, Any]]:
        guid = self.tenants.get(tenant)
        if guid is None:
            words = f"AADSTS90002: Tenant '{tenant}' not found. Check it."
            return 400, {"error": "invalid_tenant", "error_description": words}
        return 200, {
            "issuer": f"https://sts.example/{guid}/v2.0",
            "token_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/token",
            "authorization_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/authorize",
        }
