"""Play many rollouts from seeds: `python -m tests.simulate --examples 100000 --seed 1`. Exit code 1: something was wrong.

A play that goes wrong is named by its kind and seed, and played alone by `--only domain --seed SEED --examples 1`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulate import domains, mail_hosts, zones
from tests.simulate.dice import Dice, Seeded

PLAYS: dict[str, Callable[[Dice], list[str]]] = {"domain": domains.play, "zone": zones.play, "mail-host": mail_hosts.play}
MOST_TOLD = 10


def played(kind: str, seed: int) -> list[str]:
    """Play once."""
    return [f"{kind}, seed {seed}: {wrong}" for wrong in PLAYS[kind](Seeded(seed))]


def main() -> int:
    """Play, and tell what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate")
    parser.add_argument("--examples", type=int, default=100_000, help="plays of each kind")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--only", choices=PLAYS, action="append", help="only this kind")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    wrong = 0
    with ProcessPoolExecutor(asked.processes) as pool:
        for kind in asked.only or PLAYS:
            seeds = range(asked.seed, asked.seed + asked.examples)
            for found in pool.map(partial(played, kind), seeds, chunksize=200):
                wrong += bool(found)
                if found and wrong <= MOST_TOLD:
                    sys.stdout.write("\n".join(found) + "\n")
                    sys.stdout.flush()
            sys.stdout.write(f"{kind}: {asked.examples} plays from seed {asked.seed}, {wrong} wrong so far\n")
            sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
