"""Zones that are signed, get a DS, roll their key, or become unsigned again: what is drawn, the world, and one whole play."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from plans.conditions import Instant, ParentServesDs, ZoneSigned
from plans.desired import Dnssec
from plans.facts import DnsKey, Facts, HostFacts, NoAnswer, Secured, Security, Session, Signed, ZoneFacts
from plans.microsoft import microsoft_host
from plans.plan import Change, Rollout, SetSigning, Step
from plans.rollout import zone
from plans.rollout.zone_wish import Parent, SignedByProvider, Surety, Wish
from plans.values import Ds, Key, Mx, Name, RRset, ZoneRef, rrset
from tests.simulate.dice import Dice, chance, ttl
from tests.simulate.published import LAGS, LONG_LAG, Published
from tests.simulate.secure import Keys, Ttls, bogus, ds_of, early, mismatched, relied, tlsa_of
from tests.simulate.spans import ALWAYS, History, cached
from tests.simulate.walk import EPOCH, Program, Timetable, Walk

ZONE = ZoneRef("dns", "memory", "account", "zone", Name("contoso.example."))
PARENT = ZoneRef("parent", "memory", "account", "parent", Name("example."))
KEY = Key(ZONE.name, "DS")
HOST = Name("mx1.contoso.example.")
SERVERS = frozenset([Name("ns1.contoso.example."), Name("ns2.contoso.example.")])
DAY = 86400

T = TypeVar("T")

MX_KEY = Key(ZONE.name, "MX")
LEGACY, UNDER_DANE = Name("contoso-example.mail.protection.outlook.com."), Name("contoso-example.o-v1.mx.microsoft.")
HELD_BY_HOST = Key(Name(f"_25._tcp.{HOST}"), "TLSA")
RIGHT, WRONG = b"right", b"wrong"


class ZoneWorld:
    """A zone's servers, its parent's, and its signer."""

    def __init__(self, dice: Dice, keys: Keys, has_ds: bool) -> None:
        self._dice = dice
        self.ttls = Ttls(
            longest=ttl(dice, 200000),
            negative=ttl(dice, 200000),
            key=ttl(dice, 200000),
            ds=ttl(dice, DAY),
            parent_negative=ttl(dice, DAY),
        )
        self.keys = keys
        self.servers = [History(keys) for _ in range(dice.between(1, 3))]
        held = rrset(ZONE.name, "DS", self.ttls.ds, map(ds_of, keys)) if has_ds else None
        self.parent = Published(PARENT, {KEY: held}, self.ttls.parent_negative, dice)
        self.by_registrar = chance(dice, 3)
        self._mx_ttl = min(ttl(dice), self.ttls.longest)
        self.mx = History(_mx(dice.of((LEGACY, UNDER_DANE)), self._mx_ttl))
        self.mx_servers = [History(self.mx.last) for _ in range(dice.between(2, 3))]
        self._leads_back = False
        tlsa_ttl = min(ttl(dice), self.ttls.longest)
        mended = ALWAYS if has_ds else dice.of((ALWAYS, 5000, 300000))
        by_record = chance(dice, 2)
        self.certificate = _from(mended, RIGHT, RIGHT if by_record else WRONG)
        self.tlsa = _from(mended, _tlsa(RIGHT, tlsa_ttl), _tlsa(WRONG if by_record else RIGHT, tlsa_ttl))

    def sign(self, at: int, keys: Keys) -> None:
        """Have the zone served with these keys; each server takes it over when it comes to it."""
        self.keys = keys
        for server in self.servers:
            server.tell(at + (self._dice.between(0, LONG_LAG) if chance(self._dice, 6) else self._dice.of(LAGS)), keys)

    def drop_dane(self, at: int) -> None:
        """Have the mail host's TLSA removed, in its own time once it matched, and the MX brought back from mx.microsoft.

        At times it is led there only now, whatever is planned for the zone, and back once one of our runs has seen it.
        """
        self.tlsa.tell(max(at, *self.tlsa.changes_after(at), at + 60), None)
        if chance(self._dice, 2):
            self._lead(at + self._dice.of((0, 60, 5000, 300000)), UNDER_DANE)
        self._leads_back = True

    def _lead(self, at: int, host: Name) -> None:
        """Have the MX name a host from then on; each server takes it over when it comes to it."""
        held = _mx(host, self._mx_ttl)
        self.mx.tell(at, held)
        for server in self.mx_servers:
            server.tell(at + self._dice.of(LAGS), held)

    @property
    def held(self) -> RRset | None:
        """What the parent's provider or registrar holds."""
        return self.parent.live()[KEY]

    def zone_facts(self, at: int) -> ZoneFacts:
        """Give the zone as its own servers and its parent's serve it."""
        served = {f"192.0.2.{number}": self._signed(server.at(at), at) for number, server in enumerate(self.servers, start=1)}
        sets = set(self.parent.served(KEY, at).values())
        one = next(iter(sets))
        trusted = {value.key_tag for value in one.values if isinstance(value, Ds)} if one else set()
        valid = all(server.at(at) & trusted for server in self.servers)
        security = Security.SECURE if trusted and valid else Security.BOGUS if trusted else Security.INSECURE
        return ZoneFacts(
            ZONE.name,
            PARENT.name,
            security,
            "",
            Security.SECURE,
            one if len(sets) == 1 else NoAnswer("the parent's servers differ"),
            served,
            SERVERS,
            SERVERS,
            3600,
            self.ttls.negative,
            self.ttls.parent_negative,
        )

    def _signed(self, keys: Keys, at: int) -> Signed | None:
        until = EPOCH + timedelta(seconds=at + 14 * DAY)
        made = tuple(DnsKey(tag, 13, 257, "AwEAAQ==", (ds_of(tag),)) for tag in sorted(keys))
        return Signed(made, self.ttls.key, keys, until) if keys else None

    def facts(self, _wanted: frozenset[Instant], at: int) -> Facts:
        """Look at the zone, its parent, its MX and its mail host."""
        return Facts(
            EPOCH + timedelta(seconds=at),
            {} if self.by_registrar else self.parent.live(),
            served={(ZONE.name, MX_KEY): {f"192.0.2.{n}": server.at(at) for n, server in enumerate(self.mx_servers, start=1)}},
            zones={ZONE.name: self.zone_facts(at)},
            hosts={HOST: self._host(at)},
            clock_skew=timedelta(0),
        )

    def _host(self, at: int) -> HostFacts:
        """Give the mail host in the zone: its TLSA matches what it presents from some time on."""
        session = Session(accepts=True, starttls=True, chain=(self.certificate.at(at),))
        tlsa = Secured(self.tlsa.at(at), Security.INSECURE)
        return HostFacts(HOST, frozenset(["198.51.100.1"]), 300, Security.INSECURE, tlsa, {"198.51.100.1": session})

    def take(self, step: Step, at: int) -> None:
        """Write at the parent, or have the zone signed or not."""
        if isinstance(step.action, Change):
            self.parent.write(at, step.action)
        else:
            assert isinstance(step.action, SetSigning)
            self.sign(at, (self.keys or frozenset([1])) if step.action.signed else frozenset())

    def by_hand(self, step: Step, at: int) -> None:
        """Do at the registrar, or at who signs, what the step is about."""
        after = next((one.ds for one in step.done_when if isinstance(one, ParentServesDs)), None)
        if after is None:
            signed = any(isinstance(one, ZoneSigned) for one in step.done_when)
            if signed != bool(self.keys):
                self.sign(at, frozenset([1]) if signed else frozenset())
            return
        new = rrset(ZONE.name, "DS", self.ttls.ds, after) if after else None
        if new != self.held:
            self.parent.write(at, Change(self.held, new))

    def noted(self, at: int) -> None:
        """Hear that a run came to its end, or that a plan was made; it saw the MX, since one server at most was silent."""
        if self._leads_back and all(microsoft_host(server.at(at)) for server in self.mx_servers):
            self._leads_back = False
            self._lead(at + self._dice.of((1, 60, 5000, 300000)), LEGACY)

    def changes_after(self, at: int) -> Iterator[int]:
        """Give when servers and the mail host change."""
        yield from self.parent.changes_after(at)
        for server in self.servers:
            yield from server.changes_after(at)
        for mx in (self.mx, *self.mx_servers):
            yield from mx.changes_after(at)
        yield from self.certificate.changes_after(at)
        yield from self.tlsa.changes_after(at)

    def wish(self, dnssec: Dnssec, by_provider: bool, at: int) -> Wish:
        """Give what a plan knows of the zone and wants of it; the newest key is the one that is to have a DS."""
        provider = (
            SignedByProvider(bool(self.keys), tuple(ds_of(tag) for tag in sorted(self.keys)[-1:])) if by_provider else None
        )
        parent = Parent(None) if self.by_registrar else Parent(PARENT, self.held)
        surety, with_dane = Surety(self.ttls.longest), (ZONE.name,) if microsoft_host(self.mx.at(at)) else ()
        facts = self.zone_facts(at)
        return Wish(ZONE, dnssec, facts, provider, parent, (HOST,), surety, domains=(ZONE.name,), with_dane=with_dane)

    def wrong(self) -> Iterator[str]:
        """Tell what meets in some cache that must not, and what the parent refused."""
        yield from self.parent.wrong
        yield from early(self.parent.writes, self.parent.cached(KEY))
        yield from bogus(self.parent.cached(KEY), self.servers, self.ttls)
        secure = [one for one in self.parent.cached(KEY) if one.what]
        tlsa = cached([self.tlsa], _ttl)
        yield from mismatched(secure, tlsa, [self.certificate])
        led = [one for one in cached(self.mx_servers, _ttl) if microsoft_host(one.what)]
        yield from relied(self.parent.writes, [*(one for one in tlsa if one.what), *led])


