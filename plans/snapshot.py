"""What a provider holds: the only base of a write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plans.values import Key, Live, Name, ZoneRef


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the provider itself holds for the keys that were asked, at one moment; the only base of a write.

    `sets` has every asked key. `nodes` has every asked owner that exists in the zone, with all the types that it holds (none:
    an empty non-terminal, RFC 4592 §2.2.2); an owner that does not exist is missing. `token` is the adapter's own mark of that
    moment, for `Provider.apply`.
    """

    zone: ZoneRef
    sets: Mapping[Key, Live]
    nodes: Mapping[Name, frozenset[str]]
    token: str = ""
