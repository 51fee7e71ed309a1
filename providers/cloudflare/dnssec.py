"""How Cloudflare signs a zone: with one key of its own, which nobody else adds, activates or retires.

States: https://developers.cloudflare.com/dns/dnssec/dnssec-states/. A zone whose signing was disabled is signed on, so
that whoever still has its DS in a cache is served; only once Cloudflare sees no DS at the parent can its key be deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from plans.values import Ds, ZoneRef, parse_value
from providers.cloudflare.api import Api
from providers.cloudflare.errors import Lost, Unreadable
from providers.cloudflare.rows import Dnssec
from providers.cloudflare.zones import Directory
from providers.contract import Outcome, Rejected, SigningState, Status, Unsupported, ZoneKey

_ON = {"active", "pending"}
_STATES = {*_ON, "pending-disabled", "disabled"}
_DS_PARTS = 4


class CloudflareSigner:
    """Signing of the zones of one provider."""

    def __init__(self, label: str, directory: Directory, api: Api) -> None:
        self._label = label
        self._directory = directory
        self._api = api

    def state(self, zone: ZoneRef) -> SigningState:
        """Read how a zone is signed. Raises `ProviderError`."""
        self._directory.facts(zone)
        found = self._api.dnssec(zone.id, zone.name)
        if found.status not in _STATES:
            raise self._senseless(zone, f"the state is {found.status!r}")
        if not _is_signed(found):
            return SigningState(signed=False, keys=(), ds=())
        try:
            return SigningState(signed=True, keys=_keys(found), ds=_delegation(found))
        except ValueError as error:
            raise self._senseless(zone, str(error)) from error

    def sign(self, zone: ZoneRef) -> Outcome:
        """Turn signing on: the zone is signed at once, whether or not there is a DS at the parent. Raises `ProviderError`."""
        self._directory.facts(zone)
        return _told(lambda: self._on(zone))

    def unsign(self, zone: ZoneRef) -> Outcome:
        """Turn signing off, and delete the key if Cloudflare sees no DS at the parent. Raises `ProviderError`."""
        if not self.state(zone).signed:
            return Outcome(Status.WRITTEN)
        return _told(lambda: self._off(zone))

    def add_key(self, zone: ZoneRef) -> ZoneKey:
        """Raise `Unsupported`."""
        self._refuse(zone)

    def activate_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:  # noqa: ARG002 - the contract's parameter
        """Raise `Unsupported`."""
        self._refuse(zone)

    def retire_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:  # noqa: ARG002 - the contract's parameter
        """Raise `Unsupported`."""
        self._refuse(zone)

    def _on(self, zone: ZoneRef) -> Outcome:
        found = self._api.set_dnssec(zone.id, zone.name, active=True)
        if found.status in _ON:
            return Outcome(Status.WRITTEN)
        return Outcome(Status.UNKNOWN, f"Cloudflare took it and says {found.status}")

    def _off(self, zone: ZoneRef) -> Outcome:
        found = self._api.set_dnssec(zone.id, zone.name, active=False)
        if found.status == "pending-disabled":
            return Outcome(
                Status.WRITTEN, "Cloudflare still sees the DS at the parent, and signs on; once it is gone, do this again"
            )
        if found.status != "disabled":
            return Outcome(Status.UNKNOWN, f"Cloudflare took it and says {found.status}")
        try:
            self._api.delete_dnssec(zone.id, zone.name)
        except (Lost, Unreadable):
            if _is_signed(self._api.dnssec(zone.id, zone.name)):
                raise
        return Outcome(Status.WRITTEN)

    def _refuse(self, zone: ZoneRef) -> NoReturn:
        raise Unsupported(
            f"the keys of zone {zone.name} are not ours to choose",
            f"provider {self._label}: Cloudflare signs a zone with one key and rolls it by itself",
            "leave the key as it is",
        )

    def _senseless(self, zone: ZoneRef, reason: str) -> Rejected:
        return Rejected(
            f"what Cloudflare says of the signing of zone {zone.name} makes no sense",
            f"provider {self._label}: {reason}",
            "look at DNS > Settings of the zone at Cloudflare, and report it",
        )


def _told(act: Callable[[], Outcome]) -> Outcome:
    try:
        return act()
    except (Lost, Unreadable) as error:
        return Outcome(Status.UNKNOWN, error.detail)
    except Rejected as error:
        return Outcome(Status.REJECTED, error.detail)


def _is_signed(found: Dnssec) -> bool:
    """Disabled zones are signed until their key is deleted; then there is no date either."""
    return found.status != "disabled" or found.modified_on is not None


def _keys(found: Dnssec) -> tuple[ZoneKey, ...]:
    if found.key_tag is None or found.algorithm is None or found.flags is None or not found.public_key:
        if found.status in _ON:
            msg = "the zone is signed and its key is not told"
            raise ValueError(msg)
        return ()
    return (ZoneKey(str(found.key_tag), found.key_tag, found.algorithm, found.flags, found.public_key, active=True),)


def _delegation(found: Dnssec) -> tuple[Ds, ...]:
    """Give the DS that the parent should hold: of a zone that is being unsigned none. `ds` is a line of a master file."""
    if found.status not in _ON:
        return ()
    value = parse_value("DS", " ".join((found.ds or "").split()[-_DS_PARTS:]))
    return (value,) if isinstance(value, Ds) else ()
