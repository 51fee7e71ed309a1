"""A world outside that does as it is told: by default its servers serve what scripted providers hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from plans.dane import tlsa_of
from plans.facts import (
    DnsKey,
    HostFacts,
    NoAnswer,
    Secured,
    Security,
    Session,
    Signed,
    StsMode,
    StsPolicy,
    ZoneFacts,
)
from plans.rollout.mail_host import key as tlsa_key
from plans.values import Ds, Key, Live, Name, RRset, ZoneRef, ancestors, is_at_or_below, name
from providers.contract import Outcome, ProviderError, Served, SigningState, Status, Unavailable, ZoneKey
from providers.memory import Memory
from tests.emulators.authority import issue

FIRST, SECOND = "192.0.2.1", "192.0.2.2"
NAME_SERVERS = {name("ns1.ours.example"): frozenset({FIRST}), name("ns2.ours.example"): frozenset({SECOND})}
MAIL_ADDRESS = "192.0.2.25"
CERTIFICATE, NEXT = issue("mx1.contoso.example"), issue("mx1.contoso.example")
CURRENT_TLSA, NEXT_TLSA = tlsa_of(CERTIFICATE.public_key), tlsa_of(NEXT.public_key)
NO_POLICY = StsPolicy("", 0, StsMode.NONE)
GONE = Unavailable("No answer", "From there.", "Try again.")


def dns_key(tag: int) -> DnsKey:
    """Make an entry point of a zone."""
    return DnsKey(tag, 13, 257, f"{tag:08d}", (Ds(tag, 13, 2, f"{tag:04x}" * 16),))


KSK, NEW_KSK = dns_key(4711), dns_key(815)
DS, NEW_DS = KSK.ds[0], NEW_KSK.ds[0]


@dataclass
class ScriptedWitness:
    """Sees what providers hold, but for what a test puts into its fields.

    `keys`: the DNSKEYs that a zone's servers serve; `presented`: the certificate (DER) of a mail host; `zones` and `hosts`
    change the facts of one; `ds`: what the parent of a zone holds where no provider does. `asked` is what was looked at.
    """

    providers: Collection[Memory]
    now: Callable[[], datetime]
    keys: dict[Name, tuple[DnsKey, ...]] = field(default_factory=dict)
    ds: dict[Name, RRset] = field(default_factory=dict)
    presented: dict[Name, bytes] = field(default_factory=dict)
    zones: dict[Name, Callable[[ZoneFacts], ZoneFacts]] = field(default_factory=dict)
    hosts: dict[Name, Callable[[HostFacts], HostFacts]] = field(default_factory=dict)
    policies: dict[Name, StsPolicy | NoAnswer] = field(default_factory=dict)
    skew: timedelta | None = timedelta(0)
    is_down: bool = False
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    _held_back: dict[tuple[str, Key], Live] = field(default_factory=dict)

    def hold_back(self, address: str, key: Key) -> None:
        """Let an address serve from now on what it serves now."""
        self._held_back[address, key] = self._held(key)

    def catch_up(self) -> None:
        """Let every address serve what is held, and answer."""
        self._held_back.clear()
        self.silent.clear()

    def by_address(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Mapping[str, Live | NoAnswer]]:
        self._look(f"servers of {zone}")
        return {key: {address: self._served(address, key) for address in (FIRST, SECOND)} for key in keys}

    def zone_facts(self, zone: Name) -> ZoneFacts:
        self._look(f"zone {zone}")
        keys, held = self.keys.get(zone, ()), self.ds.get(zone) or self._held(Key(zone, "DS"))
        ds = held if isinstance(held, RRset) else None
        signed = Signed(keys, 3600, frozenset(key.tag for key in keys), self.now() + timedelta(days=14))
        silent = NoAnswer("it is silent")
        trusted = ds is not None and any(one in ds.values for key in keys for one in key.ds)
        facts = ZoneFacts(
            zone,
            ancestors(zone)[0],
            Security.SECURE if trusted else Security.BOGUS if ds else Security.INSECURE,
            "no DS fits a key" if ds and not trusted else "",
            Security.SECURE,
            ds,
            {at: silent if at in self.silent else signed if keys else None for at in (FIRST, SECOND)},
            frozenset(NAME_SERVERS),
            frozenset(NAME_SERVERS),
            ns_ttl=7200,
            negative_ttl=300,
            parent_negative_ttl=900,
        )
        change = self.zones.get(zone)
        return change(facts) if change else facts

    def secured(self, key: Key) -> Secured:
        self._look(f"{key}")
        return Secured(self._held(key), Security.SECURE)

    def host(self, host: Name, *, smtp: bool) -> HostFacts:
        self._look(f"{host} by SMTP" if smtp else host)
        chain = (self.presented.get(host, CERTIFICATE.der),)
        sessions = {MAIL_ADDRESS: Session(accepts=True, starttls=True, chain=chain)} if smtp else {}
        tlsa = Secured(self._held(tlsa_key(host)), Security.SECURE)
        facts = HostFacts(host, frozenset({MAIL_ADDRESS}), 600, Security.SECURE, tlsa, sessions)
        change = self.hosts.get(host)
        return change(facts) if change else facts

    def sts(self, domain: Name) -> StsPolicy | NoAnswer:
        self._look(f"MTA-STS of {domain}")
        return self.policies.get(domain, NO_POLICY)

    def clock_skew(self, *, needed: bool) -> timedelta | None:
        return self.skew if needed else None

    def _look(self, at: str) -> None:
        self.asked.append(at)
        if self.is_down:
            raise GONE

    def _served(self, address: str, key: Key) -> Live | NoAnswer:
        return NoAnswer("it is silent") if address in self.silent else self._held_back.get((address, key), self._held(key))

    def _held(self, key: Key) -> Live:
        """Give what a provider holds, whatever it is told to say itself."""
        for provider in self.providers:
            found = Memory.zones(provider, [key.owner if key.type != "DS" else ancestors(key.owner)[0]])
            for zone in found.values():
                return Memory.read(provider, zone, {key}).sets[key]
        return None


@dataclass
class Delegating:
    """Public DNS in which the named zones are delegated to the same servers, and a name lies in the closest of them."""

    zones: Collection[Name]
    servers: Mapping[Name, frozenset[str]] = field(default_factory=lambda: NAME_SERVERS)

    def zone_of(self, host: Name) -> Name:
        return max((zone for zone in self.zones if is_at_or_below(host, zone)), key=len)

    def delegation(self, zone: Name) -> Mapping[Name, frozenset[str]]:  # noqa: ARG002 - the contract's
        return self.servers

    def addresses(self, host: Name) -> frozenset[str]:
        return NAME_SERVERS[host]

    def served(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Served]:
        raise Unavailable("Not asked", f"{zone} {keys}", "Ask.")


@dataclass
class ScriptedSigner:
    """Signs zones with one key each; `served` is what their servers show at once. `calls` are what was asked of it.

    `script`, for each call of `sign` and `unsign` to come: an outcome or an error instead of it, or `lost`: done, and the
    answer is lost. `state_errors` are raised by the next calls of `state`.
    """

    served: dict[Name, tuple[DnsKey, ...]]
    calls: list[str] = field(default_factory=list)
    script: list[Outcome | ProviderError | str] = field(default_factory=list)
    state_errors: list[ProviderError] = field(default_factory=list)
    tells_ds: bool = True

    def state(self, zone: ZoneRef) -> SigningState:
        if self.state_errors:
            raise self.state_errors.pop(0)
        keys = self.served.get(zone.name, ())
        told = tuple(ZoneKey(str(one.tag), one.tag, one.algorithm, one.flags, one.public_key, active=True) for one in keys)
        return SigningState(bool(keys), told, tuple(ds for one in keys for ds in one.ds) if self.tells_ds else ())

    def sign(self, zone: ZoneRef) -> Outcome:
        return self._do("sign", zone, (KSK,))

    def unsign(self, zone: ZoneRef) -> Outcome:
        return self._do("unsign", zone, ())

    def add_key(self, zone: ZoneRef) -> ZoneKey:
        raise NotImplementedError(zone)

    def activate_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:
        raise NotImplementedError(zone, key)

    def retire_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:
        raise NotImplementedError(zone, key)

    def _do(self, call: str, zone: ZoneRef, keys: Iterable[DnsKey]) -> Outcome:
        self.calls.append(f"{call} {zone.name}")
        match self.script.pop(0) if self.script else None:
            case Outcome() as outcome:
                return outcome
            case ProviderError() as error:
                raise error
            case told:
                self.served[zone.name] = tuple(keys)
                return Outcome(Status.UNKNOWN if told else Status.WRITTEN)
