"""A signed root, `example.` below it and `contoso.example.` at three servers, with all that may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

from plans.values import name
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.dns.client import Client, Patience
from provisioner.targets import Target
from tests.emulators.dns_signed import NOW, SignedWorld, SignedZone, Signing, SigningKey, signing_key

ROOT, TLD, FIRST, SECOND, THIRD, RECURSIVE = (f"127.0.54.{host}" for host in range(1, 7))
OWN = (FIRST, SECOND, THIRD)
CONTOSO, MAIL = name("contoso.example"), name("mail.contoso.example")
TLSA = "3 1 1 " + "ab" * 32
SOA = "@ SOA ns1 hostmaster 7 3600 600 86400 300\n"
ROOT_ZONE = f"{SOA}@ NS a.root.\na.root. A {ROOT}\nexample. NS ns.example.\nns.example. A {TLD}\n"
EXAMPLE_ZONE = f"""{SOA}@ NS ns
ns A {TLD}
contoso 7200 NS ns1.contoso
contoso 7200 NS ns2.contoso
contoso 7200 NS ns3.contoso
ns1.contoso A {FIRST}
ns2.contoso A {SECOND}
ns3.contoso A {THIRD}
plain NS ns1.plain
ns1.plain A {FIRST}
odd NS ns1.odd
odd DS 1 200 2 {"cd" * 32}
ns1.odd A {FIRST}
"""
CONTOSO_ZONE = f"""{SOA}@ NS ns1
@ NS ns2
@ NS ns3
@ 600 MX 0 mail
ns1 A {FIRST}
ns2 A {SECOND}
ns3 A {THIRD}
mail 900 A 192.0.2.25
mail 1200 AAAA 2001:db8::25
_25._tcp.mail 600 TLSA {TLSA}
www CNAME mail
*.wild 600 MX 10 mail
deep.empty A 192.0.2.12
renamed DNAME elsewhere.example.
sub NS ns1
sub DS 12345 13 2 {"ab" * 32}
"""
PLAIN_ZONE = f"{SOA}@ NS ns1\nns1 A {FIRST}\n@ MX 0 mail\n"


@cache
def keys(zone: str) -> tuple[SigningKey, ...]:
    """Give a zone's key-signing key and the one for the rest."""
    return signing_key(257), signing_key(256)


def signing(zone: str) -> Signing:
    return Signing(keys(zone))


@dataclass
class Bench:
    """The servers, and the zones as they were last served."""

    world: SignedWorld
    folder: Path
    zones: dict[str, SignedZone] = field(default_factory=dict)

    def serve(
        self,
        contoso: Signing | None = None,
        example: Signing | None = None,
        root: Signing | None = None,
        ds: str | None = None,
    ) -> None:
        """Serve all zones, signed as it says or as they are usually; `ds` stands in for the lines of the DS."""
        own = SignedZone("contoso.example.", CONTOSO_ZONE, contoso or signing("contoso"))
        above = SignedZone("example.", EXAMPLE_ZONE + (own.ds() if ds is None else ds), example or signing("example"))
        top = SignedZone(".", ROOT_ZONE + above.ds(), root or signing("root"))
        self.world.serve(own, *OWN)
        self.world.serve(above, TLD)
        self.world.serve(top, ROOT)
        for child in ("plain.example.", "odd.example."):
            self.world.serve(SignedZone(child, PLAIN_ZONE), FIRST)
        self.zones = {"contoso": own, "example": above, "root": top}

    def otherwise(self, address: str, text: str = CONTOSO_ZONE, how: Signing | None = None) -> None:
        """Let one address serve `contoso.example.` with another text, or signed otherwise."""
        self.world.serve(SignedZone("contoso.example.", text, how or self.zones["contoso"].signing), address)

    def lookup(self, *, forward: bool = False, now: datetime = NOW, anchor: str | None = None) -> PublicLookup:
        """Make a lookup that trusts the root's key, or what `anchor` says."""
        (self.folder / "hints").write_text(f". NS a.root.\na.root. A {ROOT}\n")
        (self.folder / "anchor").write_text(self.zones["root"].ds() if anchor is None else anchor)
        forwarders = (Target(RECURSIVE, self.world.port),) if forward else ()
        hints = None if forward else self.folder / "hints"
        options = ResolverOptions(forwarders, hints, self.world.port, self.folder / "anchor")
        return PublicLookup(options, Client(Patience((2.0, 4.0), 5.0)), lambda: now)
