"""What the Cloudflare API answers with, as far as the adapter looks at it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Row(_Part):
    """One DNS record; names are absolute and have no final dot. A number may come as 1.0, and is an integer here."""

    id: str
    name: str
    type: str
    ttl: int
    content: str | None = None
    priority: int | None = None
    data: dict[str, Any] | None = None
    proxied: bool | None = None
    modified_on: str | None = None
    meta: dict[str, Any] | None = None

    @property
    def is_locked(self) -> bool:
        """Whether another of Cloudflare's services keeps it, as Email Routing keeps its MX: the API refuses to change it."""
        return (self.meta or {}).get("read_only") is True


class Account(_Part):
    """The account that a zone belongs to."""

    id: str


class Plan(_Part):
    """What is paid for a zone; `legacy_id` is the plan's name in lower case."""

    legacy_id: str | None = None


class ZoneRow(_Part):
    """A zone; a `secondary` one takes its records from elsewhere."""

    id: str
    name: str
    account: Account
    status: str | None = None
    type: str | None = None
    plan: Plan = Plan()
    name_servers: list[str] | None = None
    vanity_name_servers: list[str] | None = None


class BatchRows(_Part):
    """The records that a batch deleted, changed and made."""

    deletes: list[Row] | None = None
    patches: list[Row] | None = None
    posts: list[Row] | None = None


class Dnssec(_Part):
    """How a zone is signed. `modified_on` tells a zone that is still signed from one that is not, where both are disabled."""

    status: str
    modified_on: str | None = None
    ds: str | None = None
    key_tag: int | None = None
    algorithm: int | None = None
    flags: int | None = None
    public_key: str | None = None


class ResultInfo(_Part):
    """How much there is in all."""

    total_count: int


class Fault(_Part):
    """One thing that the API complains of; the chain has what is behind it."""

    code: int
    message: str
    error_chain: list[Fault] = []


class Failure(_Part):
    """An answer that says no."""

    success: bool
    errors: list[Fault] = Field(min_length=1)


class Answer(_Part, Generic[T]):
    """An answer that holds what was asked for."""

    success: bool
    result: T


class Page(_Part, Generic[T]):
    """A part of a list."""

    success: bool
    result: list[T]
    result_info: ResultInfo
