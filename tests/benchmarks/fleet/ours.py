"""The same fleet as a manifest of ours, with a saved answer of Microsoft Graph."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.fleet.authoritative import ROOT
from tests.benchmarks.fleet.services import TOKEN, Asked, Running, host, zone
from tests.emulators import route53

TENANT = 1000
"""So many domains has each tenant; Microsoft's limit is 5,000."""
PROGRAM = [sys.executable, "-c", "from provisioner.cli import main; main()"]


def settle(folder: Path, asked: Asked, there: Running) -> None:
    """Write the manifest, what Graph said, and where DNS begins; where no limits are on, none of ours is either."""
    tenants = []
    for first in range(0, asked.zones, TENANT):
        label = f"t{first // TENANT:02}"
        (folder / f"{label}.json").write_text(json.dumps(_export(label, range(first, min(first + TENANT, asked.zones)))))
        tenants.append(f"{label}: {{export: {label}.json, domains: all}}")
    (folder / "root.hints").write_text(f". 3600000 NS root.invalid.\nroot.invalid. 3600000 A {ROOT}\n")
    rate = "" if asked.limited else ", rate: {rate: 2000, burst: 2000}"
    provider = (
        f"{{type: route53, endpoint: '{there.endpoint}'{rate}}}"
        if asked.service == "route53"
        else f"{{type: cloudflare, token: {{env: CLOUDFLARE_API_TOKEN}}, endpoint: '{there.endpoint}/client/v4'{rate}}}"
    )
    (folder / "provisioner.yaml").write_text(
        "version: 1\n"
        f"tenants: {{{', '.join(tenants)}}}\n"
        f"providers: {{there: {provider}}}\n"
        f"defaults: {{provider: there, strategy: direct, staged: {str(asked.staged).lower()}}}\n"
        f"resolver: {{hints: root.hints, port: {there.dns_port}}}\n"
    )


def variables() -> dict[str, str]:
    """Give what the environment must hold to reach the emulators."""
    return {
        "AWS_ACCESS_KEY_ID": route53.KEY_ID,
        "AWS_SECRET_ACCESS_KEY": route53.SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "CLOUDFLARE_API_TOKEN": TOKEN,
    }


def _export(tenant: str, numbers: Iterable[int]) -> dict[str, object]:
    return {
        "format": "provisioner-export",
        "version": 1,
        "tenant": f"{tenant}.onmicrosoft.com",
        "cloud": "global",
        "endpoint": "https://graph.microsoft.com",
        "read_at": "2026-11-24T02:24:10Z",
        "domains": [_domain(number) for number in numbers],
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
