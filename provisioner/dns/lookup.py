"""What public DNS holds, as the authoritative servers themselves answer it; nothing that a resolver remembers counts."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from plans.facts import NoAnswer, Secured, ZoneFacts
from plans.values import Irregular, Key, Live, Name, Opaque, RRset
from providers.contract import Served, Unavailable
from provisioner.dns import answers
from provisioner.dns.client import Client, Patience, Wish
from provisioner.dns.everywhere import Told, about, ask_all, not_delegated
from provisioner.dns.forwarders import ThroughForwarders
from provisioner.dns.roots import ROOT_SERVERS, Servers, read_hints
from provisioner.dns.zones import Effort, FromTheRoot, Way, Zones
from provisioner.targets import Target

if TYPE_CHECKING:
    from provisioner.dns.chain import Chain
    from provisioner.dns.parents import Parents
    from provisioner.dns.secured import HostAddresses, Validator
    from provisioner.dns.survey import Survey
    from provisioner.dns.zone_facts import Surveyor

_T = TypeVar("_T")

_MADE_BY_SERVERS = frozenset({"A", "AAAA"})
"""Types that servers may make anew for each question, from an alias of their own or from where the question comes."""
_SERIAL = 2
"""Where the serial stands in a SOA (RFC 1035 §3.3.13)."""


@dataclass(frozen=True, slots=True)
class ResolverOptions:
    """How zones are found: by asking recursive servers (`forward`), else from the root (`hints`: a file with its servers).

    `port`: delegated servers on loopback listen there; every other one is asked on port 53. `trust_anchor`: a file with the
    keys of the root that are trusted, in place of those built in.
    """

    forward: tuple[Target, ...] = ()
    hints: Path | None = None
    port: int = 53
    trust_anchor: Path | None = None


class PublicLookup:
    """Public DNS (`providers.contract.Lookup`). Delegations and addresses are found once, what is served is asked anew.

    What zones above others are worth is found once as well. `now` gives the time in UTC by which signatures are judged.
    """

    def __init__(
        self,
        options: ResolverOptions | None = None,
        client: Client | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._options = options or ResolverOptions()
        self._now = now
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
        return {} if found is None else self._zones.all_addresses(found, effort)

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
        told = self._everywhere(zone, lambda at: self._answers(at, zone, asked))
        if told.faults:
            mend = f"See what they say:  dig +norecurse {zone} SOA @SERVER ; then try again."
            raise Unavailable(f"Not every server of zone {zone} answers for it", told.why, mend)
        return {key: _agreed(zone, key, {at: of_keys[key] for at, of_keys in told.answers.items()}) for key in asked}

    def by_address(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Mapping[str, Live | NoAnswer]]:
        """Ask every address of every delegated server for each key, and give what each answers; a denial is heard over TCP.

        Addresses are left out as in `served`; a server without one stands under its name. Raises `Unavailable` where the zone
        is not delegated.
        """
        asked = sorted(set(keys))
        told = self._everywhere(zone, lambda at: self._answers(at, zone, asked, sure=True))
        silent = {at: NoAnswer(fault.why) for at, fault in told.faults.items()}
        return {key: {**silent, **{at: of_keys[key].held for at, of_keys in told.answers.items()}} for key in asked}

    def secured(self, key: Key) -> Secured:
        """Say what a key holds to a validator with the trust anchor, asked at the servers of its zone.

        One answer that holds is enough; a denial counts from all addresses, over TCP, with its proof where the zone is signed.
        Raises `Unavailable` where the zone is not found, or a forwarder passes no signatures on.
        """
        return self._validator.secured([key])[key]

    def host_addresses(self, host: Name) -> HostAddresses:
        """Give the addresses of a host as a validator sees them, asked anew. Raises `Unavailable`, also for an alias."""
        return self._validator.host_addresses(host)

    def zone_facts(self, zone: Name, keys: Collection[Key] = ()) -> ZoneFacts:
        """Gather how a zone and its parent serve it and its DNSSEC; `keys` are those whose signatures count besides the apex's.

        Raises `Unavailable` where it is not delegated, nobody answers for it, or a forwarder passes no signatures on.
        """
        return self._surveyor.facts(zone, keys)

    def survey(self, patience: Patience | None = None) -> Survey:
        """Give who asks for many keys at once; what others found here is of no use to it."""
        from provisioner.dns.survey import PATIENCE, Survey  # noqa: PLC0415 - an event loop, which few runs need

        return Survey(self._roots, self._options.forward, self._way.target, patience or PATIENCE)

    def parents(self) -> Parents | None:
        """Give who asks for the delegations of many zones at once; None where forwarders find them."""
        if self._options.forward:
            return None
        from provisioner.dns.parents import Parents  # noqa: PLC0415 - an event loop, which few runs need

        return Parents(self._roots, self._way.target)

    @cached_property
    def _zones(self) -> Zones:
        if self._options.forward:
            return ThroughForwarders(self._way, self._options.forward)
        return FromTheRoot(self._way, self._roots)

    def _roots(self) -> Servers:
        return read_hints(self._options.hints) if self._options.hints else ROOT_SERVERS

    @cached_property
    def _chain(self) -> Chain:
        from provisioner.dns.anchor import ROOT_ANCHOR, read_anchor  # noqa: PLC0415 - cryptography, which few runs need
        from provisioner.dns.chain import Chain  # noqa: PLC0415 - the same

        anchor = self._options.trust_anchor
        return Chain(self._zones, lambda: read_anchor(anchor) if anchor else ROOT_ANCHOR, self._now)

    @cached_property
    def _validator(self) -> Validator:
        from provisioner.dns.secured import Validator  # noqa: PLC0415 - the same

        return Validator(self._zones, self._way, self._chain, self._now, self._everywhere)

    @cached_property
    def _surveyor(self) -> Surveyor:
        from provisioner.dns.zone_facts import Surveyor  # noqa: PLC0415 - the same

        return Surveyor(self._zones, self._way, self._chain, self._now, self._note)

    def _everywhere(self, zone: Name, ask: Callable[[str], _T]) -> Told[_T]:
        """Ask every address of a zone's delegated servers. Raises `Unavailable` where it has none."""
        servers = self.delegation(zone)
        if not servers:
            raise not_delegated(zone)
        told = ask_all(zone, servers, ask)
        self._note(told.left_out)
        return told

    def _note(self, notes: Iterable[str]) -> None:
        with self._lock:
            self._notes |= dict.fromkeys(notes)

    def _answers(self, address: str, zone: Name, keys: Sequence[Key], *, sure: bool = False) -> dict[Key, Served]:
        """Ask one address for each key; the first that it does not answer ends it. `sure`: denials are heard over TCP."""
        found = {}
        for key in keys:
            with about(key):
                found[key] = answers.key(self._way.ask(address, key.owner, key.type), zone, key)
                if sure and found[key].held is None:
                    found[key] = answers.key(self._way.ask(address, key.owner, key.type, Wish(tcp=True)), zone, key)
        return found


def _agreed(zone: Name, key: Key, told: Mapping[str, Served]) -> Served:
    """Give what all servers answer for a key. Raises `Unavailable` where they differ."""
    alike: dict[Served, list[str]] = defaultdict(list)
    for address, served in told.items():
        alike[_without_serial(served)].append(address)
    if len(alike) == 1:
        return min(told.values(), key=lambda one: answers.words(one.held))
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
    return answers.words(served.held) if served.held or served.owner_exists else "no such name"
