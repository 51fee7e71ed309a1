"""Domains whose MX set changes in phases: what is drawn, the world, and one whole play with everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

from plans.conditions import GraphAsks, HostResolves, HostTakesMail, Instant, ServedEverywhere, StsAllows, TlsaGone, TlsaSecure
from plans.desired import Cloud, Desired, Evidence, GraphAnswer, MailExchange, Pin, Source, Subject
from plans.facts import Facts, Security, StsMode, StsPolicy, ZoneFacts
from plans.microsoft import microsoft_host
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Finding
from plans.position import behind
from plans.rollout import domain
from plans.rollout.domain import Dane, MicrosoftTlsa
from plans.rollout.exchange import tlsa_forgotten
from plans.rollout.phased import LEAST_TTL, Remembered, Terms, phases
from plans.snapshot import Snapshot
from plans.values import Key, Mx, Name, RRset, ZoneRef, rrset
from tests.simulate import mail, order
from tests.simulate.dice import Dice, chance, ttl
from tests.simulate.mail import Host, Policies
from tests.simulate.published import Published
from tests.simulate.walk import EPOCH, Program, Timetable, Walk

DOMAIN = Name("contoso.example.")
KEY = Key(DOMAIN, "MX")
ZONE = ZoneRef("dns", "memory", "account", "zone", DOMAIN)
LEGACY = tuple(Name(f"contoso-{number}.mail.protection.outlook.com.") for number in range(3))
ASSIGNED = Name("contoso-example.o-v1.mx.microsoft.")
GATEWAYS = tuple(Name(f"mx{number}.gateway.example.") for number in range(3))
NO_POLICY = StsPolicy("", 3600, StsMode.NONE)
RECOGNISED = 86400
"""Seconds for which an answer from before the first run may live, where the first set looks half-way or the state was lost."""
_OF_HOST = HostResolves | HostTakesMail | TlsaSecure | TlsaGone
_SECURE = ZoneFacts(
    DOMAIN,
    Name("example."),
    Security.SECURE,
    "",
    parent_security=Security.SECURE,
    ds=None,
    signed={},
    delegated=frozenset(),
    own=frozenset(),
    ns_ttl=3600,
    negative_ttl=300,
    parent_negative_ttl=300,
)
READY = (0, 0, 600, 7200, 90000, 900000)


@dataclass(frozen=True, slots=True)
class Intent:
    """What is live and what is wanted of it.

    `by_graph`: Microsoft Graph asks for the host, with DANE then if `dane`; `evidence` is what Graph and a pin say on the way
    back. Else the manifest names gateways.
    """

    live: RRset
    wanted: RRset
    by_graph: bool
    dane: bool = False
    evidence: tuple[Evidence, ...] = ()

    def rollout(
        self, live: RRset, terms: Terms, tlsa: MicrosoftTlsa, known: Remembered | None = None
    ) -> Rollout | Finding | None:
        """Propose as a plan does."""
        if not self.by_graph:
            return phases(Subject(DOMAIN), live, self.wanted, ZONE, replace(terms, graph=False), known)
        desired = Desired(Subject(DOMAIN), (self.wanted,), (KEY,), self.evidence)
        snapshot = Snapshot(ZONE, _around() | {KEY: live}, {DOMAIN: frozenset(["MX", "NS", "SOA"])})
        made, findings = domain.propose(desired, snapshot, domain.Strategy.PHASED, terms, known, Dane(self.dane, tlsa))
        return findings[0] if findings else made

    def back(self) -> Intent:
        """Give the way back: from gateways to all old hosts, from Graph's host to the one that somebody pins."""
        old = tuple(one for one in self.live.values if isinstance(one, Mx) and one.exchange in LEGACY)
        if not self.by_graph:
            return Intent(self.wanted, RRset(KEY, self.live.ttl, old), by_graph=False)
        pin = Pin(DOMAIN, old[0].exchange, "the manifest")
        return Intent(self.wanted, RRset(KEY, self.live.ttl, old[:1]), by_graph=True, evidence=(graph_answer(ASSIGNED), pin))


