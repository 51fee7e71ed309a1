"""What the zones hold that a plan is about, of those that the world asks: many are looked at together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from plans.desired import Desired, GraphAnswer, Subject
from plans.policy import Finding
from plans.problem import Problem
from plans.rollout import domain as domain_rollout
from plans.rollout import onboarding
from plans.rollout.onboarding import Onboarding
from plans.snapshot import Snapshot
from plans.values import Key, ZoneRef
from providers.in_order import all_in_order
from provisioner.delegation import Delegations
from provisioner.fleet import Fleet
from provisioner.manifest.model import Domain

READS = 48
"""So many zones are read at the same time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One domain, and what is known of it before its zone is read: none is, where public DNS shows that it is right."""

    domain: Domain
    findings: tuple[Finding, ...]
    answer: GraphAnswer | None = None
    aim: Desired | Onboarding | None = None
    zone: ZoneRef | None = None

    @property
    def keys(self) -> frozenset[Key]:
        """What must be read of the zone for it."""
        match self.aim, self.zone:
            case Desired(), ZoneRef() as zone:
                return domain_rollout.keys(self.domain.name, zone.name)
            case Onboarding() as on_its_way, ZoneRef() as zone:
                return onboarding.keys(on_its_way, zone.name)
            case _:
                return frozenset()


class Looks:
    """What the zones of some wishes hold, of those that the world asks: each is read once, and forgotten after its last wish.

    They are looked at many at a time, in the order of the wishes.
    """

    def __init__(self, fleet: Fleet, wishes: Collection[Wish], delegations: Delegations) -> None:
        self._fleet = fleet
        self._delegations = delegations
        self._keys: dict[ZoneRef, set[Key]] = {}
        self._left: Counter[ZoneRef] = Counter()
        self._staged: set[ZoneRef] = set()
        self._to_be_asked: dict[ZoneRef, None] = {}
        for wish in wishes:
            if wish.zone:
                self._keys.setdefault(wish.zone, set()).update(wish.keys)
                self._left[wish.zone] += 1
                if wish.domain.staged:
                    self._staged.add(wish.zone)
                else:
                    self._to_be_asked[wish.zone] = None
        self._coming = all_in_order(self._look, list(self._keys), READS)
        self._seen: dict[ZoneRef, Snapshot | Problem | None] = {}

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Look at the zones while the block lasts."""
        with self._delegations.expecting(self._to_be_asked):
            yield

    def of(self, wish: Wish) -> Snapshot | Finding | None:
        """Give what a wish's zone holds, or why the world does not ask it; None: nothing of it is needed.

        Raises `Problem`, and does so again for every wish of the zone.
        """
        zone = wish.zone
        if zone is None:
            return None
        while zone not in self._seen:
            seen, found = next(self._coming)
            self._seen[seen] = found
        self._left[zone] -= 1
        found = self._seen[zone] if self._left[zone] else self._seen.pop(zone)
        astray = None if wish.domain.staged else self._delegations.finding(Subject(wish.domain.name), zone)
        if astray:
            return astray
        if isinstance(found, Problem):
            raise found
        return found if wish.keys else None

    def _look(self, zone: ZoneRef) -> Snapshot | Problem | None:
        """Read a zone, but for one that nobody asks."""
        astray = self._delegations.finding(Subject(zone.name), zone) if zone in self._to_be_asked else None
        if not self._keys[zone] or (astray and zone not in self._staged):
            return None
        try:
            return self._fleet.reader(zone.provider).read(zone, self._keys[zone])
        except Problem as problem:
            return problem
