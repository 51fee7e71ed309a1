"""Keys of the manifest's full form that this version does not implement: told as that, and not as misspelt.

A key that gets a field in its model is taken out here.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from providers.contract import Options

_ABSENT: dict[type[BaseModel], frozenset[str]] = {
    Options: frozenset({"endpoint", "publishes", "rate"}),
}
"""For a model, and those made from it."""
MEND = "Remove it."


def is_absent(key: str, owners: Iterable[type[BaseModel]]) -> bool:
    """Whether a key that none of the models takes is known all the same."""
    return any(key in keys for model, keys in _ABSENT.items() for owner in owners if issubclass(owner, model))


def told(key: str) -> str:
    """Say so."""
    return f"`{key}` is not part of this version"
