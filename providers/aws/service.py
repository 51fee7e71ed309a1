"""What is particular to one service of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Service:
    """A service: `id` is the name that the SDK, IAM and the count of requests know it by, `title` is for people.

    `subjects` are the parameters that name what a request is about; `always` is, by operation, a member that an answer has
    though the model does not demand it. The rest are error codes of its own: it asks for fewer requests, it is busy with an
    earlier change of the same zone, or it does not hold the zone.
    """

    id: str
    title: str
    subjects: tuple[str, ...]
    always: Mapping[str, str] = field(default_factory=dict)
    throttled: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()
    no_zone: frozenset[str] = frozenset()