def graph_answer(host: Name) -> GraphAnswer:
    """Make what Microsoft Graph answers when it asks for a host."""
    answer = MailExchange(DOMAIN, host, 0, 3600)
    return GraphAnswer(DOMAIN, Source("contoso", "graph"), Cloud.GLOBAL, EPOCH, (answer,))


@cache
def _around() -> dict[Key, RRset | None]:
    return dict.fromkeys(domain.keys(DOMAIN, DOMAIN))


def intent(dice: Dice, most_ttl: int = 604800) -> Intent:
    """Draw a live set of legacy hosts, some of the wanted ones beside them at times, and a wanted set."""
    by_graph = not chance(dice, 3)
    new = (ASSIGNED,) if by_graph else GATEWAYS[: dice.between(1, 3)]
    wanted = rrset(DOMAIN, "MX", ttl(dice, most_ttl), [Mx(_preference(dice, (0, 10)), one) for one in new])
    old = [Mx(_preference(dice, (0, 10, 20)), one) for one in LEGACY[: dice.between(1, 3)]]
    there = [Mx(_preference(dice, (0, 10, 20)), one) for one in new if chance(dice, 4)]
    return Intent(rrset(DOMAIN, "MX", ttl(dice, most_ttl), [*old, *there]), wanted, by_graph, by_graph and chance(dice, 3))


def terms(dice: Dice) -> Terms:
    """Draw what a change must keep to: the zone's floor, the soak, whether new hosts are tried by SMTP."""
    return Terms(dice.of((LEAST_TTL, LEAST_TTL, 60, 120, 600, 3600)), dice.of((3600, 0, 1, 7200)), smtp=chance(dice, 3))


def _preference(dice: Dice, usual: tuple[int, ...]) -> int:
    return dice.of((*usual, dice.between(0, 65535) if chance(dice, 4) else dice.between(0, 50)))


def _policies(dice: Dice, old: tuple[Name, ...], new: tuple[Name, ...]) -> Policies:
    """Draw no policy, one that was always open, or one that opens: its body first, then its id; or the other way round."""
    kind = dice.of(("none", "none", "none", "open", "testing", "opens", "opens", "opens to testing", "id first", "closed"))
    if kind == "none":
        return Policies([(0, NO_POLICY)])
    record_ttl, age = ttl(dice, 200000), dice.of((604800, 86400, 3600))
    closed = _policy("a", record_ttl, StsMode.ENFORCE, old, age)
    opened = _policy("a", record_ttl, StsMode.ENFORCE, (*old, *new), age)
    testing = _policy("a", record_ttl, StsMode.TESTING, old, age)
    first, second = sorted((dice.between(1, 200000), dice.between(1, 200000)))
    renamed, again = replace(opened, id="b"), replace(opened, id="c")
    return Policies(
        {
            "open": [(0, opened)],
            "testing": [(0, testing)],
            "closed": [(0, closed)],
            "opens": [(0, closed), (first, opened), (second, renamed)],
            "opens to testing": [(0, closed), (first, replace(testing, id="b"))],
            "id first": [
                (0, closed),
                (first, replace(closed, id="b")),
                (second + 1, renamed),
                (second + 900000, again),
            ],
        }[kind],
        opens=kind != "closed",
    )


def _policy(record: str, record_ttl: int, mode: StsMode, hosts: tuple[Name, ...], age: int) -> StsPolicy:
    patterns = tuple(host.rstrip(".") for host in hosts)
    return StsPolicy(record, record_ttl, mode, patterns, age, f"{mode} {' '.join(patterns)}")


