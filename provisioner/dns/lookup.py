"""What public DNS holds, as the authoritative servers themselves answer it; nothing that a resolver remembers counts."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from plans.values import Irregular, Key, Live, Name, Opaque, RRset
from providers.contract import Served, Unavailable
from provisioner.dns import answers
from provisioner.dns.answers import Lame
from provisioner.dns.client import Client, Reason, Unanswered
from provisioner.dns.roots import ROOT_SERVERS, read_hints
from provisioner.dns.zones import Effort, FromTheRoot, ThroughForwarders, Way, Zones
from provisioner.targets import Target

MOST_ADDRESSES = 64
"""A zone with more is taken for one that has us ask forever."""
AT_ONCE = 16
"""So many servers of one zone are asked at the same time."""

_MADE_BY_SERVERS = frozenset({"A", "AAAA"})
"""Types that servers may make anew for each question, from an alias of their own or from where the question comes."""
_SERIAL = 2
"""Where the serial stands in a SOA (RFC 1035 §3.3.13)."""


@dataclass(frozen=True, slots=True)
class ResolverOptions:
    """How zones are found: by asking recursive servers (`forward`), else from the root (`hints`: a file with its servers).

    `port`: delegated servers on loopback listen there; every other one is asked on port 53.
    """

    forward: tuple[Target, ...] = ()
    hints: Path | None = None
    port: int = 53


class PublicLookup:
    """Public DNS (`providers.contract.Lookup`). Delegations and addresses are found once, what is served is asked anew."""

    def __init__(self, options: ResolverOptions | None = None, client: Client | None = None) -> None:
        self._options = options or ResolverOptions()
        self._way = Way(client or Client(), self._options.port)
        self._notes: dict[str, None] = {}
        self._lock = threading.Lock()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out so far, each in one sentence, in the order in which it was met."""
        with self._lock:
            return tuple(self._notes)

    def zone_of(self, name: Name) -> Name:
        """Give the apex of the zone that a name lies in, as it is delegated. Raises `Unavailable`."""
        return self._zones.enclosing(name, Effort()).zone

    def delegation(self, zone: Name) -> Mapping[Name, frozenset[str]]:
        """Give the name servers that the parent names for a zone, each with its addresses; empty: nothing delegates it.

        One server of the parent is asked. Addresses are those that it gives with the names (glue), else they are looked up; a
        server may turn out to have none. Raises `Unavailable`.
        """
        effort = Effort()
        found = self._zones.delegation(zone, effort)
        if found is None:
            return {}
        return {
            server: found.glue[server] if server in found.glue else self._zones.server_addresses(server, effort)
            for server in sorted(found.servers)
        }

    def addresses(self, host: Name) -> frozenset[str]:
        """Give the addresses of a host; empty: it has none. Raises `Unavailable`, also where the name is an alias."""
        return self._zones.addresses(host, Effort())

    def served(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Served]:
        """Ask every address of every delegated server for each key; all must answer, and alike, TTL included.

        An address to which this machine has no route is left out with a note, as long as its server has another one. Addresses
        of hosts (A, AAAA) may differ from server to server, and are irregular then; SOA sets that differ in the serial alone
        count as alike.

        Raises:
            Unavailable: a server does not answer, or not as the others do.

        """
        asked = sorted(set(keys))
        if not asked:
            return {}
        servers = self.delegation(zone)
        if not servers:
            what = "Its parent's servers name no servers for it."
            raise Unavailable(f"Zone {zone} is not delegated", what, f"See its delegation:  dig +trace {zone} NS")
        addresses = sorted(set[str]().union(*servers.values()))
        if len(addresses) > MOST_ADDRESSES:
            what = f"It is delegated to {len(addresses)} addresses; {MOST_ADDRESSES} are the most that are asked."
            raise Unavailable(f"Zone {zone} cannot be asked", what, f"See its delegation:  dig +trace {zone} NS")
        with ThreadPoolExecutor(min(AT_ONCE, max(1, len(addresses)))) as pool:
            told = dict(zip(addresses, pool.map(lambda one: self._answers(one, zone, asked), addresses), strict=True))
        self._require_answers(zone, servers, told)
        answered = {address: of_keys for address, of_keys in told.items() if isinstance(of_keys, dict)}
        return {key: _agreed(zone, key, {address: of_keys[key] for address, of_keys in answered.items()}) for key in asked}

    @cached_property
    def _zones(self) -> Zones:
        if self._options.forward:
            return ThroughForwarders(self._way, self._options.forward)
        return FromTheRoot(self._way, lambda: read_hints(self._options.hints) if self._options.hints else ROOT_SERVERS)

    def _answers(self, address: str, zone: Name, keys: Sequence[Key]) -> dict[Key, Served] | _Fault:
        """Ask one address for each key; the first that it does not answer ends it."""
        found = {}
        for key in keys:
            try:
                found[key] = answers.key(self._way.ask(address, key.owner, key.type), zone, key)
            except Unanswered as why:
                return _Fault(f"{key}: {why}", no_route=why.reason is Reason.NO_ROUTE)
            except Lame as why:
                return _Fault(f"{key}: {why}")
        return found

    def _require_answers(
        self, zone: Name, servers: Mapping[Name, frozenset[str]], told: Mapping[str, dict[Key, Served] | _Fault]
    ) -> None:
        """Refuse a zone of which a server gave no answer, and note what was left out."""
        faults, left_out = [], []
        for server, addresses in servers.items():
            of_server = {address: said for address in sorted(addresses) if isinstance(said := told[address], _Fault)}
            for address, fault in of_server.items():
                if fault.no_route and len(of_server) < len(addresses):
                    left_out.append(f"{server} was not asked at {address}: no route to it from this machine")
                else:
                    faults.append(f"{server} ({address}): {fault.why}")
            if not addresses:
                faults.append(f"{server}: it has no address")
        if faults:
            mend = f"See what they say:  dig +norecurse {zone} SOA @SERVER ; then try again."
            raise Unavailable(f"Not every server of zone {zone} answers for it", "\n".join(faults), mend)
        with self._lock:
            self._notes |= dict.fromkeys(left_out)


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why an address gave no answer."""

    why: str
    no_route: bool = False


def _agreed(zone: Name, key: Key, told: Mapping[str, Served]) -> Served:
    """Give what all servers answer for a key. Raises `Unavailable` where they differ."""
    alike: dict[Served, list[str]] = defaultdict(list)
    for address, served in told.items():
        alike[_without_serial(served)].append(address)
    if len(alike) == 1:
        return min(told.values(), key=lambda one: _words(one.held))
    if key.type in _MADE_BY_SERVERS:
        return Served(Irregular(key, "its servers answer differently"), any(one.owner_exists for one in told.values()))
    lines = [f"{', '.join(addresses)}: {_told(served)}" for served, addresses in alike.items()]
    raise Unavailable(
        f"The servers of zone {zone} answer differently for {key}",
        "\n".join(lines),
        "Wait until every server has the same zone, then try again; if they stay apart, mend the transfer between them.",
    )


def _without_serial(served: Served) -> Served:
    match served.held:
        case RRset(Key(_, "SOA"), _, values):
            parts = [str(value).split() for value in values]
            without = {" ".join([*words[:_SERIAL], "0", *words[_SERIAL + 1 :]]) for words in parts}
            return replace(served, held=replace(served.held, values=tuple(map(Opaque, sorted(without)))))
        case _:
            return served


def _told(served: Served) -> str:
    return _words(served.held) if served.held or served.owner_exists else "no such name"


def _words(held: Live) -> str:
    if isinstance(held, RRset):
        return f"{', '.join(map(str, held.values))}, TTL {held.ttl}"
    return held.reason if held else "no such record"
