"""What authoritative DNS answered for a key: it can show that nothing is to do, and is never the base of a write.

So it is a type of its own, which nothing that proposes or writes takes (`plans.snapshot` is what they take).
"""

from __future__ import annotations

from dataclasses import dataclass

from plans.desired import Desired
from plans.facts import NoAnswer
from plans.rollout.domain import is_right
from plans.values import Key, Live, RRset


@dataclass(frozen=True, slots=True)
class Observation:
    """What servers of a key's zone told, one after the other, up to the first that gave no answer, or another one."""

    key: Key
    told: tuple[Live | NoAnswer, ...]

    @property
    def agreed(self) -> Live | NoAnswer:
        """What all of them told, TTL included."""
        if not self.told:
            return NoAnswer("nobody was asked")
        first = self.told[0]
        return first if all(one == first for one in self.told) else NoAnswer("its servers answer differently")


def in_sync(desired: Desired, observation: Observation) -> bool:
    """Whether a domain's MX is right as its servers tell, so that `plans.rollout.domain.propose` would find nothing to do.

    That holds for a domain that asks for no DANE and has no open rollout. False: they do not tell, or it may be wrong.
    """
    wanted, live = desired.rrsets[0], observation.agreed
    return observation.key == wanted.key and isinstance(live, RRset) and is_right(live, wanted)
