"""One reader in a process of its own, with an end to its memory."""

from __future__ import annotations

import resource
import warnings

from tests.fuzz.harness import Tally, fuzz
from tests.fuzz.readers import READERS

_MEMORY = 4 * 2**30
"""Octets of address space; no reader comes near with inputs of this size."""


def fuzzed(name: str, seed: int, seconds: float) -> tuple[str, Tally, int]:
    """Try a reader in this process, and give the most memory that it took too (MiB)."""
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    tally = fuzz(READERS[name], seed, 0, seconds)
    return name, tally, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
