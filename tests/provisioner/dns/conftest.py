from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.dns.client import Client, Patience
from provisioner.targets import Target
from tests.emulators.dns import DnsWorld, dns_world
from tests.emulators.dns_signed import signed_world
from tests.provisioner.dns import signed_bench
from tests.provisioner.dns.signed_bench import Bench

ROOT, TLD, FIRST, SECOND, RECURSIVE = (f"127.0.53.{host}" for host in (1, 2, 3, 4, 5))
PATIENCE = Patience(udp=(2.0, 4.0), tcp=5.0)
IMPATIENCE = Patience(udp=(0.5,), tcp=2.0)

ROOT_ZONE = f"""
@ NS a.root.
a.root. A {ROOT}
example. NS ns.example.
ns.example. A {TLD}
"""
EXAMPLE_ZONE = f"""
@ NS ns.example.
ns A {TLD}
contoso NS ns1.contoso
contoso NS ns2.contoso
ns1.contoso A {FIRST}
ns2.contoso A {SECOND}
"""
CONTOSO_ZONE = f"""
@ SOA ns1 hostmaster 7 3600 600 86400 300
@ NS ns1
@ NS ns2
@ 600 MX 0 Contoso-Example.mail.protection.outlook.com.
@ TXT "v=spf1 -all"
@ A 192.0.2.10
ns1 A {FIRST}
ns2 A {SECOND}
www CNAME contoso.example.
host A 192.0.2.11
host AAAA 2001:db8::11
deep.empty A 192.0.2.12
renamed DNAME elsewhere.example.
sub NS ns1
sub DS 12345 13 2 {"ab" * 32}
"""


@dataclass
class World:
    servers: DnsWorld
    folder: Path

    def lookup(self, *, forward: bool = False, patience: Patience = PATIENCE) -> PublicLookup:
        """Make a lookup that knows this world's root only."""
        hints = self.folder / "hints"
        hints.write_text(f". NS a.root.\na.root. A {ROOT}\n")
        forwarders = (Target(RECURSIVE, self.servers.port),) if forward else ()
        return PublicLookup(ResolverOptions(forwarders, hints, self.servers.port), Client(patience))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A root, `example.` below it, and `contoso.example.` at two servers; one more address is recursive."""
    with dns_world(ROOT, TLD, FIRST, SECOND, RECURSIVE) as servers:
        servers.serve(".", ROOT_ZONE, ROOT)
        servers.serve("example.", EXAMPLE_ZONE, TLD)
        servers.serve("contoso.example.", CONTOSO_ZONE, FIRST, SECOND)
        servers.recursive(RECURSIVE)
        yield World(servers, tmp_path)


MakeLookup = Callable[..., PublicLookup]


@pytest.fixture(params=[False, True], ids=["from the root", "through a forwarder"])
def lookup(world: World, request: pytest.FixtureRequest) -> PublicLookup:
    return world.lookup(forward=request.param)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A signed root, `example.` and `contoso.example.` at three servers, all well; one more address is recursive."""
    with signed_world(signed_bench.ROOT, signed_bench.TLD, *signed_bench.OWN, signed_bench.RECURSIVE) as servers:
        servers.recursive(signed_bench.RECURSIVE)
        bench = Bench(servers, tmp_path)
        bench.serve()
        yield bench
