"""Worlds of one tenant and one provider inside the process, whose provider does as it is told."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from plans.desired import Cloud
from plans.plan import Change, Filters
from plans.rollout.domain import Strategy
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Mx, Name, RRset, ZoneRef, name, rrset
from providers import memory
from providers.contract import Adapter, Capabilities, Lookup, Options, Outcome, ProviderError, Status, Unsupported
from providers.memory import Memory
from provisioner import engine
from provisioner.fleet import Fleet
from provisioner.manifest.model import Domain, Location, Manifest, ProviderConfig, SavedTenant, Settings
from provisioner.planfile import PlanFile

NOW = datetime(2026, 11, 24, 2, 24, 10, tzinfo=UTC)
CONTOSO = name("contoso.example")
FABRIKAM = name("fabrikam.example")
KEY = Key(CONTOSO, "MX")


def mx(host: str, domain: Name = CONTOSO, preference: int = 0, ttl: int = 3600) -> RRset:
    return rrset(domain, "MX", ttl, [Mx(preference, name(host))])


OLD = mx("contoso-example.mail.protection.outlook.com")
NEW = mx("contoso-example.o-v1.mx.microsoft")


class Scripted(Memory):
    """A memory provider that can be told how its next writes and reads go."""

    def __init__(self, zones: Mapping[Name, Collection[RRset | Irregular]]) -> None:
        super().__init__("mem", zones)
        self.script: list[Outcome | ProviderError | str] = []
        """For each write to come: an outcome instead of it, an error instead of it, `lost` (written, the answer is lost),
        `meanwhile` (somebody edits another key before it) or `late` (written, and read back as before)."""
        self.read_error: ProviderError | None = None
        self.canonical_error: Unsupported | None = None
        self.reads = 0
        self.servers: frozenset[Name] = frozenset()
        self._served: RRset | None = None

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        self.reads += 1
        if self.read_error:
            raise self.read_error
        snapshot = super().read(zone, keys)
        if self._served and self._served.key in snapshot.sets:
            return replace(snapshot, sets={**snapshot.sets, self._served.key: self._served})
        return snapshot

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:  # noqa: ARG002 - the contract's
        return self.servers

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        if self.canonical_error:
            raise self.canonical_error
        return super().canonical(zone, wanted)

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        told = self.script.pop(0) if self.script else None
        match told:
            case None:
                return super().apply(base, changes)
            case Outcome():
                return {change.key: told for change in changes}
            case ProviderError():
                raise told
            case "lost":
                super().apply(base, changes)
                return {change.key: Outcome(Status.UNKNOWN) for change in changes}
            case "meanwhile":
                return {change.key: Outcome(Status.CONFLICT, "the zone changed") for change in changes}
            case _:
                self._served = changes[0].before
                return super().apply(base, changes)

    def catch_up(self) -> None:
        """Serve what was written from now on."""
        self._served = None


@dataclass
class World:
    """A manifest of two domains on one scripted provider, and what Graph says of them, in a folder."""

    folder: Path
    provider: Scripted = field(
        default_factory=lambda: Scripted({CONTOSO: [OLD], FABRIKAM: [mx("fabrikam-example.o-v1.mx.microsoft", FABRIKAM)]})
    )
    clock: datetime = NOW
    tenant_globs: tuple[str, ...] | None = None
    capabilities: Capabilities = memory.ADAPTER.capabilities
    lookup: Lookup | None = None
    staged: bool = False
    listed: tuple[Name, ...] = (CONTOSO, FABRIKAM)
    hosts: dict[Name, str] = field(
        default_factory=lambda: {CONTOSO: "contoso-example.o-v1.mx.microsoft", FABRIKAM: "fabrikam-example.o-v1.mx.microsoft"}
    )

    def now(self) -> datetime:
        return self.clock

    @property
    def answer_file(self) -> Path:
        return self.folder / "answer.json"

    def save_answer(self) -> None:
        """Write what Graph says."""
        domains = [
            {
                "domain": {
                    "id": domain.rstrip("."),
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
                        "label": domain.rstrip("."),
                        "ttl": 3600,
                        "mailExchange": host,
                        "preference": 0,
                    }
                ],
            }
            for domain, host in self.hosts.items()
        ]
        head = {"format": "provisioner-export", "version": 1, "tenant": "contoso.onmicrosoft.com", "cloud": "global"}
        tail = {"endpoint": "https://graph.microsoft.com", "read_at": "2026-11-24T02:24:10Z", "domains": domains}
        self.answer_file.write_text(json.dumps(head | tail))

    def fleet(self) -> Fleet:
        if not self.answer_file.exists():
            self.save_answer()
        where = Location(self.folder / "provisioner.yaml", 1)
        tenant = SavedTenant("contoso", self.answer_file, Cloud.GLOBAL, where, self.tenant_globs)
        adapter = Adapter(memory.ADAPTER.contract, Options, self.capabilities, lambda _label, _options, _context: self.provider)
        provider = ProviderConfig("mem", adapter, Options(type="memory"), where)
        domains = tuple(Domain(domain, tenant, provider, Strategy.DIRECT, where, staged=self.staged) for domain in self.listed)
        state = f"sqlite:///{self.folder / 'state.db'}"
        settings = Settings("mem", Strategy.DIRECT)
        return Fleet(
            Manifest(where.file, state, {"contoso": tenant}, {"mem": provider}, domains, settings, {}), self.now, self.lookup
        )

    def plan(self, filters: Filters | None = None) -> PlanFile:
        return PlanFile.record(engine.plan(self.fleet(), filters or Filters()))
