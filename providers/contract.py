"""What an adapter is: how zones are found, read and changed, and in which ways that can fail.

An adapter is synchronous and may be called from several threads; every call it makes has a deadline. It never decides what
should be there: it gives what is (`Snapshot`) and makes a change that it is handed, only if the world is still as in `base`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from plans.plan import Change
from plans.problem import Problem
from plans.snapshot import Snapshot
from plans.values import Ds, Key, Live, Name, RRset, ZoneRef
from providers.duration_option import Duration
from providers.limiter import Limiters, Meter

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


@dataclass(frozen=True, slots=True)
class Access:
    """What an account may do with a zone, as far as it can be told without writing; None: it cannot. `detail` says why."""

    readable: bool | None
    writable: bool | None
    detail: str = ""


class Reader(Protocol):
    """Everything that planning may do."""

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give every zone that the account holds, by name. Raises `ProviderError`."""
        ...

    def access(self, zone: ZoneRef) -> Access:
        """Say what may be done with a zone, without writing to it. Raises `ProviderError` where even that cannot be asked."""
        ...

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

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:
        """Give the names of the servers by which the provider serves a zone; empty: it serves none, or cannot tell which.

        Raises `ProviderError`.
        """
        ...

    def signer(self) -> Signer | None:
        """Give what signs zones here; None: nothing does, or it does so by itself."""
        ...


class Lister(Protocol):
    """What a reader can do besides whose adapter says `Capabilities.lists`: look through a whole zone."""

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        """Give the highest TTL (seconds) with which the zone answers, by type, of all its sets, whoever's they are.

        None: it cannot be told, as where an alias has the TTL of something else, or the zone may not be listed. Types that the
        zone does not hold are missing. The zone goes by as a stream, a part after the other, and is never in memory at once.
        Raises `ProviderError`: a listing that did not come to its end gives nothing.
        """
        ...


class Provider(Reader, Protocol):
    """A reader that can also write."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make changes in the base's zone, if and only if their keys still stand as in `base`.

        Every change gets an outcome. Records that no change names stay as they are. Raises `ProviderError` only before anything
        was written. Two changes of one key are a mistake of the caller: `ValueError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ZoneKey:
    """A key of a signed zone as its DNSKEY says it (RFC 4034 §2); `public_key` is base64, `id` the provider's name for it."""

    id: str
    tag: int
    algorithm: int
    flags: int
    public_key: str
    active: bool


@dataclass(frozen=True, slots=True)
class SigningState:
    """Whether a provider signs a zone, with which keys, and the DS that its parent should hold (RFC 4034 §5)."""

    signed: bool
    keys: tuple[ZoneKey, ...]
    ds: tuple[Ds, ...]


class Signer(Protocol):
    """How an adapter signs zones. What a provider has no call for raises `Unsupported`; each call may raise `ProviderError`."""

    def state(self, zone: ZoneRef) -> SigningState:
        """Read how a zone is signed."""
        ...

    def sign(self, zone: ZoneRef) -> Outcome:
        """Turn signing on; written once the provider has taken it, signatures may follow later."""
        ...

    def unsign(self, zone: ZoneRef) -> Outcome:
        """Turn signing off. The caller has seen to it that no DS is left at the parent."""
        ...

    def add_key(self, zone: ZoneRef) -> ZoneKey:
        """Add a key-signing key that does not sign yet."""
        ...

    def activate_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:
        """Let a key sign."""
        ...

    def retire_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:
        """Let a key sign no longer, and remove it."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What is true of every zone of an adapter. `guard` says in a few words how a write is kept off a zone that changed."""

    guard: str
    types: frozenset[str]
    publishes: Literal["dns", "none"] = "dns"
    writes: bool = True
    """False: nothing is ever written here; every change becomes a step for a person."""
    signs: bool = False
    """Whether zones can be signed through it (`Reader.signer`)."""
    keeps_servers: bool = False
    """Whether a zone has the same name servers (`Reader.name_servers`) for as long as it has its id."""
    lists: bool = False
    """Whether whole zones can be looked through: then its readers are `Lister` too."""


