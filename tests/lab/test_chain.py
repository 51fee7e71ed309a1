"""BIND signs a whole tree and validates it: we say of each set what it says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from plans.facts import Security, Signed
from plans.values import Key, RRset, name
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.targets import Target
from tests.emulators.dns_sockets import serving
from tests.lab.conftest import free_port
from tests.lab.one_bind import relayed, running

ROOT, TLD, CHILD, VALIDATING = (f"127.0.53.{host}" for host in range(31, 35))
HOW = {"example": [], "hashed": ["-3", "abcd", "-H", "5"], "optout": ["-3", "-", "-H", "0", "-A"]}
"""How `dnssec-signzone` signs each top-level domain, and the signed zone below it."""
EXPIRED = ["-s", "20240101000000", "-e", "20240201000000"]
SOA = "$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 300\n"
BELOW = ("contoso", "plain", "expired", "misled")
CONTOSO = f"""{SOA}@ NS ns
ns A {CHILD}
@ 600 MX 0 mail
mail A 192.0.2.25
_25._tcp.mail TLSA 3 1 1 {"ab" * 32}
www CNAME mail
*.wild MX 10 mail
real.wild TXT "real"
deep.empty A 192.0.2.12
renamed DNAME elsewhere.example.
sub NS ns.sub
ns.sub A {CHILD}
"""
ASKED = [
    "@ MX",
    "@ SOA",
    "@ DNSKEY",
    "@ DS",
    "@ TLSA",
    "_25._tcp.mail TLSA",
    "_25._tcp TLSA",
    "nobody MX",
    "a.b.nobody MX",
    "empty MX",
    "wild MX",
    "wild TXT",
    "made.wild MX",
    "far.made.wild MX",
    "made.wild TXT",
    "real.wild MX",
    "x.real.wild MX",
    "sub DS",
    "*.wild MX",
]


class Signer:
    """Signs zones with BIND's tools, children before their parents."""

    def __init__(self, folder: Path, program: Callable[[str], str]) -> None:
        self.folder = folder
        self._keygen, self._signzone = program("dnssec-keygen"), program("dnssec-signzone")

    def sign(self, zone: str, text: str, options: list[str]) -> None:
        (self.folder / f"db.{zone}").write_text(text)
        for flag in ([], ["-f", "KSK"]):
            self._run(self._keygen, "-q", "-a", "ECDSAP256SHA256", *flag, "-n", "ZONE", zone)
        self._run(self._signzone, "-q", "-P", "-S", "-g", *options, "-o", zone, "-f", f"db.{zone}", f"db.{zone}")

    def ds(self, zone: str) -> Path:
        return self.folder / f"dsset-{zone.rstrip('.')}."

    def _run(self, *command: str) -> None:
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)


@pytest.fixture
def port(tmp_path: Path, program: Callable[[str], str]) -> Iterator[int]:
    """Start one BIND that is another server at each address, and a validating one at the last; gives the port of all."""
    path, bind = program("named"), free_port()
    served = write_zones(Signer(tmp_path, program))
    with serving([*served, VALIDATING], relayed(bind)) as port:
        configure(tmp_path, bind, port, served)
        with running(path, tmp_path, Target(ROOT, port)):
            yield port


def write_zones(signer: Signer) -> dict[str, list[str]]:
    """Write and sign all zones; gives those of each address."""
    served: dict[str, list[str]] = {ROOT: ["."], TLD: list(HOW), CHILD: []}
    for tld, how in HOW.items():
        for child in BELOW:
            zone = f"{child}.{tld}"
            served[CHILD].append(zone)
            if child == "plain":
                (signer.folder / f"db.{zone}").write_text(CONTOSO)
            else:
                signer.sign(zone, CONTOSO, how + (EXPIRED if child == "expired" else []))
        misled = signer.ds(f"misled.{tld}")
        misled.write_text(" ".join([*misled.read_text().split()[:-2], "ab" * 32]) + "\n")
        cuts = "".join(f"{child} NS ns.{child}\nns.{child} A {CHILD}\n" for child in BELOW)
        signer.sign(tld, f"{SOA}@ NS ns\nns A {TLD}\n{cuts}", how)
    cuts = "".join(f"{tld} NS ns.{tld}\nns.{tld} A {TLD}\n" for tld in HOW)
    signer.sign(".", f"{SOA}@ NS a.root.\na.root. A {ROOT}\n{cuts}", [])
    (signer.folder / "hints").write_text(f". 3600 NS a.root.\na.root. 3600 A {ROOT}\n")
    return served


