"""octoDNS, in an environment of its own: what the same fleet costs with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.fleet.services import TOKEN, Asked, host, zone
from tests.emulators import route53

PACKAGES = ("octodns==1.22.0", "octodns-route53==1.3.1", "octodns-cloudflare==1.2.0")


def environment(folder: Path) -> Path:
    """Make the environment, once, and give its `octodns-sync`."""
    program = folder / "bin" / "octodns-sync"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
    return program


def settle(folder: Path, asked: Asked, endpoint: str, workers: int) -> None:
    """Write what octoDNS reads: the zones with what Microsoft asks for, and where they are kept."""
    (folder / "zones").mkdir(exist_ok=True)
    for number in range(asked.zones):
        text = f"? ''\n: ttl: 3600\n  type: MX\n  value: {{exchange: {host(number)}., preference: 0}}\n"
        (folder / "zones" / f"{zone(number)}.yaml").write_text(text)
    keys = f"    access_key_id: {route53.KEY_ID}\n    secret_access_key: {route53.SECRET}\n"
    account = (
        f"    class: octodns_route53.Route53Provider\n{keys}"
        if asked.service == "route53"
        else f"    class: octodns_cloudflare.CloudflareProvider\n    token: {TOKEN}\n    api_url: {endpoint}/client/v4\n"
    )
    listed = "".join(f"  {zone(number)}.:\n    sources: [files]\n    targets: [there]\n" for number in range(asked.zones))
    (folder / "octodns.yaml").write_text(
        f"manager:\n  max_workers: {workers}\nproviders:\n"
        "  files:\n    class: octodns.provider.yaml.YamlProvider\n    directory: ./zones\n    default_ttl: 3600\n"
        f"  there:\n{account}zones:\n{listed}"
    )


def command(program: Path, *, apply: bool) -> list[str]:
    """Give the command that plans, or plans and applies."""
    return [str(program), "--config-file", "octodns.yaml", "--quiet", *(["--doit", "--force"] if apply else [])]


def variables(endpoint: str) -> dict[str, str]:
    """Give what its environment must hold to reach the emulator."""
    return {"AWS_ENDPOINT_URL_ROUTE_53": endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
