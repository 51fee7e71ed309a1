"""Finding zones: which one a name lies in, and which servers its parent names for it.

From the root, every label on the way down is asked for by itself (RFC 9156 does so as well), so that a cut is found even where
one server holds the zones on both sides of it.
"""

from __future__ import annotations

import ipaddress
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from plans.values import Name, ancestors, is_at_or_below
from providers.contract import Unavailable
from provisioner.dns import answers
from provisioner.dns.answers import Delegated, Lame
from provisioner.dns.client import PLAIN, Client, Unanswered, Wish
from provisioner.dns.roots import Servers
from provisioner.targets import Target

ROOT = Name(".")
MOST_QUESTIONS = 200
"""For one call, whatever servers of others make of it."""
MOST_SECONDS = 60.0
"""The same."""
MOST_TRIES = 8
"""So many addresses are tried for one question."""
DEEPEST = 8
"""A name server's address may hang on another one's so often."""

_T = TypeVar("_T")


class LedTooFar(Unavailable):
    """A call has spent what it may spend: it ends at once, whatever else there would be to try."""


class StripsDnssec(Unavailable):
    """A recursive server keeps signatures back: behind it nothing can be validated."""


class Effort:
    """What one call may still spend on finding its way, and the hosts whose addresses are being looked for."""

    def __init__(self, seconds: float = MOST_SECONDS) -> None:
        self._spent = 0
        self._end = time.monotonic() + seconds
        self.looking_for: list[Name] = []

    def spend(self) -> None:
        """Count one question, or one host to look for. Raises `LedTooFar`."""
        self._spent += 1
        if self._spent > MOST_QUESTIONS or time.monotonic() >= self._end:
            raise LedTooFar(
                "DNS leads too far",
                f"Still no end after {MOST_QUESTIONS} questions, or after {MOST_SECONDS:g} s.",
                "See where the delegation leads:  dig +trace NAME",
            )


@dataclass(frozen=True, slots=True)
class Way:
    """How servers are reached. `port`: delegated servers on loopback listen there; every other one is asked on port 53."""

    client: Client
    port: int = 53

    def ask(self, address: str, owner: Name, kind: str, wish: Wish = PLAIN) -> dns.message.Message:
        """Ask an authoritative server. Raises `Unanswered`."""
        return self.client.ask(self.target(address), owner, kind, wish)

    def target(self, address: str) -> Target:
        """Give where a delegated server is asked."""
        return Target(address, self.port if ipaddress.ip_address(address).is_loopback else 53)


