"""Many tenants of one Graph, and an Azure CLI that has a token for each of them."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.emulators import http
from tests.emulators.graph import GraphEmulator
from tests.emulators.http import Request, Response
from tests.emulators.login import jwt

running = http.running


class GraphTenants:
    """One endpoint; the token tells which tenant is asked, as it does at Microsoft. Tenants are known by their GUIDs.

    `folder` gets the Azure CLI (`bin/az`), which has a token for every tenant that was added.
    """

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.folder = folder
        self.path = folder / "bin"
        self.tenants: dict[str, GraphEmulator] = {}
        self._tokens = folder / "tokens"
        self._tokens.mkdir()
        self.path.mkdir()
        (self.path / "az").write_text(
            '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = --tenant ] && tenant=$2; shift; done\n'
            f'[ -f "{self._tokens}/$tenant" ] && exec /bin/cat "{self._tokens}/$tenant"\n'
            f'/bin/cat "{self._tokens}/$tenant.refused" >&2\nexit 1\n'
        )
        (self.path / "az").chmod(0o755)

    def add(self, guid: str, *domains: str, token_of: str | None = None) -> GraphEmulator:
        """Let there be a tenant that holds domains; `token_of`: the CLI gives the token of another tenant for it."""
        emulator = GraphEmulator(jwt(tid=token_of or guid, exp=int(time.time()) + 3600, oid=guid))
        emulator.hold(*domains)
        self.tenants[guid] = emulator
        answer = {"accessToken": emulator.token, "expires_on": int(time.time()) + 3600, "tenant": guid, "tokenType": "Bearer"}
        (self._tokens / guid).write_text(json.dumps(answer))
        return emulator

    def refuse(self, guid: str, words: str) -> None:
        """Let there be no token for a tenant; the login service says why."""
        (self._tokens / guid).unlink(missing_ok=True)
        (self._tokens / f"{guid}.refused").write_text(words)

    def respond_to(self, request: Request) -> Response | None:
        """Answer as the tenant of the token does."""
        token = request.headers["authorization"].removeprefix("Bearer ")
        emulator = next(one for one in self.tenants.values() if one.token == token)
        emulator.url = self.url
        return emulator.respond_to(request)
