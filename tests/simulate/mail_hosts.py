"""Mail hosts of ours: a first TLSA set, a new certificate, the old record gone; the draws, the world, and one whole play."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from plans.conditions import Instant, Presents, ServedEverywhere
from plans.facts import Facts, HostFacts, Secured, Security, Session
from plans.plan import Change, Rollout, Step
from plans.rollout import mail_host
from plans.rollout.mail_host import Wish
from plans.snapshot import Snapshot
from plans.values import Key, Name, RRset, Tlsa, ZoneRef, rrset
from tests.simulate.dice import Dice, chance, ttl
from tests.simulate.published import LAGS, LONG_LAG, Published
from tests.simulate.secure import mismatched, tlsa_of
from tests.simulate.spans import ALWAYS, FOREVER, History, Span
from tests.simulate.walk import EPOCH, Program, Timetable, Walk

ZONE = ZoneRef("dns", "memory", "account", "zone", Name("gateway.example."))
HOST = Name("mx1.gateway.example.")
KEY = mail_host.key(HOST)
OTHER, OLD, NEW = b"other", b"old", b"new"
SECURE = (Span(ALWAYS, FOREVER, None),)
"""The zone has its DS all the time."""


class HostWorld:
    """A host's zone, which is secure, and the certificates that its addresses present."""

    def __init__(self, dice: Dice, records: Sequence[Tlsa]) -> None:
        self._dice = dice
        self.ttl, self.negative_ttl = ttl(dice), ttl(dice, 86400)
        held = rrset(KEY.owner, "TLSA", self.ttl, records) if records else None
        self.zone = Published(ZONE, {KEY: held}, self.negative_ttl, dice)
        first = [OLD if records or chance(dice, 2) else OTHER for _ in range(dice.between(1, 2))]
        self.addresses = [History(certificate) for certificate in first]
        for address in self.addresses:
            address.tell(dice.of((0, 100, 40000)), OLD)

    def install(self, at: int, certificate: bytes) -> None:
        """Have each address present a certificate when its turn comes."""
        for address in self.addresses:
            if address.last != certificate:
                address.tell(at + self._dice.of((*LAGS, LONG_LAG)), certificate)

    def facts(self, wanted: frozenset[Instant], at: int) -> Facts:
        """Look at the zone and try every address."""
        served = {(one.zone, one.key): self.zone.served(one.key, at) for one in wanted if isinstance(one, ServedEverywhere)}
        sessions = {
            f"198.51.100.{number}": Session(accepts=True, starttls=True, chain=(address.at(at),))
            for number, address in enumerate(self.addresses, start=1)
        }
        tlsa = Secured(self.zone.live()[KEY], Security.SECURE)
        host = HostFacts(HOST, frozenset(sessions), 300, Security.SECURE, tlsa, sessions)
        return Facts(EPOCH + timedelta(seconds=at), self.zone.live(), served=served, hosts={HOST: host})

    def take(self, step: Step, at: int) -> None:
        """Write."""
        assert isinstance(step.action, Change)
        self.zone.write(at, step.action)

    def by_hand(self, step: Step, at: int) -> None:
        """Install the certificate whose record the step names."""
        named = [record for one in step.done_when if isinstance(one, Presents) for record in one.records]
        self.install(at, NEW if tlsa_of(NEW) in named else OLD)

    def noted(self, at: int) -> None:
        """Hear that a run came to its end."""

    def changes_after(self, at: int) -> Iterator[int]:
        """Give when servers and addresses change."""
        yield from self.zone.changes_after(at)
        for address in self.addresses:
            yield from address.changes_after(at)

    def wrong(self) -> Iterator[str]:
        """Tell what a sender cannot match, what goes too early, and what the provider refused."""
        yield from self.zone.wrong
        yield from mismatched(SECURE, self.zone.cached(KEY), self.addresses)
        for at, change in self.zone.writes:
            yield from self._early(at, change)

    def _early(self, at: int, change: Change) -> Iterator[str]:
        """Tell of a record that goes before each address has presented what stays for as long as the set may be cached."""
        if change.before and change.after and set(change.after.values) < set(change.before.values):
            for address in self.addresses:
                for span in address.spans():
                    if at - change.before.ttl < span.end and span.start <= at and tlsa_of(span.what) not in change.after.values:
                        yield f"order: at {at} a record goes, and {span.what!r} was presented until {span.end}"


def play(dice: Dice, program: Program | None = None) -> list[str]:
    """Play one host to its end, and tell everything that is wrong."""
    return list(_Play(dice, program or Program()).go())


class _Play:
    """One host's way to its first TLSA set, through a change of certificate, and to one record again."""

    def __init__(self, dice: Dice, program: Program) -> None:
        self._dice = dice
        self._program = program
        records = dice.of(((), (OLD,), (OLD, OTHER)))
        self._world = HostWorld(dice, [tlsa_of(one) for one in records])
        self._times = Timetable(dice, faulty=dice.between(0, 6))

    def go(self) -> Iterator[str]:
        if chance(self._dice, 2):
            yield from self._come_to(OLD, None)
        if chance(self._dice, 2):
            hasty = chance(self._dice, 3)
            yield from self._come_to(OLD, NEW, hasty=hasty)
            yield from self._come_to(NEW, None)
        yield from self._world.wrong()

    def _come_to(self, current: bytes, upcoming: bytes | None, *, hasty: bool = False) -> Iterator[str]:
        """Plan and apply, until a plan has nothing to do; `hasty`: only until the certificate is new somewhere."""
        for _ in range(12):
            made, findings = mail_host.propose(self._wish(current, upcoming), self._snapshot())
            if any(one.stops for one in findings):
                yield f"end: blocked, {findings}"
            if made is None or (hasty and any(address.at(self._times.now) == NEW for address in self._world.addresses)):
                return
            yield from self._walk(made, hasty=hasty)
        yield f"end: {current!r} was not come to at {self._times.now}"

    def _wish(self, current: bytes, upcoming: bytes | None) -> Wish:
        world, next_record = self._world, upcoming and tlsa_of(upcoming)
        installed = bool(upcoming) and all(address.at(self._times.now) == upcoming for address in world.addresses)
        return Wish(
            HOST,
            tlsa_of(current),
            next_record or None,
            world.ttl,
            signed=True,
            negative_ttl=world.negative_ttl,
            propagation=300,
            installed=installed,
        )

    def _snapshot(self) -> Snapshot:
        sets: dict[Key, RRset | None] = dict.fromkeys(mail_host.keys(HOST, ZONE.name))
        return Snapshot(ZONE, sets | self._world.zone.live(), {})

    def _walk(self, made: Rollout, *, hasty: bool) -> Iterator[str]:
        walk = Walk(made, self._world, self._program)
        loses_at = self._dice.between(1, 8) if chance(self._dice, 4) else 0
        for number, _ in enumerate(self._times.runs(walk, self._world), start=1):
            if number == loses_at or (hasty and any(one.at(self._times.now) == NEW for one in self._world.addresses)):
                return
        yield from walk.told()
