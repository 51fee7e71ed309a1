"""What a mail host presents at each of its addresses, as a proposal for `mail_hosts:`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest

from plans.facts import HostFacts, Secured, Security, Session
from plans.values import Name, name
from provisioner.fleet import Fleet
from provisioner.manifest import load
from provisioner.presented import Presentation, Presented, look
from provisioner.probe.witness import Witness
from provisioner.report.tlsa_yaml import presented_document
from tests.emulators.authority import issue
from tests.provisioner.seen_bench import BACKUP, MAIL, MANIFEST, NEW, OWN, RECORD, Bench, seen_bench

MX = name("mx.contoso.example")
UNTIL = OWN.certificate.not_valid_after_utc


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with seen_bench(tmp_path) as made:
        yield made


def test_one_key_at_every_address(bench: Bench) -> None:
    found = look(bench.fleet(), MX)
    (one,) = found.keys
    assert (str(one.record), one.addresses, one.names, one.not_after) == (
        RECORD,
        (MAIL, BACKUP),
        ("mx.contoso.example",),
        UNTIL,
    )
    assert found.agreed
    assert "".join(presented_document(found)) == (
        "# What mx.contoso.example presents at this moment. Somebody in between could as well: "
        "compare with the host's own files.\n"
        f"# At {MAIL}, {BACKUP} a key of which the record would be\n"
        f"#   _25._tcp.mx.contoso.example. IN TLSA {RECORD}\n"
        f"# in a certificate for mx.contoso.example, valid until {UNTIL:%Y-%m-%d %H:%M:%SZ}.\n"
        "# Copy the certificate from the host, or save the one that it presents:\n"
        f"#   openssl s_client -starttls smtp -connect {MAIL}:25 -servername mx.contoso.example </dev/null"
        " | openssl x509 -out mx.contoso.example.pem\n"
        "mail_hosts:\n"
        "  mx.contoso.example: {certificate: {file: mx.contoso.example.pem}}\n"
    )


def test_the_proposal_is_what_a_manifest_takes(bench: Bench) -> None:
    bench.manifest(MANIFEST + "".join(presented_document(look(bench.fleet(), MX))))
    (host,) = load(bench.folder / "provisioner.yaml").mail_hosts
    assert (host.name, host.certificate) == (MX, bench.folder / "mx.contoso.example.pem")


def test_a_host_of_microsofts_is_told_and_not_proposed(bench: Bench) -> None:
    text = "".join(presented_document(look(bench.fleet(), name(NEW))))
    assert f"#   _25._tcp.{NEW}. IN TLSA {RECORD}\n" in text
    assert "Microsoft publishes the TLSA of this host" in text
    assert "mail_hosts:" not in text


class Seen:
    """A witness of one host's sessions."""

    def __init__(self, **sessions: Session) -> None:
        self.sessions = {address.replace("at", "192.0.2."): session for address, session in sessions.items()}

    def host(self, host: Name, *, smtp: bool) -> HostFacts:
        assert smtp
        tlsa = Secured(None, Security.SECURE)
        return HostFacts(host, frozenset(self.sessions), 300, Security.SECURE, tlsa, self.sessions)


def session(der: bytes, *names: str, not_after: datetime | None = None) -> Session:
    return Session(accepts=True, starttls=True, chain=(der,), names=names, not_after=not_after)


def test_addresses_that_answer_differently_or_not_at_all(bench: Bench) -> None:
    other = issue("other.example")
    seen = Seen(
        at1=session(other.der, "other.example", not_after=UNTIL),
        at2=session(OWN.der),
        at3=session(OWN.der, "mx.contoso.example"),
        at4=Session(accepts=None, starttls=False, why="it takes too long"),
        at5=session(b"no certificate"),
    )
    fleet = Fleet(load(bench.folder / "provisioner.yaml"), lambda: bench.now, witness=cast("Witness", seen))
    found = look(fleet, MX)
    assert [one.addresses for one in found.keys] == [("192.0.2.2", "192.0.2.3"), ("192.0.2.1",)]
    assert (found.agreed, list(found.silent)) == (False, ["192.0.2.4", "192.0.2.5"])
    text = "".join(presented_document(found))
    assert "# 192.0.2.4 presents no certificate: it takes too long\n" in text
    assert "# The addresses present different keys" in text
    assert "# in a certificate for mx.contoso.example.\n" in text


def test_what_a_host_says_steers_nothing_and_ipv6_has_brackets(bench: Bench) -> None:
    record = look(bench.fleet(), MX).keys[0].record
    hostile = Presented(
        MX, (Presentation(record, ("2001:db8::1",), ("a\x1b[2J\nmail_hosts: {}",), None),), {"192.0.2.1": "\x1b]0;\nx: y"}
    )
    lines = list(presented_document(hostile))
    assert all(line.count("\n") in {1, 2} and "\x1b" not in line for line in lines)
    assert not [line for line in lines[:-1] if not line.startswith("#")]
    assert any("-connect '[2001:db8::1]:25'" in line for line in lines)
