"""What an adapter is: how zones are found, read and changed, and in which ways that can fail.

An adapter is synchronous and may be called from several threads; every call it makes has a deadline. It never decides what
should be there: it gives what is (`Snapshot`) and makes a change that it is handed, only if the world is still as in `base`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from plans.plan import Change
from plans.problem import Problem
from plans.snapshot import Snapshot
from plans.values import Key, Name, RRset, ZoneRef

CONTRACT_VERSION = 1
"""Raised whenever an adapter written for the version before would misbehave."""


class Status(StrEnum):
    """What became of one change."""

    WRITTEN = "written"
    """The provider confirmed it."""
    CONFLICT = "conflict"
    """The zone is no longer as in the base; nothing was written."""
    REJECTED = "rejected"
    """The provider refused the change for good; nothing was written."""
    UNKNOWN = "unknown"
    """No clear answer came: it may have been written. Only reading tells."""
    NOT_TRIED = "not-tried"
    """An earlier change of the same call stopped this one; nothing was written."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change; `detail` is the provider's reason, for a person."""

    status: Status
    detail: str = ""


class Reader(Protocol):
    """Everything that planning may do."""

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give for each name the zone that holds it, the longest match; a name that no zone here holds is missing.

        Raises `ProviderError`.
        """
        ...

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read keys of one zone. Raises `ProviderError`: what cannot be read in full is never given in part."""
        ...

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Give the set that the provider will give back once `wanted` is written. Raises `Unsupported`."""
        ...


class Provider(Reader, Protocol):
    """A reader that can also write."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make changes in the base's zone, if and only if their keys still stand as in `base`.

        Every change gets an outcome. Records that no change names stay as they are. Raises `ProviderError` only before anything
        was written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What is true of every zone of an adapter. `guard` says in a few words how a write is kept off a zone that changed."""

    guard: str
    types: frozenset[str]
    publishes: Literal["dns", "none"] = "dns"


class Options(BaseModel):
    """The base of an adapter's options in the manifest: keys that it does not name are errors there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: str


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter is handed beside its options: the folder that relative paths count from, and the time in UTC."""

    folder: Path
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Adapter:
    """What an entry point of the group `provisioner.providers` names: one provider type.

    `open` makes a provider from the manifest's label, validated options and the context; it makes no call yet.
    """

    contract: int
    options: type[Options]
    capabilities: Capabilities
    open: Callable[[str, Any, Context], Provider]


class ProviderError(Problem):
    """A provider could not do what it was asked. `retry_is_safe`: asking again cannot do harm or do it twice."""

    retry_is_safe = False


class AuthFailed(ProviderError):
    """Credentials are missing, wrong, expired or lack a permission."""


class ZoneNotFound(ProviderError):
    """The provider does not hold that zone (any more)."""


class Unsupported(ProviderError):
    """The provider can never hold or do this."""


class Rejected(ProviderError):
    """The provider holds something that it or we cannot make sense of, or refuses the request for good."""


class Conflict(ProviderError):
    """The zone changed under our hands."""


class Unavailable(ProviderError):
    """No answer for now: network, outage, a file that cannot be read."""

    retry_is_safe = True


class Throttled(Unavailable):
    """The provider asks for fewer requests; `retry_after` is in seconds, None where it does not say."""

    def __init__(self, headline: str, detail: str, mend: str, retry_after: float | None = None) -> None:
        super().__init__(headline, detail, mend)
        self.retry_after = retry_after
