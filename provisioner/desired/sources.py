"""Opening a tenant's source of desired state."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from provisioner.desired.clouds import endpoint
from provisioner.desired.export import ExportSource
from provisioner.manifest.model import LiveTenant, SavedTenant, Tenant

if TYPE_CHECKING:
    from provisioner.desired.graph import GraphSource


def open_source(
    tenant: Tenant, graph_endpoint: str | None, now: datetime, folder: Path | None = None
) -> GraphSource | ExportSource:
    """Open a tenant's answers; both kinds are `DesiredSource`s. Nothing is read before it is asked.

    `graph_endpoint` overrides the cloud's; `now` is the time of reading of live answers; `folder` (default: the one of the
    file that names the tenant) is what a saved answer's path is told relative to.

    Raises:
        Problem: the endpoint cannot be used.

    """
    match tenant:
        case LiveTenant():
            from provisioner.desired.credential import Login  # noqa: PLC0415 - a run without a live tenant starts faster
            from provisioner.desired.graph import GraphSource  # noqa: PLC0415 - the same

            login = Login(tenant.credential, tenant.id, tenant.cloud, label=tenant.label)
            return GraphSource(tenant, endpoint(graph_endpoint, tenant.cloud), login, now)
        case SavedTenant():
            return ExportSource(tenant, folder or tenant.where.file.parent)
        case _:
            assert_never(tenant)
