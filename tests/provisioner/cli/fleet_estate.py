"""An estate of many tenants and their domains at three operators, asked live, some of the tenants broken in known ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from plans.values import Name, name
from provisioner.reconciled import Place
from tests.emulators import graph, graph_tenants
from tests.emulators.dns_estate import HINTS, DelegatedZones, Mx, delegated_zones
from tests.provisioner.cli.operators import CREDENTIALS, Cloudflare, Operator, three_operators

LATER = {"Retry-After": "3600"}
"""Longer than a run waits for anybody."""
FOR_EVER = 20
"""So often a fault strikes: more often than any test asks."""
PROVIDERS = ("aws", "cf", "azure")
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"


@dataclass
class Tenant:
    """One of them, as Microsoft has it, with its domains, all in one account."""

    label: str
    guid: str
    graph: graph.GraphEmulator
    provider: str
    operator: Operator
    domains: Sequence[Name]


@dataclass(frozen=True)
class Way:
    """A way to be broken: what does it, and what is told of it. `whole`: of the tenant, else of its first domain alone."""

    code: str
    does: Callable[[Estate, Tenant], object]
    place: Place = Place.REFUSED
    whole: bool = False
    at: str = ""
    """The provider at which alone it can happen."""


@dataclass
class Estate:
    """All of it. `expected` says of each subject that is not to come right where it is to stand, and with which code.

    `lacking` are the domains whose MX is to be made, `lost` those in an account whose token is not taken.
    """

    graph: graph_tenants.GraphTenants
    operators: Mapping[str, Operator]
    dns: DelegatedZones
    tenants: list[Tenant] = field(default_factory=list)
    lacking: list[Name] = field(default_factory=list)
    lost: dict[Name, Tenant] = field(default_factory=dict)
    expected: dict[str, tuple[Place, str]] = field(default_factory=dict)

    def right(self, domain: Name) -> bool:
        """Whether a domain has the MX that Microsoft asks for."""
        return any(one.mx(domain) == [(3600, wanted(domain))] for one in self.operators.values())

    def calls(self) -> int:
        """Give how many requests came to the operators so far."""
        return sum(one.calls() for one in self.operators.values())

    def writes(self) -> int:
        """Give how many of them changed something."""
        return sum(one.writes() for one in self.operators.values())


def wanted(domain: Name) -> str:
    """Give the MX that Microsoft asks for."""
    return f"0 {domain.removesuffix('.').replace('.', '-')}.mail.protection.outlook.com."


def _out_of_reach(estate: Estate, tenant: Tenant) -> None:
    tenant.operator.hold(tenant.domains[0])
    estate.lost[tenant.domains[0]] = tenant


def _refused(fault: graph.Fault) -> Callable[[Estate, Tenant], None]:
    return lambda _estate, tenant: tenant.graph.fail("/domains", *[fault] * FOR_EVER)


def _unreadable(_estate: Estate, tenant: Tenant) -> None:
    path = f"/domains/{tenant.domains[0].removesuffix('.')}/serviceConfigurationRecords"
    tenant.graph.fail(path, *[graph.Fault(429, LATER)] * FOR_EVER)


def _of_another_tenant(estate: Estate, tenant: Tenant) -> None:
    tenant.graph = estate.graph.add(tenant.guid, token_of=OTHER_TENANT)


def _labelled_otherwise(_estate: Estate, tenant: Tenant) -> None:
    tenant.graph.records[tenant.domains[0].removesuffix(".")] = graph.records("another.example")


def _unverified(_estate: Estate, tenant: Tenant) -> None:
    tenant.graph.hold_unverified(tenant.domains[0].removesuffix("."), "MS=ms70000001")


def _gone(_estate: Estate, tenant: Tenant) -> None:
    tenant.operator.drop(tenant.domains[0])


def _with(*mx: tuple[int, str]) -> Callable[[Estate, Tenant], None]:
    return lambda _estate, tenant: tenant.operator.hold(tenant.domains[0], mx)


def _elsewhere(estate: Estate, tenant: Tenant) -> None:
    tenant.operator.hold(tenant.domains[0])
    estate.dns.delegate(tenant.domains[0], [name("ns1.operator.net"), name("ns2.operator.net")])


_DENIED = b'{"error": {"code": "accessDenied", "message": "A policy keeps the application out."}}'
WAYS = (
    Way("consent-missing", _refused(graph.Fault(403)), Place.FAILED, whole=True),
    Way("tenant-unreadable", _of_another_tenant, Place.FAILED, whole=True),
    Way("tenant-unreadable", _refused(graph.Fault(403, body=_DENIED)), Place.FAILED, whole=True),
    Way("tenant-unreadable", _refused(graph.Fault(429, LATER)), Place.FAILED, whole=True),
    Way("tenant-unreadable", _refused(graph.Fault(500, LATER)), Place.FAILED, whole=True),
    Way("tenant-unreadable", _refused(graph.Fault(body=b'{"value": [{"id": "cont')), Place.FAILED, whole=True),
    Way("graph-unreadable", _unreadable, Place.FAILED),
    Way("graph-foreign-label", _labelled_otherwise),
    Way("domain-not-verified", _unverified),
    Way("zone-not-found", _gone),
    Way("zone-unreadable", _out_of_reach, Place.FAILED),
    Way("foreign-mx", _with((3600, "10 mx.elsewhere.example."))),
    Way("set-irregular", _with((3600, "0 mx1.elsewhere.example."), (300, "10 mx2.elsewhere.example.")), at="cf"),
    Way("not-authoritative", _elsewhere),
)
"""More ways than codes: those that are told apart by their words alone need the same person."""


@contextmanager
def estate(environment: pytest.MonkeyPatch, folder: Path, tenants: int, domains: int, every: int = 0) -> Iterator[Estate]:
    """Make one in the current folder, with its manifest: tenants of so many domains, one in `every` of them broken (0: none).

    The first domain of each other tenant has no MX yet, that of the last one names an older host of Microsoft's; all others are
    right.
    """
    environment.chdir(folder)
    environment.setenv("CLOUDFLARE_TOKEN_OF_NOBODY", "token-of-nobody-0123456789")
    (folder / "graph").mkdir()
    made = graph_tenants.GraphTenants(folder / "graph")
    with three_operators(environment, folder) as (aws, cf, azure), graph_tenants.running(made):
        operators: dict[str, Operator] = dict(zip(PROVIDERS, (aws, cf, azure), strict=True))

        def served(zone: Name) -> Mx | None:
            return next((mx for mx in (one.mx(zone) for one in operators.values()) if mx is not None), None)

        with delegated_zones(served) as dns:
            found = Estate(made, operators, dns)
            ways = [WAYS[number // every % len(WAYS)] if every and number % every == 0 else None for number in range(tenants)]
            for number, way in enumerate(ways):
                _add(found, number, domains, way.at if way and way.at else PROVIDERS[number // 2 % len(PROVIDERS)])
            for tenant, way in zip(found.tenants, ways, strict=True):
                _unsettle(found, tenant, way)
            oldest = found.tenants[-1].domains[0]
            found.tenants[-1].operator.hold(oldest, [(3600, wanted(oldest).replace("protection.outlook", "eo.outlook"))])
            found.lacking.remove(oldest)
            found.expected[oldest.removesuffix(".")] = Place.APPROVAL, ""
            _write_manifest(found, cf)
            yield found


def _add(found: Estate, number: int, count: int, provider: str) -> None:
    operator = found.operators[provider]
    domains = [name(f"t{number:03d}-{place}.example") for place in range(count)]
    guid = f"00000000-0000-0000-0000-{number:012d}"
    held = found.graph.add(guid, *(domain.removesuffix(".") for domain in domains))
    found.tenants.append(Tenant(f"t{number:03d}", guid, held, provider, operator, domains))
    for domain in domains:
        operator.hold(domain, [(3600, wanted(domain))])
        found.dns.delegate(domain, operator.servers)


def _unsettle(found: Estate, tenant: Tenant, way: Way | None) -> None:
    """Break a tenant, or let its first domain lack its MX."""
    first = tenant.domains[0]
    if way:
        way.does(found, tenant)
        found.expected[tenant.label if way.whole else first.removesuffix(".")] = way.place, way.code
    else:
        tenant.operator.hold(first)
        found.lacking.append(first)


def _write_manifest(found: Estate, cf: Cloudflare) -> None:
    for tenant in found.tenants:
        Path(f"token-{tenant.label}").write_text(tenant.graph.token)
    tokens = {one.label: f"{{type: token, token: {{file: token-{one.label}}}}}" for one in found.tenants}
    tenants = {
        one.label: f"{{id: {one.guid}, credential: {one.label}, domains: all, defaults: {{provider: {one.provider}}}}}"
        for one in found.tenants
    }
    lines = {label: one.line for label, one in found.operators.items()}
    listed = {domain.removesuffix("."): f"{{tenant: {one.label}, provider: lost}}" for domain, one in found.lost.items()}
    lines["lost"] = cf.line_with("CLOUDFLARE_TOKEN_OF_NOBODY", cf.endpoint)
    Path("root.hints").write_text(HINTS)
    Path("provisioner.yaml").write_text(
        f"version: 1\ngraph: {{endpoint: '{found.graph.url}'}}\n"
        f"resolver: {{hints: root.hints, port: {found.dns.port}}}\n"
        "policy: {unattended: [create-mx]}\n"
        f"{_block('credentials', CREDENTIALS | tokens)}{_block('tenants', tenants)}{_block('providers', lines)}"
        + (_block("domains", listed) if listed else "")
    )


def _block(key: str, entries: Mapping[str, str]) -> str:
    return f"{key}:\n" + "".join(f"  {label}: {entry}\n" for label, entry in entries.items())
