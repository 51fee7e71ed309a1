"""The AWS SDK's client for Route 53."""

from __future__ import annotations

from providers.aws import session
from providers.aws.session import SdkClient
from providers.route53.options import Route53Options

__all__ = ["SdkClient", "connect"]


def connect(options: Route53Options, connect_timeout: float, read_timeout: float) -> SdkClient:
    """Make the client; no call is made yet. Timeouts are in seconds. Raises the SDK's own errors."""
    return session.connect("route53", options, options.region, connect_timeout=connect_timeout, read_timeout=read_timeout)
