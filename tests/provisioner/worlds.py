"""Worlds of one tenant and its providers inside the process, which do as they are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from plans.desired import Cloud
from plans.plan import Change, Filters
from plans.rollout.domain import Strategy
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Mx, Name, RRset, ZoneRef, name, parse_value, rrset
from providers import memory
from providers.contract import (
    Adapter,
    Capabilities,
    Lookup,
    Options,
    Outcome,
    Provider,
    ProviderError,
    Signer,
    Status,
    Unsupported,
)
from providers.memory import Memory
from provisioner import engine
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.manifest.model import (
    MANUAL,
    Domain,
    Location,
    MailHost,
    Manifest,
    Policy,
    ProviderConfig,
    SavedTenant,
    Settings,
)
from provisioner.planfile import PlanFile
from tests.provisioner.witnesses import CERTIFICATE, KSK, NAME_SERVERS, Delegating, ScriptedWitness
from tests.provisioner.witnesses import NEXT as NEXT_CERTIFICATE

PUBLISHED = replace(memory.ADAPTER.capabilities, publishes="dns")
REGISTRAR = replace(PUBLISHED, types=frozenset({"DS"}))
REGISTRY_TTL = 86400
NOW = datetime(2026, 11, 24, 2, 24, 10, tzinfo=UTC)
EXAMPLE = name("example")
CONTOSO = name("contoso.example")
FABRIKAM = name("fabrikam.example")
KEY = Key(CONTOSO, "MX")
DELEGATION = rrset(CONTOSO, "NS", 7200, [parse_value("NS", host) for host in NAME_SERVERS])


def mx(host: str, domain: Name = CONTOSO, preference: int = 0, ttl: int = 3600) -> RRset:
    return rrset(domain, "MX", ttl, [Mx(preference, name(host))])


OLD = mx("contoso-example.mail.protection.outlook.com")
NEW = mx("contoso-example.o-v1.mx.microsoft")


def asking(**how: object) -> Callable[[Domain], Domain]:
    """Make what changes these settings of a domain (`World.shape`)."""
    return lambda domain: replace(domain, **how)  # type: ignore[arg-type]  # the fields of a domain


class Killed(BaseException):
    """The end of a run in the middle of its work."""


class Scripted(Memory):
    """A memory provider that can be told how its next writes and reads go."""

    def __init__(self, zones: Mapping[Name, Collection[RRset | Irregular]], label: str = "mem") -> None:
        super().__init__(label, zones)
        self.script: list[Outcome | ProviderError | str] = []
        """For each write to come: an outcome instead of it, an error instead of it, `lost` (written, the answer is lost),
        `meanwhile` (somebody edits another key before it), `killed` (written, and the run dies) or `late` (written, and read
        back as before)."""
        self.zones_asked: list[set[Name]] = []
        self.zones_error: ProviderError | None = None
        self.read_error: ProviderError | None = None
        self.fails_once_written: ProviderError | None = None
        """What every read raises after the next call of `apply`."""
        self.canonical_error: Unsupported | None = None
        self.reads = 0
        self.listed: list[Name] = []
        """Each zone that was looked through, each time."""
        self.listing_error: ProviderError | None = None
        self.servers: frozenset[Name] = frozenset()
        self.signs: Signer | None = None
        self._served: RRset | None = None

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        self.zones_asked.append(set(names))
        if self.zones_error:
            raise self.zones_error
        return super().zones(names)

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        self.reads += 1
        if self.read_error:
            raise self.read_error
        snapshot = super().read(zone, keys)
        if self._served and self._served.key in snapshot.sets:
            return replace(snapshot, sets={**snapshot.sets, self._served.key: self._served})
        return snapshot

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        self.listed.append(zone.name)
        if self.listing_error:
            raise self.listing_error
        return super().highest_ttls(zone)

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:  # noqa: ARG002 - the contract's
        return self.servers

    def signer(self) -> Signer | None:  # type: ignore[override]  # that of `Memory` signs nothing
        return self.signs

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        if self.canonical_error:
            raise self.canonical_error
        return super().canonical(zone, wanted)

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        self.read_error = self.read_error or self.fails_once_written
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
            case "killed":
                super().apply(base, changes)
                raise Killed
            case "meanwhile":
                return {change.key: Outcome(Status.CONFLICT, "the zone changed") for change in changes}
            case _:
                self._served = changes[0].before
                return super().apply(base, changes)

    def catch_up(self) -> None:
        """Serve what was written from now on."""
        self._served = None


class Registrar(Scripted):
    """Holds the DS of domains below `example.`, with a TTL of its own."""

    def __init__(self, label: str = "reg") -> None:
        super().__init__({EXAMPLE: [DELEGATION]}, label)

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        return {one: replace(super(Registrar, self).zones([EXAMPLE])[EXAMPLE], name=one) for one in names}

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        return replace(super().read(replace(zone, name=EXAMPLE), keys), zone=zone)

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        return replace(super().canonical(replace(zone, name=EXAMPLE), wanted), ttl=REGISTRY_TTL)

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        return super().apply(replace(base, zone=replace(base.zone, name=EXAMPLE)), changes)


@dataclass
class World:
    """A manifest of two domains on one scripted provider, and what Graph says of them, in a folder.

    `auto`: the domains name no provider. `others` are configured beside the scripted one, each with what it can do. `shape`
    changes what the manifest says of a domain, `mail_hosts` are certificates (current, next) by host, `max_zone_ttl` is said of
    every provider. The clock stands still unless a test moves it.
    """

    folder: Path
    provider: Scripted = field(
        default_factory=lambda: Scripted({CONTOSO: [OLD], FABRIKAM: [mx("fabrikam-example.o-v1.mx.microsoft", FABRIKAM)]})
    )
    clock: datetime = NOW
    tenant_globs: tuple[str, ...] | None = None
    capabilities: Capabilities = memory.ADAPTER.capabilities
    lookup: Lookup | None = None
    staged: bool = False
    auto: bool = False
    strategy: Strategy = Strategy.DIRECT
    shape: Callable[[Domain], Domain] = lambda domain: domain
    mail_hosts: dict[Name, tuple[Path, Path | None]] = field(default_factory=dict)
    others: dict[str, tuple[Provider, Capabilities]] = field(default_factory=dict)
    listed: tuple[Name, ...] = (CONTOSO, FABRIKAM)
    hosts: dict[Name, str] = field(
        default_factory=lambda: {CONTOSO: "contoso-example.o-v1.mx.microsoft", FABRIKAM: "fabrikam-example.o-v1.mx.microsoft"}
    )
    policy: Policy = field(default_factory=Policy)
    max_zone_ttl: timedelta | None = None

    def __post_init__(self) -> None:
        held = [self.provider, *(one for one, _ in self.others.values() if isinstance(one, Memory))]
        self.witness = ScriptedWitness(held, self.now)

    @classmethod
    def served(cls, folder: Path, **others: Scripted) -> World:
        """Make one whose zones are delegated and asked, and change in phases; `others` publish too."""
        world = cls(folder, others={label: (one, PUBLISHED) for label, one in others.items()})
        world.capabilities, world.strategy = PUBLISHED, Strategy.PHASED
        world.lookup = Delegating((CONTOSO, FABRIKAM, EXAMPLE))
        for one in (world.provider, *others.values()):
            one.servers = frozenset(NAME_SERVERS)
        return world

    @classmethod
    def of_mail_host(cls, folder: Path, host: Name) -> World:
        """Make one with a signed zone and a mail host that presents its certificate; `next.pem` is there for a change."""
        world = cls.served(folder)
        world.listed = (CONTOSO,)
        world.provider.put(CONTOSO, mx("contoso-example.o-v1.mx.microsoft"))
        world.witness.keys[CONTOSO] = (KSK,)
        (folder / "mx1.pem").write_bytes(CERTIFICATE.pem)
        (folder / "next.pem").write_bytes(NEXT_CERTIFICATE.pem)
        world.mail_hosts[host] = (folder / "mx1.pem", None)
        return world

    def now(self) -> datetime:
        return self.clock

    def ask_for(self, host: str) -> None:
        """Let Graph ask for another mail host from now on."""
        self.hosts[CONTOSO] = host
        self.save_answer()

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
        known = {"mem": (self.provider, self.capabilities), **self.others}
        providers = {label: _config(label, *one, where, self.max_zone_ttl) for label, one in known.items()}
        settings = Settings(None if self.auto else "mem", self.strategy, staged=self.staged)
        named = None if self.auto else providers["mem"]
        domains = tuple(self.shape(Domain.of(domain, tenant, named, settings, where)) for domain in self.listed)
        hosts = tuple(MailHost(host, named, *files, where) for host, files in self.mail_hosts.items())
        state = f"sqlite:///{self.folder / 'state.db'}"
        manifest = Manifest(
            where.file, state, {"contoso": tenant}, providers, domains, settings, {}, mail_hosts=hosts, policy=self.policy
        )
        return Fleet(manifest, self.now, self.lookup, witness=self.witness)

    def plan(self, filters: Filters | None = None, kept: Kept | None = None) -> PlanFile:
        return PlanFile.record(engine.plan(self.fleet(), filters or Filters(), kept))


def _config(label: str, provider: Provider, can: Capabilities, where: Location, longest: timedelta | None) -> ProviderConfig:
    adapter = Adapter(memory.ADAPTER.contract, Options, can, lambda _label, _options, _context: provider)
    options = Options(type="memory" if can.writes else MANUAL, max_zone_ttl=longest)
    return ProviderConfig(label, adapter, options, where)
