"""BIND as the whole of DNS, on loopback: what we find out is what it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.rollout import domain as domain_rollout
from plans.rollout import surroundings
from plans.values import Irregular, Key, Name, RRset, name, parse_value, rrset
from providers.contract import Context, Served, Unavailable
from providers.manual import ADAPTER
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.targets import Target
from tests.emulators.dns_sockets import serving
from tests.lab.conftest import free_port
from tests.lab.one_bind import relayed, running

ROOT, TLD, FIRST, SECOND, BOTH, RECURSIVE = (f"127.0.53.{host}" for host in range(21, 27))
CONTOSO, BOTH_SIDES = name("contoso.example"), name("two.both")
SOA = "@ 3600 IN SOA ns hostmaster 1 3600 600 86400 300\n"
ZONES = {
    "root": f"""$TTL 3600
{SOA}@ NS a.root.
a.root. A {ROOT}
example. NS ns.example.
ns.example. A {TLD}
both. NS ns.both.
ns.both. A {BOTH}
""",
    "example": f"""$TTL 3600
{SOA}@ NS ns
ns A {TLD}
contoso NS ns1.contoso
contoso NS ns2.contoso
ns1.contoso A {FIRST}
ns2.contoso A {SECOND}
lame NS ns1.contoso
""",
    "contoso": f"""$TTL 3600
{SOA}@ NS ns1
@ NS ns2
@ 600 MX 0 Contoso-Example.mail.protection.outlook.com.
@ TXT "v=spf1 -all"
big TXT {" ".join(f'"{"x" * 250}"' for _ in range(6))}
ns1 A {FIRST}
ns2 A {SECOND}
www CNAME contoso.example.
deep.empty A 192.0.2.12
renamed DNAME elsewhere.example.
sub NS ns1
sub DS 12345 13 2 {"ab" * 32}
*.wild MX 10 mail
real.wild TXT "real"
""",
    "both": f"$TTL 3600\n{SOA}@ NS ns\nns A {BOTH}\ntwo NS ns.two\nns.two A {BOTH}\n",
    "two": f"$TTL 3600\n{SOA}@ NS ns\nns A {BOTH}\n@ MX 0 mail\n",
}
SERVED = {
    ROOT: [(".", "root")],
    TLD: [("example", "example")],
    FIRST: [("contoso.example", "contoso")],
    SECOND: [("contoso.example", "contoso")],
    BOTH: [("both", "both"), ("two.both", "two")],
}


def a_set(owner: str, kind: str, ttl: int, *values: str) -> RRset:
    return rrset(owner, kind, ttl, [parse_value(kind, value) for value in values])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bind")


@pytest.fixture
def port(folder: Path, program: Callable[[str], str]) -> Iterator[int]:
    """Start one BIND that is another server at each address, and a recursive one at the last; gives the port of all."""
    path, bind = program("named"), free_port()
    with serving([*SERVED, RECURSIVE], relayed(bind)) as port:
        configure(folder, bind, port)
        with running(path, folder, Target(ROOT, port)):
            yield port


def configure(folder: Path, bind: int, port: int) -> None:
    """Write the zones and the configuration; `port` is where BIND finds the others when it is recursive."""
    for zone, text in ZONES.items():
        (folder / zone).write_text(text)
    (folder / "hints").write_text(f". 3600 NS a.root.\na.root. 3600 A {ROOT}\n")
    views = "".join(
        f'view "at-{address}" {{ match-clients {{ {address}; }}; recursion no;\n'
        + "".join(f'  zone "{zone}" {{ type primary; file "{file}"; }};\n' for zone, file in zones)
        + "};\n"
        for address, zones in SERVED.items()
    )
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; port {port}; listen-on port {bind} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n'
        f"  notify no; dnssec-validation no; empty-zones-enable no; pid-file none; session-keyfile none; }};\n"
        f"controls {{ }};\n{views}"
        f'view "recursive" {{ match-clients {{ {RECURSIVE}; }}; recursion yes; zone "." {{ type hint; file "hints"; }};\n}};\n'
    )


def test_zones_delegations_and_sets_are_those_that_bind_serves(port: int, folder: Path) -> None:
    for forward in ((), (Target(RECURSIVE, port),)):
        lookup = PublicLookup(ResolverOptions(forward, folder / "hints", port))
        zones = {
            "example": "example.",
            "nobody.example": "example.",
            "contoso.example": "contoso.example.",
            "a.deep.empty.contoso.example": "contoso.example.",
            "www.contoso.example": "contoso.example.",
            "x.two.both": "two.both.",
            "lame.example": "lame.example.",
        }
        assert {asked: lookup.zone_of(name(asked)) for asked in zones} == zones
        assert lookup.delegation(CONTOSO) == {
            name("ns1.contoso.example"): {FIRST},
            name("ns2.contoso.example"): {SECOND},
        }
        assert lookup.delegation(BOTH_SIDES) == {name("ns.two.both"): {BOTH}}
        assert lookup.addresses(name("deep.empty.contoso.example")) == {"192.0.2.12"}
        assert lookup.addresses(name("none.contoso.example")) == set()
        wanted = {
            Key(CONTOSO, "MX"): a_set("contoso.example", "MX", 600, "0 contoso-example.mail.protection.outlook.com."),
            Key(CONTOSO, "TLSA"): None,
            Key(name("sub.contoso.example"), "NS"): a_set("sub.contoso.example", "NS", 3600, "ns1.contoso.example."),
            Key(name("sub.contoso.example"), "DS"): a_set("sub.contoso.example", "DS", 3600, "12345 13 2 " + "ab" * 32),
        }
        served = lookup.served(CONTOSO, wanted)
        assert served == {key: Served(held, owner_exists=True) for key, held in wanted.items()}
        long = Key(name("big.contoso.example"), "TXT")
        assert isinstance(lookup.served(CONTOSO, [long])[long].held, RRset)
        hidden = {
            Key(name("www.contoso.example"), "MX"): "CNAME at the name",
            Key(name("x.sub.contoso.example"), "MX"): "hidden by the zone cut at sub.contoso.example.",
            Key(name("x.renamed.contoso.example"), "MX"): "hidden by the DNAME at renamed.contoso.example.",
        }
        for key, reason in hidden.items():
            held = lookup.served(CONTOSO, [key])[key].held
            assert isinstance(held, Irregular)
            assert held.reason.startswith(reason)
        with pytest.raises(Unavailable, match="REFUSED"):
            lookup.served(name("lame.example"), [Key(name("lame.example"), "MX")])


def test_a_zone_that_is_changed_by_hand_is_read_as_bind_serves_it(port: int, folder: Path) -> None:
    lookup = PublicLookup(ResolverOptions(hints=folder / "hints", port=port))
    context = Context(folder, lambda: datetime(2026, 7, 1, tzinfo=UTC), lookup=lookup)
    manual = ADAPTER.open("theirs", ADAPTER.options.model_validate({"type": "manual"}), context)
    zone = manual.zones([CONTOSO])[CONTOSO]
    assert manual.access(zone).readable
    made = name("made.wild.contoso.example")
    snapshot = manual.read(zone, domain_rollout.keys(made, CONTOSO) | domain_rollout.keys(CONTOSO, CONTOSO))
    assert snapshot.sets[Key(made, "MX")] is None
    assert made not in snapshot.nodes
    assert surroundings.shadowed_wildcard(made, snapshot) == Name("*.wild.contoso.example.")
    assert isinstance(snapshot.sets[Key(CONTOSO, "MX")], RRset)
