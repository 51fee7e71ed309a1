from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulate import domains, mail_hosts, zones
from tests.simulate.dice import Dice, Seeded
from tests.simulate.mutants import DOMAIN_MUTANTS, HOST_MUTANTS, ZONE_MUTANTS, Mutant
from tests.simulate.walk import Program

Play = Callable[[Dice, Program], list[str]]

PLAYS = 2000
"""In how many a mutant must be caught; most are in ten."""
MADE_WRONG = (
    *((domains.play, one) for one in DOMAIN_MUTANTS),
    *((zones.play, one) for one in ZONE_MUTANTS),
    *((mail_hosts.play, one) for one in HOST_MUTANTS),
)


NAMES = [f"{play.__module__.split('.')[-1]}: {mutant.name}" for play, mutant in MADE_WRONG]


@pytest.mark.parametrize(("play", "mutant"), MADE_WRONG, ids=NAMES)
def test_a_program_made_wrong_is_caught(play: Play, mutant: Mutant) -> None:
    told = f"{mutant.caught}:"
    caught = (seed for seed in range(PLAYS) if any(wrong.startswith(told) for wrong in play(Seeded(seed), mutant.program)))
    assert any(play(Seeded(seed), Program()) == [] for seed in caught), f"{mutant.name} survives"
