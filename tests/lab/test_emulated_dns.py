"""What the emulators' zones answer in public DNS, beside BIND's answers for the same records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from plans.values import name
from providers.conformance import Record
from tests.emulators.dns import SOA
from tests.emulators.serving import public_dns
from tests.lab.conftest import Named
from tests.provisioner.cli.test_each_provider import Opened, on_azure, on_cloudflare, on_rfc2136, on_route53

ZONE = name("contoso.example")
RECORDS = [
    Record.of(f"{owner}contoso.example", kind, 300, value)
    for owner, kind, value in (
        ("", "MX", "0 contoso-example.mail.protection.outlook.com."),
        ("", "MX", "10 mail.contoso.example."),
        ("", "TXT", '"v=spf1 -all" "more"'),
        ("mail.", "A", "192.0.2.1"),
        ("deep.empty.", "A", "192.0.2.2"),
        ("*.wild.", "MX", "10 mail.contoso.example."),
        ("real.wild.", "TXT", '"real"'),
        ("under.empty.wild.", "A", "192.0.2.3"),
        ("*.alias.", "CNAME", "mail.contoso.example."),
        ("www.", "CNAME", "mail.contoso.example."),
        ("far.", "CNAME", "elsewhere.example."),
        ("chain.", "CNAME", "www.contoso.example."),
        ("dangling.", "CNAME", "nobody.contoso.example."),
        ("wilder.", "CNAME", "made.wild.contoso.example."),
        ("loop.", "CNAME", "pool.contoso.example."),
        ("pool.", "CNAME", "loop.contoso.example."),
        ("astray.", "CNAME", "host.sub.contoso.example."),
        ("sub.", "NS", "ns1.sub.contoso.example."),
        ("sub.", "NS", "ns.elsewhere.example."),
        ("ns1.sub.", "A", "192.0.2.4"),
    )
]
OWNERS = (
    "", "NoBody.", "mail.", "nobody.", "a.b.nobody.", "empty.", "deep.empty.", "deeper.deep.empty.", "wild.", "*.wild.",
    "made.wild.", "made.up.wild.", "real.wild.", "below.real.wild.", "empty.wild.", "made.empty.wild.", "made.alias.", "WWW.",
    "far.", "chain.", "dangling.", "wilder.", "loop.", "astray.", "sub.", "host.sub.", "ns1.sub.", "*.sub.",
)  # fmt: skip
KINDS = ("MX", "TXT", "A", "TLSA", "CNAME", "NS", "DS")
QUESTIONS = [(f"{owner}contoso.example.", kind) for owner in OWNERS for kind in KINDS] + [
    ("contoso.example.", "SOA"),
    ("fabrikam.example.", "MX"),
]


@pytest.mark.parametrize("opened", [on_route53, on_cloudflare, on_azure, on_rfc2136])
def test_a_zone_at_an_emulator_answers_as_bind_does(
    named: Callable[[dict[str, Path]], Named], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    with opened(monkeypatch, tmp_path) as (bench, _), public_dns() as public:
        provider = bench.open({ZONE: RECORDS})
        public.host(provider, bench, [ZONE])
        servers = sorted(provider.name_servers(provider.zones([ZONE])[ZONE]))
        lines = [f"@ 3600 SOA {SOA}", *(f"@ 3600 NS {server}" for server in servers)]
        lines += [f"{record.owner} {record.ttl} {record.type} {record.value}" for record in RECORDS]
        (tmp_path / "zone").write_text("\n".join([*lines, ""]))
        bind = named({ZONE: tmp_path / "zone"})
        theirs = {question: answer(*question, "127.0.0.1", bind.port) for question in QUESTIONS}
        at = public.address(servers[-1]), public.world.port
        ours = {question: answer(*question, *at) for question in QUESTIONS}
        assert [(question, ours[question], told) for question, told in theirs.items() if ours[question] != told] == []


def answer(owner: str, kind: str, address: str, port: int) -> dict[str, object]:
    """Ask, and give what an answer says: its code, AA, the records, the denial or the delegation.

    What a server may add or leave out is not looked at: the zone's own NS, and addresses of hosts that an answer names.
    """
    told = dns.query.udp(dns.message.make_query(owner, kind, flags=0), address, timeout=20, port=port)
    authoritative = bool(told.flags & dns.flags.AA)
    authority = [one for one in told.authority if (one.name.to_text(), one.rdtype) != (ZONE, dns.rdatatype.NS)]
    sections = {"answer": told.answer, "authority": authority, "glue": [] if authoritative else told.additional}
    lines = {label: sorted("\n".join(one.to_text().lower() for one in held).splitlines()) for label, held in sections.items()}
    return {"rcode": dns.rcode.to_text(told.rcode()), "authoritative": authoritative, **lines}
