"""A signed part of the Internet on loopback, with mail servers in it, and a manifest of domains that have their mail there."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from plans.dane import tlsa_of
from plans.values import Name
from provisioner.dns import PublicLookup
from provisioner.dns.client import Client, Patience
from provisioner.dns.lookup import ResolverOptions
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.manifest import load
from provisioner.probe.aliases import Aliases
from provisioner.probe.mta_sts import StsClient
from provisioner.probe.smtp import SmtpProbe
from provisioner.probe.witness import PublicWitness
from provisioner.verification import Verified, verify
from tests.emulators import graph
from tests.emulators.authority import issue
from tests.emulators.dns_signed import SignedWorld, SignedZone, Signing, SigningKey, signed_world, signing_key
from tests.emulators.smtp import MailServer
from tests.emulators.talking import running

ROOT, REGISTRY, FIRST, SECOND, MAIL, BACKUP = (f"127.0.59.{host}" for host in range(1, 7))
NEW, LEGACY = "contoso-example.o-v1.mx.microsoft", "plain-example.mail.protection.outlook.com"
OWN = issue("mx.contoso.example")
"""The certificate that every mail server presents."""
RECORD = str(tlsa_of(OWN.public_key))
WRONG = f"3 1 1 {'ab' * 32}"
SOA = "@ SOA ns hostmaster 7 3600 600 86400 300\n"
ROOT_ZONE = f"""{SOA}@ NS a.root.
a.root. A {ROOT}
example. NS ns.registry.
microsoft. NS ns.registry.
com. NS ns.registry.
ns.registry. A {REGISTRY}
"""
COM_ZONE = f"{SOA}@ NS ns.registry.\n*.mail.protection.outlook A {MAIL}\n"
MICROSOFT_ZONE = f"""{SOA}@ NS ns.registry.
contoso-example.o-v1.mx A {MAIL}
_25._tcp.contoso-example.o-v1.mx TLSA {RECORD}
"""
EXAMPLE_ZONE = f"""{SOA}@ NS ns.registry.
contoso NS ns1.contoso
contoso NS ns2.contoso
ns1.contoso A {FIRST}
ns2.contoso A {SECOND}
plain NS ns1.contoso
"""
CONTOSO_ZONE = f"""{SOA}@ NS ns1
@ NS ns2
@ MX 0 {NEW}.
ns1 A {FIRST}
ns2 A {SECOND}
gate MX 10 mx
mx A {MAIL}
mx A {BACKUP}
_25._tcp.mx TLSA {RECORD}
"""
PLAIN_ZONE = f"{SOA}@ NS ns1.contoso.example.\n@ MX 0 {LEGACY}.\n"
MANIFEST = """version: 1
tenants: {contoso: {export: graph.json}}
resolver: {hints: hints, port: %d, trust_anchor: anchor}
domains:
  contoso.example: {tenant: contoso, dnssec: manage, dane: true}
  gate.contoso.example: {tenant: contoso, route: gateway, mx: [{preference: 10, exchange: mx.contoso.example}]}
  plain.example: {tenant: contoso}
"""


@cache
def _keys(_zone: str) -> tuple[SigningKey, ...]:
    return signing_key(257), signing_key(256)


@dataclass
class Bench:
    """The servers of the DNS, the mail server, and the folder with the manifest; `now` is when all of it is looked at."""

    dns: SignedWorld
    mail: MailServer
    folder: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def signing(self, zone: str, days: float = 14) -> Signing:
        """Give how a zone is signed, for so many days yet."""
        return Signing(_keys(zone), inception=self.now - timedelta(days=1), expiration=self.now + timedelta(days=days))

    def serve(
        self,
        contoso: str = CONTOSO_ZONE,
        *,
        signing: Signing | None = None,
        ds: str | None = None,
        plain: str = PLAIN_ZONE,
        microsoft: str = MICROSOFT_ZONE,
    ) -> None:
        """Serve all zones; `ds` stands in for the lines of the DS of `contoso.example`."""
        own = SignedZone("contoso.example.", contoso, signing or self.signing("contoso"))
        example = SignedZone("example.", EXAMPLE_ZONE + (own.ds() if ds is None else ds), self.signing("example"))
        made = SignedZone("microsoft.", microsoft, self.signing("microsoft"))
        root = SignedZone(".", ROOT_ZONE + example.ds() + made.ds(), self.signing("root"))
        self.dns.serve(own, FIRST, SECOND)
        self.dns.serve(SignedZone("plain.example.", plain), FIRST)
        for zone in (example, made, SignedZone("com.", COM_ZONE)):
            self.dns.serve(zone, REGISTRY)
        self.dns.serve(root, ROOT)
        (self.folder / "anchor").write_text(root.ds())

    def otherwise(self, address: str, contoso: str) -> None:
        """Let one address serve `contoso.example` with another text."""
        self.dns.serve(SignedZone("contoso.example.", contoso, self.signing("contoso")), address)

    def manifest(self, text: str = MANIFEST) -> None:
        """Write the manifest."""
        (self.folder / "provisioner.yaml").write_text(text % self.dns.port)

    def ask(
        self,
        *,
        contoso: str = NEW,
        plain: str = LEGACY,
        more: Collection[str] = (),
        left_out: Collection[str] = (),
        changes: Mapping[str, object] | None = None,
    ) -> None:
        """Let Microsoft Graph ask for the MX hosts of its domains; `changes` are those of the resource of `plain.example`."""
        hosts = {"contoso.example": contoso, "plain.example": plain} | dict.fromkeys(["gate.contoso.example", *more], LEGACY)
        entries = [
            {
                "domain": graph.resource(domain, **(changes or {}) if domain == "plain.example" else {}),
                "serviceConfigurationRecords": [graph.mx(domain, host)],
            }
            for domain, host in hosts.items()
            if domain not in left_out
        ]
        head = {"format": "provisioner-export", "version": 1, "tenant": "t", "cloud": "global"}
        tail = {"endpoint": "https://graph.microsoft.com", "read_at": "2026-11-24T02:24:10Z", "domains": entries}
        (self.folder / "graph.json").write_text(json.dumps(head | tail))

    def fleet(self, *, smtp_port: int | None = None) -> Fleet:
        """Open what the manifest names; mail servers are asked on the port where ours listens."""
        options = ResolverOptions((), self.folder / "hints", self.dns.port, self.folder / "anchor")
        lookup = PublicLookup(options, Client(Patience((2.0, 4.0), 5.0)), lambda: self.now)
        aliases = Aliases(lookup)
        smtp = SmtpProbe(port=smtp_port or self.mail.port, patience=5)
        witness = PublicWitness(lookup, smtp, StsClient(aliases.held, aliases.addresses), lambda: None, lambda: self.now)
        return Fleet(load(self.folder / "provisioner.yaml"), lambda: self.now, lookup, witness=witness)

    def verified(self, *globs: str, kept: Kept | None = None) -> dict[Name, Verified]:
        """Look at domains."""
        return {one.subject.name: one for one in verify(self.fleet(), globs, kept)}


@contextmanager
def seen_bench(folder: Path) -> Iterator[Bench]:
    """Serve all of it as it should be, until the block ends."""
    mail = MailServer(OWN.server(folder))
    with signed_world(ROOT, REGISTRY, FIRST, SECOND) as dns, running(mail, MAIL, BACKUP):
        bench = Bench(dns, mail, folder)
        (folder / "hints").write_text(f". NS a.root.\na.root. A {ROOT}\n")
        bench.serve()
        bench.manifest()
        bench.ask()
        yield bench