def configure(folder: Path, bind: int, port: int, served: dict[str, list[str]]) -> None:
    """Write BIND's configuration; `port` is where it finds the others when it is recursive."""
    views = "".join(
        f'view "at-{address}" {{ match-clients {{ {address}; }}; recursion no;\n'
        + "".join(f'  zone "{zone}" {{ type primary; file "db.{zone}"; }};\n' for zone in zones)
        + "};\n"
        for address, zones in served.items()
    )
    _, _, _, tag, algorithm, digest, *octets = (folder / "dsset-.").read_text().split()
    anchor = f'trust-anchors {{ . static-ds {tag} {algorithm} {digest} "{"".join(octets)}"; }};'
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; port {port}; listen-on port {bind} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n'
        f"  notify no; empty-zones-enable no; pid-file none; session-keyfile none; }};\n"
        f'controls {{ }};\n{views}view "validating" {{ match-clients {{ {VALIDATING}; }}; recursion yes;\n'
        f'  dnssec-validation yes; {anchor} zone "." {{ type hint; file "hints"; }};\n}};\n'
    )


def by_bind(port: int, key: Key) -> Security:
    """Say what BIND makes of a key."""
    query = dns.message.make_query(key.owner, key.type, want_dnssec=True)
    answer = dns.query.tcp(query, VALIDATING, port=port, timeout=20)
    if answer.rcode() == dns.rcode.SERVFAIL:
        return Security.BOGUS
    assert answer.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
    return Security.SECURE if answer.flags & dns.flags.AD else Security.INSECURE


def test_each_set_is_worth_to_us_what_it_is_to_bind(port: int, tmp_path: Path) -> None:
    anchor = tmp_path / "dsset-."
    from_root = PublicLookup(ResolverOptions(hints=tmp_path / "hints", port=port, trust_anchor=anchor))
    forwarded = PublicLookup(ResolverOptions((Target(VALIDATING, port),), port=port, trust_anchor=anchor))
    met: dict[str, set[Security]] = {}
    for tld in HOW:
        for child in BELOW:
            for text in ASKED if child == "contoso" else ASKED[:8]:
                owner, kind = text.split()
                key = Key(name(f"{owner}.{child}.{tld}".removeprefix("@.")), kind)
                wanted = by_bind(port, key)
                met.setdefault(child, set()).add(wanted)
                assert {str(key): one.secured(key).security for one in (from_root, forwarded)} == {str(key): wanted}, key
    assert met["plain"] <= {Security.INSECURE, Security.SECURE}
    assert Security.BOGUS in met["expired"] & met["misled"]
    assert Security.SECURE in met["contoso"]


def test_facts_of_zones_are_those_that_bind_serves(port: int, tmp_path: Path) -> None:
    lookup = PublicLookup(ResolverOptions(hints=tmp_path / "hints", port=port, trust_anchor=tmp_path / "dsset-."))
    for tld in HOW:
        facts = lookup.zone_facts(name(f"contoso.{tld}"), [Key(name(f"mail.contoso.{tld}"), "TLSA")])
        assert facts.security is Security.SECURE, facts.why
        one = facts.signed[CHILD]
        assert isinstance(one, Signed)
        assert (one.fault, len(one.keys)) == ("", 2)
        assert isinstance(facts.ds, RRset)
        (entry,) = [key for key in one.keys if key.is_entry_point]
        assert entry.ds[0] == facts.ds.values[0]
        plain = lookup.zone_facts(name(f"plain.{tld}"))
        assert (plain.ds, plain.security, plain.signed) == (None, Security.INSECURE, {CHILD: None})
        for bogus in ("expired", "misled"):
            assert lookup.zone_facts(name(f"{bogus}.{tld}")).security is Security.BOGUS
