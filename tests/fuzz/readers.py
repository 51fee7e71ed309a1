"""The readers of foreign input, by name."""

from __future__ import annotations

from tests.fuzz import (
    approvals,
    artifact,
    certificate,
    dns_answers,
    dns_client,
    graph,
    manifest,
    mta_sts,
    plan_file,
    smtp,
    zone_file,
)
from tests.fuzz.harness import Reader

_ROOMS = (manifest, plan_file, zone_file, graph, mta_sts, smtp, dns_client, dns_answers, certificate, approvals, artifact)

READERS: dict[str, Reader] = {room.READER.name: room.READER for room in _ROOMS}
