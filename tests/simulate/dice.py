"""Where the model's chances come from: Hypothesis, which makes what it finds smaller, or a seed, which is faster."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Dice(Protocol):
    """What chance decides. The first option and the lowest number are the dullest."""

    def of(self, options: Sequence[T]) -> T: ...

    def between(self, least: int, most: int) -> int: ...


class Seeded:
    """Chance from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - nothing secret

    def of(self, options: Sequence[T]) -> T:
        return options[int(self._random.random() * len(options))]

    def between(self, least: int, most: int) -> int:
        return self._random.randint(least, most)


class Drawn:
    """Chance from Hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def of(self, options: Sequence[T]) -> T:
        return options[self._data.draw(st.integers(0, len(options) - 1))]

    def between(self, least: int, most: int) -> int:
        return self._data.draw(st.integers(least, most))


def ttl(dice: Dice, most: int = 604800) -> int:
    """Choose a TTL in seconds: mostly one that people use."""
    usual = [one for one in (300, 3600, 60, 0, 1, 29, 30, 31, 7200, 86400, 604800) if one <= most]
    return dice.of([*usual, dice.between(0, most)])


def chance(dice: Dice, one_in: int) -> bool:
    """Let something happen once in so many times."""
    return dice.between(1, one_in) == one_in