@dataclass(slots=True)
class _Known:
    """What was found in this run, negative answers too. Failures are not kept: the next call tries again."""

    steps: dict[tuple[Name, Name], Delegated | None] = field(default_factory=dict)
    enclosing: dict[Name, Delegated] = field(default_factory=dict)
    hosts: dict[Name, frozenset[str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)


class Zones(ABC):
    """Finds zones, servers and addresses; several threads may use it, and then do the same work twice at worst."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._known = _Known()
        self._random = random.SystemRandom()

    def enclosing(self, name: Name, effort: Effort) -> Delegated:
        """Give the zone that a name lies in, with servers that can be asked about it. Raises `Unavailable`."""
        if name not in self._known.enclosing:
            self._known.enclosing[name] = self._find(name, effort)
        return self._known.enclosing[name]

    def delegation(self, zone: Name, effort: Effort) -> Delegated | None:
        """Give a zone as its parent delegates it, the root as we know it; None: nothing delegates it. Raises `Unavailable`."""
        if zone == ROOT:
            return self.enclosing(zone, effort)
        return self._step(self.enclosing(parent(zone), effort), zone, effort)

    def addresses(self, host: Name, effort: Effort) -> frozenset[str]:
        """Give the addresses that the servers of a host's zone tell; none: it has none. Raises `Unavailable`."""
        if host not in self._known.hosts:
            if host in effort.looking_for or len(effort.looking_for) >= DEEPEST:
                chain = " → ".join([*effort.looking_for, host])
                mend = "Have the zone of one of them delegated with addresses (glue)."
                raise Unavailable(f"The addresses of {host} cannot be found", f"They depend on each other: {chain}", mend)
            effort.spend()
            effort.looking_for.append(host)
            try:
                zone = self.enclosing(host, effort)
                read = partial(answers.addresses, zone=zone.zone, host=host)
                told = [self.first(zone, host, kind, read, effort) for kind in ("A", "AAAA")]
            finally:
                effort.looking_for.pop()
            self._known.hosts[host] = frozenset[str]().union(*(no_alias(host, one) for one in told))
        return self._known.hosts[host]

    def all_addresses(self, zone: Delegated, effort: Effort) -> Servers:
        """Give every server of a zone with its addresses: the glue, else they are looked up. Raises `Unavailable`."""
        return {
            server: zone.glue[server] if server in zone.glue else self.server_addresses(server, effort)
            for server in sorted(zone.servers)
        }

    @abstractmethod
    def server_addresses(self, server: Name, effort: Effort) -> frozenset[str]:
        """Give the addresses of a name server that came without glue. Raises `Unavailable`."""
        ...

    @abstractmethod
    def signed(self, zone: Delegated, owner: Name, kind: str, read: Callable[[dns.message.Message], _T], effort: Effort) -> _T:
        """Give what `read` makes of a zone's answer that came with its signatures, wherever it came from.

        What `read` will not have (`Lame`) is asked for elsewhere. Raises `Unavailable`.
        """
        ...

    @abstractmethod
    def _find(self, name: Name, effort: Effort) -> Delegated: ...

    def _step(self, zone: Delegated, name: Name, effort: Effort) -> Delegated | None:
        """Give what the servers of a zone say of a name in it; None: it begins no zone."""
        known = (zone.zone, name)
        if known not in self._known.steps:
            read = partial(answers.step, zone=zone.zone, asked=name)
            found = self.first(zone, name, "NS", read, effort)
            self._known.steps[known] = self._with_addresses(zone, found, effort) if found and found.at_parent else found
        return self._known.steps[known]

    def _with_addresses(self, above: Delegated, found: Delegated, effort: Effort) -> Delegated:
        """Complete a delegation that nobody else need give glue for: the servers above have the addresses themselves."""
        glue = dict(found.glue)
        for server in sorted(found.servers - glue.keys()):
            if is_at_or_below(server, found.zone):
                read = partial(answers.addresses, zone=found.zone, host=server)
                told = [self.first(above, server, kind, read, effort) for kind in ("A", "AAAA")]
                known = [one for one in told if one is not None]
                if len(known) == len(told):
                    glue[server] = frozenset[str]().union(*known)
        return replace(found, glue=glue)

    def first(
        self,
        zone: Delegated,
        owner: Name,
        kind: str,
        read: Callable[[dns.message.Message], _T],
        effort: Effort,
        wish: Wish = PLAIN,
    ) -> _T:
        """Ask one server of a zone after the other until `read` takes an answer (no `Lame`). Raises `Unavailable`."""
        met: list[str] = []
        for server, address in islice(self._candidates(zone, met, effort), MOST_TRIES):
            effort.spend()
            try:
                return read(self._way.ask(address, owner, kind, wish))
            except (Unanswered, Lame) as why:
                self._known.failed.add(address)
                met.append(f"{server} ({address}): {why}")
        raise Unavailable(
            f"No server of {zone.zone} answers for it",
            "\n".join([f"{owner} {kind} was asked for.", *met]),
            f"See what its servers say:  dig +norecurse {owner} {kind} @SERVER",
        )

    def _candidates(self, zone: Delegated, met: list[str], effort: Effort) -> Iterator[tuple[Name, str]]:
        """Give a zone's servers to try: those of known address first, and in no order that would burden one of them."""
        known = [(server, address) for server, found in zone.glue.items() for address in found]
        yield from self._ordered(known)
        others = sorted(zone.servers - zone.glue.keys())
        self._random.shuffle(others)
        for server in others:
            try:
                found = self.server_addresses(server, effort)
            except LedTooFar:
                raise
            except Unavailable as problem:
                met.append(f"{server}: {problem.headline}: {problem.detail.splitlines()[-1]}")
                continue
            if not found:
                met.append(f"{server}: it has no address")
            yield from self._ordered([(server, address) for address in found])

    def _ordered(self, servers: list[tuple[Name, str]]) -> list[tuple[Name, str]]:
        mixed = sorted(servers)
        self._random.shuffle(mixed)
        return sorted(mixed, key=lambda one: (one[1] in self._known.failed, ":" in one[1]))


class FromTheRoot(Zones):
    """Goes down from the root, whose servers `roots` gives."""

    def __init__(self, way: Way, roots: Callable[[], Servers]) -> None:
        super().__init__(way)
        self._roots = roots

    def server_addresses(self, server: Name, effort: Effort) -> frozenset[str]:
        """Give the addresses of a name server that came without glue. Raises `Unavailable`."""
        return self.addresses(server, effort)

    def signed(self, zone: Delegated, owner: Name, kind: str, read: Callable[[dns.message.Message], _T], effort: Effort) -> _T:
        """Ask the zone's own servers. Raises `Unavailable`."""
        return self.first(zone, owner, kind, read, effort, Wish(dnssec=True))

    def _find(self, name: Name, effort: Effort) -> Delegated:
        if name == ROOT:
            roots = self._roots()
            return Delegated(ROOT, frozenset(roots), roots)
        above = self.enclosing(parent(name), effort)
        return self._step(above, name, effort) or above


def no_alias(host: Name, found: frozenset[str] | None) -> frozenset[str]:
    """Give the addresses. An alias has none of its own, and must not be named by NS or MX (RFC 2181 §10.3)."""
    if found is None:
        raise Unavailable(
            f"{host} has no addresses of its own",
            "It is an alias, and NS and MX must not name one (RFC 2181 §10.3).",
            f"Name the host itself, or give {host} addresses in place of the alias.",
        )
    return found


def parent(name: Name) -> Name:
    """Give the name above a name; the root is its own."""
    return next(iter(ancestors(name)), ROOT)