def _mx(host: Name, seconds: int) -> RRset:
    return rrset(ZONE.name, "MX", seconds, [Mx(0, host)])


def _ttl(held: RRset | None) -> int:
    return held.ttl if held else 0


def _tlsa(certificate: bytes, seconds: int) -> RRset | None:
    return RRset(HELD_BY_HOST, seconds, (tlsa_of(certificate),))


def _from(at: int, then: T, until: T) -> History[T]:
    history = History(until)
    history.tell(at, then)
    return history


def play(dice: Dice, program: Program | None = None) -> list[str]:
    """Play one zone to its end, and tell everything that is wrong."""
    return list(_Play(dice, program or Program()).go())


class _Play:
    """One zone's way: signed and given a DS, its key rolled, or unsigned again; and one after the other at times."""

    def __init__(self, dice: Dice, program: Program) -> None:
        self._dice = dice
        self._program = program
        self._begins_secure = chance(dice, 2)
        keys = frozenset([1]) if self._begins_secure or chance(dice, 3) else frozenset[int]()
        self._world = ZoneWorld(dice, keys, has_ds=self._begins_secure)
        self._by_provider = not chance(dice, 3)
        self._times = Timetable(dice, faulty=dice.between(0, 6))

    def go(self) -> Iterator[str]:
        if not self._begins_secure:
            yield from self._come_to(Dnssec.MANAGE)
        if self._by_provider and chance(self._dice, 2):
            yield from self._roll()
        if chance(self._dice, 2):
            self._world.drop_dane(self._times.now)
            yield from self._come_to(Dnssec.OFF)
        yield from self._world.wrong()

    def _roll(self) -> Iterator[str]:
        """Have a new key made, its DS brought to the parent, and the old key taken away a DS TTL after the old DS."""
        world = self._world
        world.sign(self._times.now, frozenset([1, 2]))
        yield from self._come_to(Dnssec.MANAGE)
        self._times.now += world.ttls.ds
        world.sign(self._times.now, frozenset([2]))

    def _come_to(self, wanted: Dnssec) -> Iterator[str]:
        """Plan and apply, until a plan has nothing to do."""
        for _ in range(40):
            made, _ = zone.propose(self._world.wish(wanted, self._by_provider, self._times.now), self._now())
            if made:
                yield from self._walk(made)
            elif self._is_there(wanted):
                return
            else:
                self._world.noted(self._times.now)
                self._times.now = min(self._world.changes_after(self._times.now), default=self._times.now + 3600)
        yield f"end: {wanted} was not come to at {self._times.now}"

    def _now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._times.now)

    def _is_there(self, wanted: Dnssec) -> bool:
        facts = self._world.zone_facts(self._times.now)
        newest = (ds_of(max(self._world.keys)),) if self._world.keys else ()
        return facts.ds is None if wanted is Dnssec.OFF else isinstance(facts.ds, RRset) and facts.ds.values == newest

    def _walk(self, made: Rollout) -> Iterator[str]:
        walk = Walk(made, self._world, self._program)
        loses_at = self._dice.between(1, 8) if chance(self._dice, 4) else 0
        for number, _ in enumerate(self._times.runs(walk, self._world), start=1):
            if number == loses_at:
                return
        yield from walk.told()
