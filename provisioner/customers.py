"""The customers of partners: each is a tenant that is looked at, and nothing of it is changed before the manifest lists it.

A label is made of what a customer calls itself, so that no entry of a manifest may refer to it: whoever takes a customer over
writes its tenant's GUID under `tenants:`, as `discover` prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from plans.desired import Subject, SubjectKind
from plans.microsoft import is_onmicrosoft
from plans.plan import NOT_LISTED, Entry, Filters
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.values import Name
from providers.in_order import all_in_order
from provisioner.desired.problems import ConsentMissing
from provisioner.desired.source import DesiredSource
from provisioner.fleet import Fleet
from provisioner.managed import AT_ONCE, passes
from provisioner.manifest.model import LiveTenant, Partner

_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class CustomerTenant:
    """A customer's tenant, under the label that was made for it. `title` is what the partner's list calls the customer."""

    tenant: LiveTenant
    partner: Partner
    title: str

    def __str__(self) -> str:
        title = f" ({self.title})" if self.title else ""
        return f"tenant {self.tenant.label}{title}, a customer of {self.partner.tenant.label}"


@dataclass(frozen=True, slots=True)
class Listed:
    """What a partner's list came to: customers that the manifest does not name, by label; or why it tells of none."""

    partner: Partner
    customers: tuple[CustomerTenant, ...] = ()
    problem: Problem | None = None


class Customers:
    """The customers of the partners that a manifest names, without those whose tenant it names itself."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        live = (tenant for tenant in fleet.manifest.tenants.values() if isinstance(tenant, LiveTenant))
        self._ids = {_folded(tenant.id) for tenant in live}  # GUIDs, and domain names of tenants
        self._listed = {domain.name for domain in fleet.manifest.domains}

    def lists(self) -> Iterator[Listed]:
        """Ask each partner's list, by label; a customer of two partners is given once. No customer is asked."""
        manifest = self._fleet.manifest
        taken, seen = {*manifest.tenants, *manifest.partners}, set[str]()
        for _, partner in sorted(manifest.partners.items()):
            from provisioner.desired.partners import labelled  # noqa: PLC0415 - most manifests name no partner

            try:
                found = self._fleet.customers(partner)
            except Problem as problem:
                yield Listed(partner, problem=problem)
                continue
            new = [one for one in found if one.guid not in seen and not self._names(one.guid, one.domain or "")]
            seen |= {one.guid for one in new}
            made = labelled(new, taken)
            taken |= made.keys()
            tenants = (CustomerTenant(partner.customer(label, one.guid), partner, one.title) for label, one in made.items())
            yield Listed(partner, tuple(tenants), None if found else _nobody(partner))

    def ask(
        self, customers: Sequence[CustomerTenant], question: Callable[[DesiredSource], _Told]
    ) -> Iterator[tuple[CustomerTenant, _Told | Problem]]:
        """Ask customers, some at a time, and give each with what it told or why it could not, in their order.

        Nothing of a customer is kept but what `question` gives.
        """

        def told(customer: CustomerTenant) -> _Told | Problem:
            try:
                return question(self._fleet.passing_source(customer.tenant))
            except Problem as problem:
                return problem

        yield from all_in_order(told, customers, AT_ONCE)

    def new_domains(self, source: DesiredSource) -> tuple[Name, ...]:
        """Give what a customer holds, ascending, of which Microsoft does not run the DNS and which the manifest does not list.

        A customer that holds the domain by which the manifest names a tenant is that tenant: nothing of it is new.

        Raises:
            Problem: they cannot be listed.

        """
        held = source.domains()
        if self._names(*held):
            return ()
        return tuple(name for name in held if name not in self._listed and not is_onmicrosoft(name))

    def has_all(self, globs: Sequence[str]) -> bool:
        """Whether some globs are names that the manifest lists: then no other domain passes them."""
        return bool(globs) and all(_folded(glob) + "." in self._listed for glob in globs)

    def _names(self, *ids: str) -> bool:
        """Whether the manifest names a tenant by any of these."""
        return any(_folded(one) in self._ids for one in ids)


def _folded(id_: str) -> str:
    return id_.lower().rstrip(".")


def _nobody(partner: Partner) -> Problem:
    tenant = partner.tenant
    return Problem(
        f"Microsoft Graph lists no customer of partner {tenant.label}",
        f"{tenant.where}: the list {partner.discover} of tenant {tenant.id} is empty; only a partner's own tenant has any.",
        "Correct the partner's `tenant` or `discover` in the manifest, or remove the partner.",
    )


def entries(fleet: Fleet, filters: Filters, consents: MutableMapping[str, str]) -> Iterator[Entry]:
    """Give what a plan tells of customers: a notice for each domain that is not listed, and what could not be read.

    What cannot be read of a customer stops nothing, for nothing of it is managed. `consents` gets the page on which an
    administrator consents, of each tenant that lacks it. Filters that no such domain can pass leave all of them unasked.
    """
    customers = Customers(fleet)
    if customers.has_all(filters.domains):
        return
    told: set[Name] = set()
    for one in customers.lists():
        if one.problem:
            yield _unread(one.partner.tenant, "partner-unreadable", one.problem, Severity.ERROR, consents)
        for customer, found in customers.ask(one.customers, customers.new_domains):
            if isinstance(found, Problem):
                yield _unread(customer.tenant, "customer-unreadable", found, Severity.WARNING, consents)
                continue
            new = [name for name in found if name not in told and passes(name, filters)]
            told.update(new)
            yield from (_entry(name, customer) for name in new)


def _entry(name: Name, customer: CustomerTenant) -> Entry:
    subject, label = Subject(name), customer.tenant.label
    what = f"The manifest does not list it, so nothing of it is changed: {customer} holds it."
    mend = f"See what to add to the manifest:  provisioner discover --tenant {label}"
    return Entry(subject, label, (Finding(Severity.NOTICE, NOT_LISTED, subject, what, mend),))


def _unread(tenant: LiveTenant, code: str, problem: Problem, severity: Severity, consents: MutableMapping[str, str]) -> Entry:
    if isinstance(problem, ConsentMissing):
        consents[tenant.label] = problem.url
        code = "consent-missing"
    subject = Subject(Name(tenant.label), SubjectKind.TENANT)
    return Entry(subject, tenant.label, (Finding.failed(subject, code, problem, severity),))
