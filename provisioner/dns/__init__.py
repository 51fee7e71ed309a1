"""Public DNS, asked at the authoritative servers themselves."""

from __future__ import annotations

from provisioner.dns.lookup import PublicLookup, ResolverOptions

__all__ = ["PublicLookup", "ResolverOptions"]
