"""A partner's customers as Microsoft Graph lists them: one listing, and no question to any customer."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, assert_never

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from plans.desired import Source
from plans.microsoft import is_onmicrosoft
from plans.values import Name, labels, name
from provisioner.desired.answer import Reading
from provisioner.desired.asking import Sleep
from provisioner.desired.clouds import Endpoint
from provisioner.desired.credential import Login
from provisioner.desired.foreign_text import plain
from provisioner.desired.pages import PATIENCE, TIMEOUT, Pages, Talk
from provisioner.desired.refusals import Need, Refusals
from provisioner.manifest.model import Listing, Partner

_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_Guid = Annotated[str, StringConstraints(pattern=_GUID, to_lower=True)]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's tenant by its GUID (lower case), and what it was called when it was listed.

    `domain` is its default domain as it was when the partnership began, nothing newer. None: the list has none.
    """

    guid: str
    domain: Name | None = None
    title: str = ""


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    title: Annotated[str | None, Field(alias="displayName")] = None
    domain: Annotated[str | None, Field(alias="defaultDomainName")] = None


class _Contract(_Row):
    guid: Annotated[_Guid, Field(alias="customerId")]


class _DelegatedAdminCustomer(_Row):
    guid: Annotated[_Guid, Field(alias="tenantId")]


@dataclass(frozen=True, slots=True)
class _List:
    """A list: its path, how its rows are read, and what one needs to read them."""

    path: str
    row: type[_Contract | _DelegatedAdminCustomer]
    need: Need


def _list(listing: Listing) -> _List:
    match listing:
        case Listing.CONTRACTS:
            path = "/contracts?$select=customerId,defaultDomainName,displayName&$top=999"
            return _List(path, _Contract, Need("list the customers", "Directory.Read.All", "Directory Readers"))
        case Listing.DELEGATED_ADMIN:
            path = "/tenantRelationships/delegatedAdminCustomers?$select=tenantId,displayName&$top=300"
            need = Need("list the customers", "DelegatedAdminRelationship.Read.All", "Admin agent of the partner")
            return _List(path, _DelegatedAdminCustomer, need)
        case _:
            assert_never(listing)


def customers(
    partner: Partner,
    endpoint: Endpoint,
    login: Login,
    now: datetime,
    *,
    sleep: Sleep = asyncio.sleep,
    timeout: float = TIMEOUT,
    patience: float = PATIENCE,
) -> tuple[Customer, ...]:
    """Give a partner's customers by GUID, ascending; one with several contracts is one customer.

    `now`, `sleep`, `timeout` and `patience` are as for a `GraphSource`.
    https://learn.microsoft.com/graph/api/contract-list,
    https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadmincustomers

    Raises:
        Problem: the list is refused, or cannot be read to its end.

    """
    asked = _list(partner.discover)
    tenant = partner.tenant
    reading = Reading(Source(tenant.label, endpoint.root), tenant.cloud, now)
    pages = Pages(endpoint, login, Refusals(tenant, login, patience, asked.need), reading, sleep, timeout)
    with pages.conversation() as talk:
        found = talk.loop.run(_gather(talk, pages, asked))
    return tuple(found[guid] for guid in sorted(found))


async def _gather(talk: Talk, pages: Pages, asked: _List) -> dict[str, Customer]:
    found: dict[str, Customer] = {}
    number = 0
    async for page in pages.each(talk.asker, f"{pages.endpoint.base}{asked.path}"):
        for row in page:
            customer = _read(row, asked, pages.reading, number)
            found[customer.guid] = min(found.get(customer.guid, customer), customer, key=_in_words)
            number += 1
    return found


def _read(row: object, asked: _List, reading: Reading, number: int) -> Customer:
    where = f"{asked.path.partition('?')[0].removeprefix('/')}, value[{number}]"
    try:
        read = asked.row.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise reading.problem(first["msg"], f"{where}{f'.{place}' if place else ''}") from None
    return Customer(read.guid, _domain(read.domain), plain(read.title or ""))


def _domain(text: str | None) -> Name | None:
    """Read a default domain, which is no more than a word to call the customer by."""
    try:
        return name(text) if text else None
    except ValueError:
        return None


def _in_words(customer: Customer) -> tuple[bool, str, str]:
    """Order what contracts of one customer say of it, whichever way they come: one with a domain first."""
    return customer.domain is None, customer.domain or "", customer.title


def labelled(found: Collection[Customer], taken: Collection[str]) -> Mapping[str, Customer]:
    """Give customers by labels, ascending: the default domain, of Microsoft's own the part that the customer chose.

    One that has no domain, or the word of another customer or of the manifest (`taken`), has its GUID in its label: so a label
    does not depend on the order in which customers are listed.
    """
    words = {customer.guid: _word(customer) for customer in found}
    often = Counter(words.values())
    made: dict[str, Customer] = {}
    for customer in found:
        word = words[customer.guid]
        is_its_own = word and often[word] == 1 and word not in taken
        made[word if is_its_own else "-".join(part for part in (word, customer.guid) if part)] = customer
    return dict(sorted(made.items()))


def _word(customer: Customer) -> str:
    if customer.domain is None:
        return ""
    word = labels(customer.domain)[0] if is_onmicrosoft(customer.domain) else customer.domain.rstrip(".")
    return word if _WORD.match(word) else ""
