"""Of which domains public DNS shows that nothing is to do, so that nobody need ask their providers anything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from plans.desired import Desired, Dnssec
from plans.values import Name, ancestors, labels
from provisioner.choosing import candidates
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.manifest.model import Domain

if TYPE_CHECKING:
    from provisioner.dns import PublicLookup

Right = Callable[[Collection[Desired]], frozenset[Name]]
"""Says of which domains the MX is right, as the servers of their zones tell."""


def seen_in_dns(fleet: Fleet, domains: Collection[Domain], kept: Kept) -> frozenset[Name]:
    """Give the domains of which public DNS can show that nothing is to do.

    Their MX is all that is wanted of them, no rollout of theirs is open, and what their provider holds is served. None lies in
    a zone whose signing is ours: all that lies there is needed to judge that.
    """
    signed = {zone for domain in domains if domain.dnssec is not Dnssec.KEEP for zone in _zones(domain.name)}
    providers = fleet.manifest.providers
    unseen = {label for label, one in providers.items() if one.adapter.capabilities.publishes == "none"}
    unnamed = set(candidates(providers))

    def is_seen(domain: Domain) -> bool:
        held_by = {domain.provider.label} if domain.provider else unnamed
        more = domain.staged or domain.dane or domain.subject in kept.opened
        return not more and not held_by & unseen and not (signed and signed & _zones(domain.name))

    return frozenset(domain.name for domain in domains if is_seen(domain))


@contextmanager
def observer(fleet: Fleet, names: Collection[Name]) -> Iterator[Right]:
    """Give who says of which domains the MX is right, but for domains that are not among the names."""
    if not names:
        yield lambda _: frozenset()
        return
    from plans.observation import in_sync  # noqa: PLC0415 - whoever asks providers starts faster

    with cast("PublicLookup", fleet.lookup).survey() as survey:

        def right(wanted: Collection[Desired]) -> frozenset[Name]:
            asked = {one.rrsets[0].key: one for one in wanted if one.subject.name in names}
            return frozenset(told.key.owner for told in survey.observe(asked) if in_sync(asked[told.key], told))

        yield right


def _zones(name: Name) -> frozenset[Name]:
    """Give the zones that a name may lie in; a registry's is none of ours."""
    return frozenset(zone for zone in (name, *ancestors(name)) if len(labels(zone)) > 1)
