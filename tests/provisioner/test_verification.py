"""Looking at domains from outside, in a signed part of the Internet with mail servers in it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from plans.conditions import ProviderHolds
from plans.desired import Subject, SubjectKind
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Risk
from plans.problem import Problem
from plans.values import Key, Mx, Name, RRset, ZoneRef, name, rrset
from plans.verify import Standing
from providers import memory
from providers.contract import Adapter, Options, Unavailable
from provisioner.fleet import Fleet
from provisioner.kept import Kept, Opened
from provisioner.manifest.model import ProviderConfig
from provisioner.verification import Verified, verify
from tests.provisioner.seen_bench import (
    CONTOSO_ZONE,
    FIRST,
    LEGACY,
    MANIFEST,
    MICROSOFT_ZONE,
    NEW,
    PLAIN_ZONE,
    RECORD,
    SECOND,
    WRONG,
    Bench,
    seen_bench,
)
from tests.provisioner.worlds import FABRIKAM, Scripted, World

CONTOSO, GATE, PLAIN = map(name, ("contoso.example", "gate.contoso.example", "plain.example"))
OLD, PINNED = name(LEGACY), name("plain-example.o-v1.mx.microsoft")
FAULT, UNDETERMINED, NOTICE, GOOD = Standing.FAULT, Standing.UNDETERMINED, Standing.NOTICE, Standing.GOOD


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with seen_bench(tmp_path) as made:
        yield made


def bad(found: Verified) -> dict[str, Standing]:
    """Give the checks that are not good."""
    return {check.name: check.standing for check in found.checks if check.standing is not GOOD}


def told(found: Verified, name: str) -> str:
    (what,) = [check.what for check in found.checks if check.name == name]
    return what


def test_where_all_is_well_nothing_else_is_said(bench: Bench) -> None:
    found = bench.verified()
    assert list(found) == [CONTOSO, GATE, PLAIN]
    assert {one.standing for one in found.values()} == {GOOD}
    assert told(found[CONTOSO], "DANE") == f"verified: {NEW}."
    assert told(found[GATE], "MX") == "10 mx.contoso.example."
    assert told(found[PLAIN], "DANE") == "not DANE: its MX set is not secure"
    assert [check.name for check in found[CONTOSO].checks] == [
        "chain",
        "DS",
        "signatures",
        "delegation",
        "MX",
        f"TLSA {NEW}",
        "DANE",
        "MTA-STS",
    ]


def test_a_zone_and_a_host_that_several_domains_have_are_looked_at_once(bench: Bench) -> None:
    gates = "".join(
        f"  {one}.contoso.example: {{tenant: contoso, route: gateway, mx: [{{preference: 5, exchange: mx.contoso.example}}]}}\n"
        for one in ("gate2", "gate3")
    )
    bench.manifest(MANIFEST + gates)
    bench.serve(CONTOSO_ZONE + "gate2 MX 5 mx\ngate3 MX 5 mx\n")
    bench.ask(more=("gate2.contoso.example", "gate3.contoso.example"))
    found = bench.verified("*gate*")
    assert ({one.standing for one in found.values()}, len(found)) == ({GOOD}, 3), found
    assert sorted(bench.mail.at) == ["127.0.59.5", "127.0.59.6"]
    assert bench.dns.count("contoso.example.", "SOA") == 2  # one a server


@pytest.mark.parametrize(
    ("zone", "bad_checks"),
    [
        (CONTOSO_ZONE.replace(NEW, "mx.else.example"), {"MX": FAULT}),
        (CONTOSO_ZONE.replace(f"@ MX 0 {NEW}.\n", ""), {"MX": FAULT, "DANE": FAULT}),
        (CONTOSO_ZONE.replace(f"{NEW}.", "."), {"MX": FAULT, "DANE": FAULT}),
        (CONTOSO_ZONE.replace(f"MX 0 {NEW}", f"MX 7 {NEW}"), {"MX": NOTICE}),
        (CONTOSO_ZONE.replace("@ NS ns2\n", ""), {"delegation": FAULT}),
    ],
    ids=["other host", "none", "null", "preference", "name servers"],
)
def test_what_is_wrong_in_the_zone(bench: Bench, zone: str, bad_checks: dict[str, Standing]) -> None:
    bench.serve(zone)
    found = bad(bench.verified("contoso.example")[CONTOSO])
    assert bad_checks.items() <= found.items(), found


def test_servers_that_differ(bench: Bench) -> None:
    bench.otherwise(SECOND, CONTOSO_ZONE.replace(f"MX 0 {NEW}.", "MX 0 mx"))
    found = bench.verified("contoso.example")[CONTOSO]
    assert bad(found)["MX"] is FAULT
    assert told(found, "MX") == f"the servers differ: {FIRST} serves 0 {NEW}.; {SECOND} serves 0 mx.contoso.example."


DEAD_DS = f"contoso DS 1 13 2 {'ab' * 32}\n"


@pytest.mark.parametrize(
    ("days", "ds", "of_contoso", "of_gate"),
    [
        (14, DEAD_DS, {"chain": FAULT, "DS": FAULT, "DANE": FAULT}, {"chain": FAULT, "DS": FAULT, "DANE": FAULT}),
        (14, "", {"chain": FAULT, "DANE": FAULT}, {}),
        (0.5, None, {"signatures": FAULT}, {"signatures": FAULT}),
        (-0.5, None, {"chain": FAULT, "signatures": FAULT}, {"chain": FAULT, "signatures": FAULT}),
        (2, None, {"signatures": NOTICE}, {"signatures": NOTICE}),
    ],
    ids=["dead DS", "no DS", "signatures end soon", "signatures ended", "signatures end in days"],
)
def test_what_is_wrong_with_its_dnssec(
    bench: Bench, days: float, ds: str | None, of_contoso: dict[str, Standing], of_gate: dict[str, Standing]
) -> None:
    bench.serve(signing=bench.signing("contoso", days), ds=ds)
    found = bench.verified("*contoso.example")
    assert of_contoso.items() <= bad(found[CONTOSO]).items(), bad(found[CONTOSO])
    assert of_gate.items() <= bad(found[GATE]).items(), bad(found[GATE])
    assert bool(bad(found[GATE])) is bool(of_gate)


@pytest.mark.parametrize(
    ("record", "verdict", "standing"),
    [(WRONG, "failed", FAULT), ("", "not DANE", FAULT), (f"1{RECORD[1:]}", "encrypted", NOTICE)],
    ids=["another key", "none", "usage 1"],
)
def test_what_is_wrong_with_the_tlsa_of_a_host(bench: Bench, record: str, verdict: str, standing: Standing) -> None:
    tlsa = f"_25._tcp.contoso-example.o-v1.mx TLSA {RECORD}\n"
    assert tlsa in MICROSOFT_ZONE
    bench.serve(microsoft=MICROSOFT_ZONE.replace(tlsa, tlsa.replace(RECORD, record) if record else ""))
    found = bench.verified("contoso.example")[CONTOSO]
    assert bad(found) == {f"TLSA {NEW}": standing, "DANE": standing}
    assert told(found, "DANE").startswith(verdict)


def test_a_host_that_presents_another_key_holds_mail_back_whether_dane_is_asked_for_or_not(bench: Bench) -> None:
    bench.serve(CONTOSO_ZONE.replace(RECORD, WRONG))
    assert bad(bench.verified("gate*")[GATE]) == {"TLSA mx.contoso.example": FAULT, "DANE": FAULT}


def test_a_closed_port_counts_only_where_dane_is_asked_for(bench: Bench) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        fleet = bench.fleet(smtp_port=closed.getsockname()[1])
        found = {one.subject.name: one for one in verify(fleet)}
    assert bad(found[CONTOSO]) == {f"TLSA {NEW}": UNDETERMINED, "DANE": UNDETERMINED}
    assert found[GATE].standing is GOOD
    assert "Connection refused" in told(found[GATE], "TLSA mx.contoso.example")


@pytest.mark.parametrize(("own", "tried"), [(False, False), (True, True)])
def test_port_25_is_left_alone_where_the_manifest_says_so_but_for_hosts_of_ours(bench: Bench, own: bool, tried: bool) -> None:
    hosts = "mail_hosts: {mx.contoso.example: {certificate: {file: mx.pem}}}\n" if own else ""
    bench.manifest(MANIFEST + "defaults: {smtp_probe: off}\n" + hosts)
    found = bench.verified("gate*")[GATE]
    assert ("it was not asked" in told(found, "TLSA mx.contoso.example"), bool(bench.mail.at)) == (not tried, tried)


def test_a_host_whose_tlsa_would_have_too_long_a_name_has_none(bench: Bench) -> None:
    host = ".".join([*["a" * 63] * 3, "b" * 44])
    bench.serve(f"{CONTOSO_ZONE}{host} A 127.0.59.5\n".replace("gate MX 10 mx", f"gate MX 10 {host}"))
    found = bench.verified("gate*")[GATE]
    assert bad(found) == {"MX": FAULT}
    assert told(found, f"TLSA {host}.contoso.example") == "not DANE: its TLSA would not be secure"


def _servfail(reply: dns.message.Message) -> None:
    reply.set_rcode(dns.rcode.SERVFAIL)
    reply.answer, reply.authority = [], []


def test_a_server_that_does_not_answer_leaves_it_undetermined(bench: Bench) -> None:
    bench.dns.spoil(SECOND, _servfail)
    found = bench.verified("contoso.example")[CONTOSO]
    assert (found.standing, bad(found)["MX"], bad(found)["DS"]) == (UNDETERMINED, UNDETERMINED, UNDETERMINED)
    bench.dns.spoil(FIRST, _servfail)
    found = bench.verified("contoso.example")[CONTOSO]
    assert {"zone": UNDETERMINED, "MX": UNDETERMINED, "DANE": UNDETERMINED}.items() <= bad(found).items()


def test_dns_that_leads_nowhere_leaves_everything_undetermined(bench: Bench) -> None:
    (bench.folder / "hints").write_text(". NS a.root.\na.root. A 127.0.59.99\n")
    assert bad(bench.verified("contoso.example")[CONTOSO]) == {"zone": UNDETERMINED}


def test_what_graph_does_not_say_is_undetermined_and_the_rest_is_judged(bench: Bench) -> None:
    bench.ask(left_out=("contoso.example",))
    found = bench.verified("contoso.example")[CONTOSO]
    assert bad(found) == {"Graph": UNDETERMINED}
    assert told(found, "DANE") == f"verified: {NEW}."


@pytest.mark.parametrize(
    ("changes", "standing", "words"),
    [
        ({"isVerified": False, "supportedServices": []}, FAULT, ""),
        ({"supportedServices": []}, NOTICE, "not ready for mail yet"),
        ({"isAdminManaged": False}, FAULT, "Microsoft"),
    ],
)
def test_a_domain_that_is_not_ready_for_mail(bench: Bench, changes: dict[str, object], standing: Standing, words: str) -> None:
    bench.ask(changes=changes)
    found = bench.verified("plain.example")[PLAIN]
    assert bad(found) == {"Graph": standing}
    assert words in told(found, "Graph")


def test_with_a_pin_the_legacy_answer_of_graph_is_a_notice(bench: Bench) -> None:
    kept = Kept(pins={PLAIN: PINNED})
    assert bad(bench.verified("plain.example", kept=kept)[PLAIN]) == {"Graph": NOTICE, "MX": FAULT}
    bench.serve(plain=PLAIN_ZONE.replace(OLD, PINNED), microsoft=f"{MICROSOFT_ZONE}plain-example.o-v1.mx A 127.0.59.5\n")
    assert bad(bench.verified("plain.example", kept=kept)[PLAIN]) == {"Graph": NOTICE}


ZONE = ZoneRef("files", "zonefile", "zones", "plain.example.zone", PLAIN)


def mx(*hosts: Name) -> RRset:
    return rrset(PLAIN, "MX", 3600, [Mx(10 * number, host) for number, host in enumerate(hosts)])


def opened(subject: Subject, action: Change | Manual) -> Kept:
    zone = ZONE if isinstance(action, Change) else None
    step = Step(Risk.ADD_MX, action, zone, (), (ProviderHolds(ZONE, Key(PLAIN, "MX"), None),))
    return Kept(opened={subject: Opened("c0ffee" * 4, Rollout(subject, (step,)), ())})


def test_half_way_through_an_open_rollout_is_a_notice(bench: Bench) -> None:
    bench.ask(plain=PINNED.rstrip("."))
    assert bad(bench.verified("plain.example")[PLAIN]) == {"MX": FAULT}
    kept = opened(Subject(PLAIN), Change(mx(OLD), mx(OLD, PINNED)))
    found = bench.verified("plain.example", kept=kept)[PLAIN]
    assert (bad(found), "half-way through the rollout of plan c0ffee" in told(found, "MX")) == ({"MX": NOTICE}, True)


def test_a_zone_that_an_open_rollout_is_to_sign_is_a_notice(bench: Bench) -> None:
    bench.serve(ds="")
    kept = opened(Subject(CONTOSO, SubjectKind.ZONE), Manual("bring the DS to the registrar"))
    found = bench.verified("contoso.example", kept=kept)[CONTOSO]
    assert set(bad(found).values()) == {NOTICE}


def test_a_run_that_is_told_to_stop_leaves_the_rest_undetermined(bench: Bench) -> None:
    stop = threading.Event()
    stop.set()
    found = list(verify(bench.fleet(), stop=stop))
    assert [(one.standing, one.checks[0].name) for one in found] == [(UNDETERMINED, "all")] * 3
    assert not bench.mail.at


def test_globs_that_fit_nothing_are_a_problem(bench: Bench) -> None:
    with pytest.raises(Problem, match="No domain is left to verify"):
        verify(bench.fleet(), ["*.fabrikam.example"])


def at_provider(bench: Bench, provider: Scripted) -> Fleet:
    """Let the domains be managed at a provider that publishes DNS."""
    fleet = bench.fleet()
    manifest, can = fleet.manifest, replace(memory.ADAPTER.capabilities, publishes="dns")
    adapter = Adapter(memory.ADAPTER.contract, Options, can, lambda _label, _options, _context: provider)
    config = ProviderConfig("mem", adapter, Options(type="memory"), manifest.domains[0].where)
    domains = tuple(replace(domain, provider=config) for domain in manifest.domains)
    return Fleet(
        replace(manifest, providers={"mem": config}, domains=domains), fleet.now, fleet.lookup, witness=fleet.witness()
    )


OURS = frozenset(map(name, ("ns1.contoso.example", "ns2.contoso.example")))


@pytest.mark.parametrize(
    ("zone", "servers", "failure", "expected"),
    [
        (CONTOSO, OURS, None, {}),
        (CONTOSO, frozenset({name("ns1.contoso.example")}), None, {"provider": FAULT}),
        (CONTOSO, frozenset({name("a.root")}), None, {"provider": FAULT}),
        (FABRIKAM, OURS, None, {"provider": FAULT}),
        (name("example"), frozenset({name("ns.registry")}), None, {"provider": FAULT}),
        (CONTOSO, OURS, Unavailable("It is closed", "It says so.", "Wait."), {"provider": UNDETERMINED}),
    ],
    ids=["ours", "in part", "elsewhere", "no zone", "another zone", "silent"],
)
def test_the_provider_of_a_zone_is_the_one_that_is_asked(
    bench: Bench, zone: Name, servers: frozenset[Name], failure: Unavailable | None, expected: dict[str, Standing]
) -> None:
    provider = Scripted({zone: []})
    provider.servers, provider.zones_error = servers, failure
    (found,) = verify(at_provider(bench, provider), ["contoso.example"])
    assert bad(found) == expected, found


class _Deaf:
    """Public DNS that nobody may ask."""

    def _asked(self, *_: object) -> None:
        raise AssertionError

    zone_of = delegation = addresses = served = _asked


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, lookup=_Deaf())  # type: ignore[arg-type] # it answers nothing


def everything(world: World) -> dict[Name, Verified]:
    return {one.subject.name: one for one in verify(world.fleet())}


@pytest.mark.parametrize("staged", [False, True])
def test_a_zone_that_nobody_can_ask_is_read_at_its_provider_once_and_dns_is_left_alone(world: World, staged: bool) -> None:
    world.staged = staged
    world.capabilities = replace(world.capabilities, publishes="dns" if staged else "none")
    found = everything(world)
    assert {subject: bad(one) for subject, one in found.items()} == {CONTOSO: {"MX": FAULT}, FABRIKAM: {}}
    assert told(found[FABRIKAM], "DNS").startswith("not looked at: the zone is ")
    assert world.provider.reads == 2  # two zones


@pytest.mark.parametrize("auto", [False, True])
def test_what_cannot_be_read_at_the_provider_is_undetermined(world: World, auto: bool) -> None:
    world.auto, world.staged = auto, auto
    world.provider.read_error = Unavailable("It is closed", "It says so.", "Wait.")
    assert bad(everything(world)[FABRIKAM]) == {"MX": UNDETERMINED}


def test_a_staged_domain_that_no_provider_holds_is_a_fault(world: World) -> None:
    world.staged, world.provider = True, Scripted({CONTOSO: []})
    assert bad(everything(world)[FABRIKAM]) == {"provider": FAULT}


def test_a_tenant_whose_domains_cannot_be_listed_is_undetermined_itself(world: World) -> None:
    world.tenant_globs = ("*",)
    world.answer_file.write_text("{")
    tenant, *domains = verify(world.fleet())
    assert (tenant.subject, bad(tenant)) == (Subject(Name("contoso"), SubjectKind.TENANT), {"Graph": UNDETERMINED})
    assert {one.standing for one in domains} <= {UNDETERMINED, FAULT}


def test_domains_that_a_tenants_globs_choose_are_looked_at_too(world: World) -> None:
    world.tenant_globs, world.listed = ("*",), (CONTOSO,)
    assert list(everything(world)) == [CONTOSO, FABRIKAM]