class Options(BaseModel):
    """The base of an adapter's options in the manifest: keys that it does not name are errors there.

    `propagation` and `max_zone_ttl` are for whoever plans waits; an adapter whose servers cut TTLs gives `canonical` by
    `max_zone_ttl`. An option `credential` is a
    label under the manifest's `credentials:`, and `tenant` beside it the tenant that it is for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: str
    propagation: Duration = Field(
        timedelta(minutes=5),
        description="the time from an accepted write to the last server that serves it, such as 5m or 1h30m",
        examples=["5m"],
        json_schema_extra={"default": "5m"},
    )
    max_zone_ttl: Duration | None = Field(
        None, description="the highest TTL of any record in a zone, such as 24h or 7d", examples=["24h"]
    )


class SecretOption(BaseModel):
    """Where an adapter's secret is to be had: an environment variable or a file. A literal is an error in the manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    env: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> SecretOption:
        if (self.env is None) == (self.file is None):
            msg = "name either env or file"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class Served:
    """What every authoritative server of a zone answers alike for one key: the set, and whether its owner exists at all."""

    held: Live
    owner_exists: bool


class Lookup(Protocol):
    """Public DNS, asked at the authoritative servers themselves. Each call raises `Unavailable` where it cannot tell."""

    def zone_of(self, name: Name) -> Name:
        """Give the apex of the zone that a name lies in, as it is delegated."""
        ...

    def delegation(self, zone: Name) -> Mapping[Name, frozenset[str]]:
        """Give the name servers that the parent names for a zone, each with its addresses."""
        ...

    def addresses(self, host: Name) -> frozenset[str]:
        """Give the addresses of a host; empty: it has none."""
        ...

    def served(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Served]:
        """Ask every address of every delegated server; servers that disagree or do not answer are `Unavailable`.

        Addresses that each server makes up for itself (an alias of its own) are irregular; a serial may lag behind.
        """
        ...


class _NoLookup:
    """What stands in where nobody gave a way to ask DNS."""

    def _refuse(self, *_: object) -> NoReturn:
        raise Unavailable("DNS cannot be asked", "Nobody said how.", "Open the provider by a manifest.")

    zone_of = delegation = addresses = served = _refuse


class Token(Protocol):
    """A bearer token (RFC 6750)."""

    @property
    def token(self) -> str:
        """The token itself."""
        ...


class TokenSource(Protocol):
    """A login to Microsoft Entra: azure-core's `TokenCredential`, as far as adapters use it."""

    def get_token(self, *scopes: str) -> Token:
        """Give a token that is good for some minutes at least. Raises `Problem`."""
        ...


def _no_login(_label: str, _tenant: str | None, _cloud: str) -> TokenSource:
    raise AuthFailed(
        "There is no login to be had", "Nobody said how a credential is opened.", "Open the provider by a manifest."
    )


def _no_secret(_: SecretOption) -> str:
    raise AuthFailed("There is no secret to be had", "Nobody said how a secret is read.", "Open the provider by a manifest.")


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter is handed beside its options: the folder that relative paths count from, and the time in UTC.

    `reveal` reads a secret when it is needed, `lookup` asks public DNS. `limiters` and `meter` are the run's: every request
    goes through the account's limiter and is counted by its operation. `credential` opens a login by the manifest's label,
    for a tenant (None: the credential's own) in a cloud.
    """

    folder: Path
    now: Callable[[], datetime]
    reveal: Callable[[SecretOption], str] = _no_secret
    lookup: Lookup = field(default_factory=_NoLookup)
    limiters: Limiters = field(default_factory=Limiters)
    meter: Meter = field(default_factory=Meter)
    credential: Callable[[str, str | None, str], TokenSource] = _no_login


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
