"""Give readers input that others might have written: `python -m tests.fuzz --seconds 600 --seed 1`. Exit code 1: one broke.

Each reader has a process of its own, with an end to its memory. An input that breaks something is kept in the corpus, as small
as it could be made; the tests then read it every time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.fuzz.apart import fuzzed
from tests.fuzz.harness import CORPUS, Tally
from tests.fuzz.readers import READERS


def told(name: str, tally: Tally, most: int) -> str:
    """Say what came of one reader's inputs, and keep those that broke it."""
    lines = [
        (
            f"{name:12} {tally.tried:7} inputs {tally.accepted:7} accepted {tally.refused:7} refused "
            f"{len(tally.faults):3} faults  slowest {tally.slowest * 1000:.0f} ms  memory {most} MiB"
        )
    ]
    for fault in tally.faults:
        file = CORPUS / name / fault.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(fault.octets)
        lines.append(f"{file}\n{fault.what}")
    return "\n".join(lines)


def main() -> int:
    """Try readers, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=600, help="for each reader")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--only", choices=READERS, action="append", help="only this reader")
    parser.add_argument("--processes", type=int, default=1, help="so many readers at once")
    asked = parser.parse_args()
    broken = False
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.processes, context, max_tasks_per_child=1) as pool:
        trying = partial(fuzzed, seed=asked.seed, seconds=asked.seconds)
        for name, tally, most in pool.map(trying, asked.only or READERS):
            broken = broken or bool(tally.faults)
            sys.stdout.write(told(name, tally, most) + "\n")
            sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
