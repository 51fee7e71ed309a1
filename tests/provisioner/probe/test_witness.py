"""The witness of the public Internet, on loopback: servers, hosts, mail servers, policies and what time it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import dns.rcode
import pytest

from plans.facts import NoAnswer, Security, Session, StsMode, StsPolicy
from plans.values import Key, RRset, name
from providers.contract import Unavailable
from provisioner.dns import PublicLookup
from provisioner.probe.aliases import MOST, Aliases
from provisioner.probe.mta_sts import StsClient
from provisioner.probe.smtp import SmtpProbe
from provisioner.probe.witness import PublicWitness
from tests.emulators import http
from tests.emulators.authority import Authority
from tests.emulators.dns_signed import NOW, SignedZone, Signing, signed_world
from tests.emulators.http import Request, Response
from tests.emulators.smtp import MailServer
from tests.emulators.talking import running
from tests.provisioner.dns import signed_bench
from tests.provisioner.dns.signed_bench import CONTOSO_ZONE, FIRST, OWN, SECOND, TLD, Bench, signing

CONTOSO, MAIL = name("contoso.example"), name("mail.contoso.example")
MX, TLSA = Key(CONTOSO, "MX"), Key(name("_25._tcp.mail.contoso.example"), "TLSA")
BODY = b"version: STSv1\nmode: testing\nmx: mail.contoso.example\nmax_age: 86400\n"
ANNOUNCED = '_mta-sts 300 TXT "v=STSv1; id=7"\nmta-sts A 127.0.0.1\n'
AWAY = """
_mta-sts CNAME contoso._mta-sts.hosted.plain.example.
mta-sts CNAME web.plain.example.
"""
HOSTED = """
@ SOA ns1 hostmaster 7 3600 600 86400 300
@ NS ns1
contoso._mta-sts.hosted 60 TXT "v=STSv1; id=8"
web CNAME real
real A 127.0.0.1
real AAAA ::1
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A signed root, `example.` and `contoso.example.` at three servers."""
    with signed_world(signed_bench.ROOT, signed_bench.TLD, *signed_bench.OWN) as servers:
        bench = Bench(servers, tmp_path)
        bench.serve()
        yield bench


class Website:
    """Serves a policy, and keeps which hosts were asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []

    def respond_to(self, request: Request) -> Response:
        self.asked.append(request.headers["host"])
        return Response(200, BODY, {"Content-Type": "text/plain"})


def outside(
    lookup: PublicLookup,
    *,
    smtp: SmtpProbe | None = None,
    port: int = 1,
    roots: Path | None = None,
    told: datetime | None = None,
) -> PublicWitness:
    aliases = Aliases(lookup)
    sts = StsClient(aliases.held, aliases.addresses, port=port, roots=roots)
    return PublicWitness(lookup, smtp or SmtpProbe(port=1), sts, lambda: told, lambda: NOW)


@contextmanager
def website(authority: Authority, folder: Path, *hosts: str) -> Iterator[tuple[Website, int, Path]]:
    roots = folder / "roots.pem"
    roots.write_bytes(authority.own.pem)
    with http.running(Website(), authority.issue(*hosts).server(folder)) as site:
        yield site, int(site.url.rpartition(":")[2]), roots


def test_what_each_server_serves_is_looked_at_anew(bench: Bench) -> None:
    witness = outside(bench.lookup())
    before = witness.by_address(CONTOSO, [MX])[MX]
    assert set(before) == set(OWN)
    bench.otherwise(SECOND, CONTOSO_ZONE.replace("@ 600 MX 0 mail", "@ 600 MX 5 mail"))
    after = witness.by_address(CONTOSO, [MX])[MX]
    assert after[FIRST] == before[FIRST]
    assert after[SECOND] != before[SECOND]


def test_a_zone_and_a_set_are_judged_by_the_chain(bench: Bench) -> None:
    witness = outside(bench.lookup())
    assert witness.zone_facts(CONTOSO).security is Security.SECURE
    assert witness.secured(TLSA).security is Security.SECURE
    with pytest.raises(Unavailable):
        witness.zone_facts(name("nowhere.example"))


def test_a_host_has_its_addresses_its_tlsa_and_where_asked_for_its_sessions(
    bench: Bench, authority: Authority, tmp_path: Path
) -> None:
    issued = authority.issue("mail.contoso.example")
    here = CONTOSO_ZONE.replace("192.0.2.25", "127.0.0.1").replace("mail 1200 AAAA 2001:db8::25\n", "")
    for address in OWN:
        bench.otherwise(address, here)
    with running(MailServer(issued.server(tmp_path))) as server:
        witness = outside(bench.lookup(), smtp=SmtpProbe(port=server.port))
        quiet, asked = witness.host(MAIL, smtp=False), witness.host(MAIL, smtp=True)
    assert (quiet.addresses, quiet.address_ttl, quiet.address_security) == (frozenset({"127.0.0.1"}), 900, Security.SECURE)
    assert isinstance(quiet.tlsa.held, RRset)
    assert (quiet.tlsa.held.key, quiet.sessions) == (TLSA, {})
    session = asked.sessions["127.0.0.1"]
    assert isinstance(session, Session)
    assert session.chain[0] == issued.der


