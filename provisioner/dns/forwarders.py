"""Finding zones through recursive servers: they say which one a name is in; its parent's are still asked for the delegation.

To validate behind them, they must pass signatures on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from plans.values import Name
from providers.contract import Unavailable
from provisioner.dns import answers
from provisioner.dns.answers import Delegated, Lame
from provisioner.dns.client import Unanswered, Wish
from provisioner.dns.zones import ROOT, Effort, StripsDnssec, Way, Zones, no_alias, parent
from provisioner.targets import Target

_FOUND = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})
_T = TypeVar("_T")


class ThroughForwarders(Zones):
    """Asks recursive servers which zone a name is in, and for its servers."""

    def __init__(self, way: Way, forwarders: tuple[Target, ...]) -> None:
        super().__init__(way)
        self._forwarders = forwarders
        self._servers: dict[Name, frozenset[str]] = {}

    def server_addresses(self, server: Name, effort: Effort) -> frozenset[str]:
        """Give the addresses of a name server that came without glue. Raises `Unavailable`."""
        if server not in self._servers:
            told = [self._looked_up(server, kind, effort) for kind in ("A", "AAAA")]
            self._servers[server] = told[0] | told[1]
        return self._servers[server]

    def signed(
        self,
        zone: Delegated,  # noqa: ARG002 - forwarders know themselves where to ask
        owner: Name,
        kind: str,
        read: Callable[[dns.message.Message], _T],
        effort: Effort,
    ) -> _T:
        """Ask the forwarders: all of them for the root's keys, to see that they pass signatures on. Raises `Unavailable`."""
        found: list[_T] = []
        met: list[str] = []
        for at in self._forwarders:
            effort.spend()
            try:
                answer = self._way.client.ask(at, owner, kind, Wish(recurse=True, dnssec=True))
                signed = any(one.rdtype == dns.rdatatype.RRSIG for one in answer.answer)
                if owner == ROOT and answer.rcode() in _FOUND and not signed:
                    raise _strips(at)
                found.append(read(answer))
            except (Unanswered, Lame) as why:
                met.append(f"{at}: {why}")
            if found and owner != ROOT:
                break
        if found:
            return found[0]
        raise Unavailable(
            f"No forwarder gives {owner} {kind} as it is signed",
            "\n".join(met),
            "Mend `forward` under resolver: in the manifest, or leave it out to begin at the root.",
        )

    def _looked_up(self, server: Name, kind: str, effort: Effort) -> frozenset[str]:
        answer, why = self._recursive(server, kind, effort), "SERVFAIL"
        try:
            if answer is not None:
                return no_alias(server, answers.addresses(answer, None, server))
        except Lame as lame:
            why = str(lame)
        what = f"The forwarders were asked for {server} {kind}: {why}."
        raise Unavailable(f"The addresses of {server} cannot be found", what, f"See:  dig +trace {server} {kind}")

    def _find(self, name: Name, effort: Effort) -> Delegated:
        apex = self._apex(name, effort)
        if apex is None:
            above = self.enclosing(parent(name), effort)
            return self._step(above, name, effort) or above
        if apex != name:
            return self.enclosing(apex, effort)
        answer = self._recursive(name, "NS", effort)
        servers = answers.names(answer, name) if answer else frozenset()
        return Delegated(name, servers)

    def _apex(self, name: Name, effort: Effort) -> Name | None:
        """Give the zone that a name is in; None: the forwarders cannot find it out, and those of the zone above are asked."""
        if name == ROOT:
            return ROOT
        answer = self._recursive(name, "SOA", effort)
        if answer is None:
            return None
        owner = dns.name.from_text(name)
        if any(one.rdtype == dns.rdatatype.SOA and one.name == owner for one in answer.answer):
            return name
        denier = None if answer.answer else answers.denied_by(answer)
        return Name(denier.to_text()) if denier and owner.is_subdomain(denier) else None

    def _recursive(self, owner: Name, kind: str, effort: Effort) -> dns.message.Message | None:
        """Give a recursive server's answer; None: one of them tried, and could not find it out. Raises `Unavailable`."""
        met, tried = [], False
        for at in self._forwarders:
            effort.spend()
            try:
                answer = self._way.client.ask(at, owner, kind, Wish(recurse=True))
            except Unanswered as why:
                met.append(f"{at}: {why}")
                continue
            if answer.rcode() in _FOUND and answer.flags & dns.flags.RA:
                return answer
            tried = tried or answer.rcode() == dns.rcode.SERVFAIL
            recursive = "" if answer.flags & dns.flags.RA else ", and it offers no recursion"
            met.append(f"{at}: {dns.rcode.to_text(answer.rcode())}{recursive}")
        if tried:
            return None
        raise Unavailable(
            "No forwarder answers",
            "\n".join([f"{owner} {kind} was asked for.", *met]),
            "Mend `forward` under resolver: in the manifest, or leave it out to begin at the root.",
        )


def _strips(at: Target) -> StripsDnssec:
    return StripsDnssec(
        "The forwarder passes no signatures on",
        f"{at} was asked for the root's DNSKEY with DO and CD, and gave it without its signatures: nothing can be validated.",
        "Name a forwarder that knows DNSSEC under resolver: in the manifest, or leave `forward` out to begin at the root.",
    )
