"""The adapters as they are, but for their waits: these pass at once, on a clock that nobody waits for.

A test installs them as a third party's package: the manifest then says `type: hurried-route53`. Only an answer that does not
come is waited for, as many seconds as HURRIED_SECONDS says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from providers import azure, cloudflare, rfc2136, route53
from providers.azure.arm import Patience as AzurePatience
from providers.cloudflare.api import Patience as CloudflarePatience
from providers.contract import Adapter, Context, Provider
from providers.rfc2136.wire import Deadlines
from providers.route53.client import Patience as Route53Patience
from tests.providers.route53_bench import Clock, FakeLimiters


def install(environment: pytest.MonkeyPatch, folder: Path, seconds: float) -> None:
    """Make the entry points known, of adapters that wait so many seconds for an answer."""
    information = folder / "site" / "hurried-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: hurried\nVersion: 1.0\n")
    points = "".join(f"hurried-{name} = {__name__}:{name.upper()}\n" for name in ("route53", "cloudflare", "azure", "rfc2136"))
    (information / "entry_points.txt").write_text(f"[provisioner.providers]\n{points}")
    environment.syspath_prepend(information.parent)
    environment.setenv("HURRIED_SECONDS", str(seconds))


def _hurried(adapter: Adapter, of: Callable[[str, Any, Context, Clock, float], Provider]) -> Adapter:
    def opened(label: str, options: Any, context: Context) -> Provider:
        clock = Clock()
        return of(label, options, replace(context, limiters=FakeLimiters(clock)), clock, float(os.environ["HURRIED_SECONDS"]))

    # Nothing but the type is another one.
    return replace(adapter, options=create_model("HurriedOptions", __base__=adapter.options, type=(str, ...)), open=opened)


ROUTE53 = _hurried(
    route53.ADAPTER,
    lambda label, options, context, clock, seconds: route53.Route53(
        label, options, context, Route53Patience(read=seconds, sleep=clock.sleep)
    ),
)
CLOUDFLARE = _hurried(
    cloudflare.ADAPTER,
    lambda label, options, context, clock, seconds: cloudflare.Cloudflare(
        label, options, context, CloudflarePatience(read=seconds, whole=seconds, sleep=clock.sleep)
    ),
)
AZURE = _hurried(
    azure.ADAPTER,
    lambda label, options, context, clock, seconds: azure.AzureDns(
        label, options, context, AzurePatience(read=seconds, whole=seconds, sleep=clock.sleep, clock=clock)
    ),
)
RFC2136 = _hurried(
    rfc2136.ADAPTER,
    lambda label, options, context, _clock, seconds: rfc2136.Rfc2136(
        label, options, context, Deadlines(answer=seconds, transfer=seconds, seen=seconds)
    ),
)