@pytest.mark.parametrize("told", [NOW - timedelta(hours=1), None])
def test_the_clock_is_compared_where_somebody_needs_it(told: datetime | None, bench: Bench) -> None:
    witness = outside(bench.lookup(), told=told)
    assert witness.clock_skew(needed=False) is None
    assert witness.clock_skew(needed=True) == (timedelta(hours=1) if told else None)


def test_a_domain_without_an_announcement_has_no_policy(bench: Bench) -> None:
    assert outside(bench.lookup()).sts(CONTOSO) == StsPolicy("", 0, StsMode.NONE)


def test_a_policy_is_fetched_from_where_our_own_lookup_finds_it(bench: Bench, authority: Authority, tmp_path: Path) -> None:
    for address in OWN:
        bench.otherwise(address, CONTOSO_ZONE + ANNOUNCED)
    with website(authority, tmp_path, "mta-sts.contoso.example") as (site, port, roots):
        found = outside(bench.lookup(), port=port, roots=roots).sts(CONTOSO)
    assert isinstance(found, StsPolicy)
    assert (found.id, found.ttl, found.mode) == ("7", 300, StsMode.TESTING)
    assert site.asked == ["mta-sts.contoso.example"]


def test_aliases_lead_to_a_hosted_announcement_and_policy(bench: Bench, authority: Authority, tmp_path: Path) -> None:
    for address in OWN:
        bench.otherwise(address, CONTOSO_ZONE + AWAY)
    bench.world.serve(SignedZone("plain.example.", HOSTED), FIRST)
    with website(authority, tmp_path, "mta-sts.contoso.example") as (site, port, roots):
        found = outside(bench.lookup(), port=port, roots=roots).sts(CONTOSO)
    assert isinstance(found, StsPolicy)
    assert (found.id, found.ttl) == ("8", 60)
    assert site.asked == ["mta-sts.contoso.example"]


def test_a_certificate_for_the_host_behind_an_alias_is_none_for_the_domain(
    bench: Bench, authority: Authority, tmp_path: Path
) -> None:
    for address in OWN:
        bench.otherwise(address, CONTOSO_ZONE + AWAY)
    bench.world.serve(SignedZone("plain.example.", HOSTED), FIRST)
    with website(authority, tmp_path, "real.plain.example") as (site, port, roots):
        found = outside(bench.lookup(), port=port, roots=roots).sts(CONTOSO)
    assert isinstance(found, NoAnswer)
    assert site.asked == []


def aliases(bench: Bench, text: str) -> Aliases:
    for address in OWN:
        bench.otherwise(address, CONTOSO_ZONE + text)
    return Aliases(bench.lookup())


def test_aliases_are_followed_so_far_and_no_further(bench: Bench) -> None:
    chain = "".join(f"a{number} CNAME a{number + 1}\n" for number in range(MOST + 1)) + f"a{MOST + 1} A 192.0.2.7\n"
    found = aliases(bench, chain)
    assert found.addresses("a1.contoso.example") == ["192.0.2.7"]
    with pytest.raises(OSError, match=f"more than {MOST} aliases"):
        found.addresses("a0.contoso.example")


def test_an_alias_that_leads_nowhere_is_no_set(bench: Bench) -> None:
    found = aliases(bench, "here CNAME gone\n")
    assert found.held(Key(name("here.contoso.example"), "TXT")) is None
    assert found.addresses("here.contoso.example") == []


def test_what_is_no_alias_and_no_plain_set_stays_irregular(bench: Bench) -> None:
    found = aliases(bench, "").held(Key(name("x.renamed.contoso.example"), "TXT"))
    assert "DNAME" in str(found)


def test_a_set_that_validators_refuse_is_no_answer(bench: Bench) -> None:
    late = Signing(signing("contoso").keys, expiration=NOW - timedelta(hours=1), inception=NOW - timedelta(days=9))
    for address in OWN:
        bench.otherwise(address, CONTOSO_ZONE + ANNOUNCED, late)
    found = outside(bench.lookup()).sts(CONTOSO)
    assert isinstance(found, NoAnswer)
    with pytest.raises(OSError, match="signature"):
        Aliases(bench.lookup()).addresses("mta-sts.contoso.example")


def test_a_silent_parent_is_no_answer(bench: Bench) -> None:
    bench.world.spoil(TLD, lambda reply: reply.set_rcode(dns.rcode.SERVFAIL))
    assert isinstance(outside(bench.lookup()).sts(CONTOSO), NoAnswer)