class DomainWorld:
    """The domain's zone, mail hosts and MTA-STS, and Microsoft Graph."""

    def __init__(self, dice: Dice, first: Intent, kept: Terms) -> None:
        new = tuple(sorted(hosts_of(first.wanted)))
        old = tuple(sorted(hosts_of(first.live) - set(new)))
        self.hosts = {name: Host() for name in old}
        for name in new:
            resolves = dice.of(READY)
            self.hosts[name] = Host.new(resolves, resolves + (dice.of(READY) if kept.smtp else 0))
        self.policies = _policies(dice, old, new)
        half_way = set(new) & hosts_of(first.live)
        before = {KEY: rrset(DOMAIN, "MX", ttl(dice, RECOGNISED), [Mx(10, one) for one in old])} if half_way else None
        self.zone = Published(ZONE, {KEY: first.live}, 0, dice, before)

    @property
    def live(self) -> RRset:
        """What the provider holds."""
        held = self.zone.live()[KEY]
        assert held is not None
        return held

    def tlsa(self, at: int) -> MicrosoftTlsa:
        """See what Microsoft publishes for its host, if that is live."""
        host = microsoft_host(self.live)
        published = self.hosts[host].dane.at(at) if host else None
        return {None: MicrosoftTlsa.UNCLEAR, True: MicrosoftTlsa.PUBLISHED, False: MicrosoftTlsa.WITHDRAWN}[published]

    def facts(self, wanted: frozenset[Instant], at: int) -> Facts:
        """Look at what the conditions need."""
        return Facts(
            EPOCH + timedelta(seconds=at),
            self.zone.live(),
            {one.domain: graph_answer(one.exchange) for one in wanted if isinstance(one, GraphAsks)},
            {},
            {(one.zone, one.key): self.zone.served(one.key, at) for one in wanted if isinstance(one, ServedEverywhere)},
            {DOMAIN: _SECURE},
            {one.host: self.hosts[one.host].facts(one.host, at) for one in wanted if isinstance(one, _OF_HOST)},
            {one.domain: self.policies.at(at) for one in wanted if isinstance(one, StsAllows)},
        )

    def take(self, step: Step, at: int) -> None:
        """Write; whoever runs a host that is named no longer stops it in that second."""
        assert isinstance(step.action, Change)
        if self.zone.write(at, step.action) and step.action.before and step.action.after:
            for name in hosts_of(step.action.before) - hosts_of(step.action.after):
                self.hosts[name].stop(at)

    def by_hand(self, step: Step, at: int) -> None:
        """Have Microsoft publish or withdraw a host's TLSA, which takes it half an hour."""
        for one in step.done_when:
            if isinstance(one, TlsaSecure | TlsaGone) and self.hosts[one.host].dane.last != isinstance(one, TlsaSecure):
                self.hosts[one.host].dane.tell(at + 1800, isinstance(one, TlsaSecure))

    def noted(self, at: int) -> None:
        """Remember that a run kept what it saw of the policies."""
        self.policies.looks.append(at)

    def changes_after(self, at: int) -> Iterator[int]:
        """Give when servers, hosts and policies change."""
        yield from self.zone.changes_after(at)
        yield from self.policies.changes_after(at)
        for host in self.hosts.values():
            yield from (time for time in (host.resolves, host.takes[-1][0]) if time > at)
            yield from host.dane.changes_after(at)


def hosts_of(held: RRset) -> set[Name]:
    return {one.exchange for one in held.values if isinstance(one, Mx)}


def _by_itself(step: Step) -> Step:
    """Leave out the wait for a TLSA that was withdrawn: it stands at whichever step comes first."""
    forgotten = tlsa_forgotten(ASSIGNED)
    return replace(step, requires=tuple(one for one in step.requires if one != forgotten))


def _told(steps: Sequence[Step]) -> str:
    return "; ".join(f"{step.risk} {step.action} {' and '.join(map(str, step.requires))}" for step in steps)


