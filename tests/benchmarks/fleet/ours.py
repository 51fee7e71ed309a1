"""The same fleet as a manifest of ours, with a saved answer of Microsoft Graph."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.benchmarks.fleet.authoritative import ROOT
from tests.benchmarks.fleet.services import DNS_PORT, TOKEN, Asked, host, zone
from tests.emulators import route53

PROGRAM = [sys.executable, "-c", "from provisioner.cli import main; main()"]


def settle(folder: Path, asked: Asked, endpoint: str) -> None:
    """Write the manifest, what Graph said, and where DNS begins; where no limits are on, none of ours is either."""
    (folder / "graph.json").write_text(json.dumps(_export(asked)))
    (folder / "root.hints").write_text(f". 3600000 NS root.invalid.\nroot.invalid. 3600000 A {ROOT}\n")
    rate = "" if asked.limited else ", rate: {rate: 2000, burst: 2000}"
    provider = (
        f"{{type: route53, endpoint: '{endpoint}'{rate}}}"
        if asked.service == "route53"
        else f"{{type: cloudflare, token: {{env: CLOUDFLARE_API_TOKEN}}, endpoint: '{endpoint}/client/v4'{rate}}}"
    )
    (folder / "provisioner.yaml").write_text(
        "version: 1\n"
        "tenants: {contoso: {export: graph.json, domains: all}}\n"
        f"providers: {{there: {provider}}}\n"
        f"defaults: {{provider: there, strategy: direct, staged: {str(asked.staged).lower()}}}\n"
        f"resolver: {{hints: root.hints, port: {DNS_PORT}}}\n"
    )


def variables() -> dict[str, str]:
    """Give what the environment must hold to reach the emulators."""
    return {
        "AWS_ACCESS_KEY_ID": route53.KEY_ID,
        "AWS_SECRET_ACCESS_KEY": route53.SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "CLOUDFLARE_API_TOKEN": TOKEN,
    }


def _export(asked: Asked) -> dict[str, object]:
    return {
        "format": "provisioner-export",
        "version": 1,
        "tenant": "contoso.onmicrosoft.com",
        "cloud": "global",
        "endpoint": "https://graph.microsoft.com",
        "read_at": "2026-11-24T02:24:10Z",
        "domains": [_domain(number) for number in range(asked.zones)],
    }


def _domain(number: int) -> dict[str, object]:
    return {
        "domain": {
            "id": zone(number),
            "isVerified": True,
            "isInitial": False,
            "isAdminManaged": True,
            "supportedServices": ["Email"],
        },
        "serviceConfigurationRecords": [
            {
                "@odata.type": "#microsoft.graph.domainDnsMxRecord",
                "recordType": "Mx",
                "supportedService": "Email",
                "label": zone(number),
                "ttl": 3600,
                "mailExchange": host(number),
                "preference": 0,
            }
        ],
    }