def play(dice: Dice, program: Program | None = None) -> list[str]:
    """Play one domain to its end, and tell everything that is wrong."""
    return list(_Play(dice, program or Program()).go())


class _Play:
    """One domain's way, and back again at times."""

    def __init__(self, dice: Dice, program: Program) -> None:
        self._dice = dice
        self._program = program
        self._loses_state = chance(dice, 4)
        self._terms = terms(dice)
        self._intent = intent(dice, RECOGNISED if self._loses_state else 604800)
        self._world = DomainWorld(dice, self._intent, self._terms)
        self._times = Timetable(dice, faulty=dice.between(0, 8))
        self._checked: tuple[Rollout, int, int] | None = None

    def go(self) -> Iterator[str]:
        there = self._intent
        yield from self._leg(there)
        turn = len(self._world.zone.writes)
        back = there.back()
        if self._world.live.values == there.wanted.values and chance(self._dice, 4):
            for name in hosts_of(there.live) - hosts_of(there.wanted):
                self._world.hosts[name].start(self._times.now)
            yield from self._leg(back)
        zone = self._world.zone
        answers = zone.cached(KEY)
        yield from zone.wrong
        yield from mail.lost(answers, self._world.hosts, self._world.policies)
        yield from order.disorder(zone.writes[:turn], answers, there.wanted, self._terms.soak)
        yield from order.disorder(zone.writes[turn:], answers, back.wanted, self._terms.soak)

    def _leg(self, way: Intent) -> Iterator[str]:
        """Walk from what is live to what is wanted."""
        first = self._world.live
        made = self._plan(way)
        if not isinstance(made, Rollout):
            return
        walk = Walk(made, self._world, self._program)
        loses_at = self._dice.between(1, 12) if self._loses_state else 0
        for number, _ in enumerate(self._times.runs(walk, self._world), start=1):
            if number == loses_at:
                again = self._plan(way)
                self._world.policies.looks.clear()
                if not isinstance(again, Rollout):
                    walk.finished = True
                    break
                made = again
                walk.forget(made)
            else:
                yield from self._rest(way, made, behind(made, walk.events, self._world.zone.live()))
        yield from walk.told() if self._world.policies.opens else walk.wrong
        if walk.finished:
            yield from self._arrived(first, way.wanted)

    def _plan(self, way: Intent, known: Remembered | None = None) -> Rollout | Finding | None:
        world = self._world
        return way.rollout(world.live, self._terms, world.tlsa(self._times.now), known)

    def _rest(self, way: Intent, made: Rollout, done: int) -> Iterator[str]:
        """Propose again on the way: the rest of the same steps, waits included; once for each number of steps done."""
        left = [step for step in made.steps[done:] if not self._was_done_by_hand(step)]
        before, self._checked = self._checked, (made, done, len(left))
        if done and left and before != self._checked:
            again = self._plan(way, self._program.remembered(made, done, self._terms.soak))
            if not isinstance(again, Rollout) or list(map(_by_itself, again.steps)) != list(map(_by_itself, left)):
                found = _told(again.steps) if isinstance(again, Rollout) else again
                yield f"rest: proposed again after {done} steps it is {found}, not {_told(left)}"

    def _was_done_by_hand(self, step: Step) -> bool:
        seen = {MicrosoftTlsa.PUBLISHED: TlsaSecure, MicrosoftTlsa.WITHDRAWN: TlsaGone}.get(self._world.tlsa(self._times.now))
        return isinstance(step.action, Manual) and seen is not None and isinstance(step.done_when[0], seen)

    def _arrived(self, first: RRset, wanted: RRset) -> Iterator[str]:
        live = self._world.live
        if live.values != wanted.values:
            yield f"end: finished with {live}"
        known = not self._loses_state and first.ttl > self._terms.lowest_ttl and not hosts_of(first) & hosts_of(wanted)
        if known and live.ttl != first.ttl:
            yield f"end: finished with TTL {live.ttl}, which was {first.ttl}"
