"""Signing zones at Azure DNS: one configuration a zone, whose making and removing are long-running operations.

The keys are Azure's: the API has no call to add, activate or retire one.
https://learn.microsoft.com/azure/dns/dnssec and
https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import NoReturn

from plans.values import Ds, ZoneRef
from providers.azure.arm import SUCCESS, Answer, Arm, Json, Method, senseless
from providers.contract import Outcome, ProviderError, SigningState, Status, Throttled, Unavailable, Unsupported, ZoneKey

_READ, _SIGN, _UNSIGN = "read signing", "sign zones", "unsign zones"
_POLL = 10.0  # seconds, where Azure does not say
_DONE, _FAILED = "succeeded", {"failed", "canceled"}
_SERVING = {"succeeded", "updating"}


def is_signed(arm: Arm, path: str) -> bool:
    """Whether a zone, by its path, is signed by now. Raises `ProviderError`."""
    found = arm.find(_config(path), _READ)
    return found is not None and _state(found.body) in _SERVING


@dataclass(frozen=True, slots=True)
class AzureSigner:
    """Signs the zones of one provider; `path` gives a zone's path, `forget` is told of a zone whose signing may change."""

    arm: Arm
    path: Callable[[ZoneRef], str]
    forget: Callable[[str], None]

    def state(self, zone: ZoneRef) -> SigningState:
        """Read how a zone is signed."""
        found = self._found(zone)
        if found is None:
            return SigningState(signed=False, keys=(), ds=())
        try:
            held = found.body["properties"].get("signingKeys") or []
            keys = tuple(_key(key) for key in held)
            ds = sorted({_ds(key, info) for key in held for info in key.get("delegationSignerInfo") or []})
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise senseless(_READ, f"zone {zone.name}: {error!r}") from error
        return SigningState(signed=_state(found.body) in _SERVING, keys=keys, ds=tuple(ds))

    def sign(self, zone: ZoneRef) -> Outcome:
        """Turn signing on, and wait some minutes until it is; `UNKNOWN` where that was not long enough."""
        self.forget(zone.id)
        found = self._found(zone)
        state = _state(found.body) if found else ""
        if state == _DONE:
            return Outcome(Status.WRITTEN, "the zone was signed before")
        if found and state not in _FAILED:
            return self._follow(zone, found, wanted=True)
        guard = {"If-Match": str(found.body.get("etag"))} if found else {"If-None-Match": "*"}
        return self._start("PUT", zone, guard, wanted=True)

    def unsign(self, zone: ZoneRef) -> Outcome:
        """Turn signing off, and wait some minutes until it is; `UNKNOWN` where that was not long enough."""
        self.forget(zone.id)
        found = self._found(zone)
        if found is None:
            return Outcome(Status.WRITTEN, "the zone was not signed")
        return self._start("DELETE", zone, {"If-Match": str(found.body.get("etag"))}, wanted=False)

    def add_key(self, zone: ZoneRef) -> ZoneKey:
        """Refuse: Azure has no such call."""
        _unsupported(zone)

    def activate_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:  # noqa: ARG002 - the contract's signature
        """Refuse: Azure has no such call."""
        _unsupported(zone)

    def retire_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:  # noqa: ARG002 - the contract's signature
        """Refuse: Azure has no such call."""
        _unsupported(zone)

    def _found(self, zone: ZoneRef) -> Answer | None:
        path = self.path(zone)
        found = self.arm.find(_config(path), _READ)
        if found is None:
            self.arm.get(path, "read zones")  # only a zone that is there is unsigned
        return found

    def _start(self, method: Method, zone: ZoneRef, guard: dict[str, str], *, wanted: bool) -> Outcome:
        doing = _SIGN if wanted else _UNSIGN
        try:
            answer = self.arm.once(method, _config(self.path(zone)), doing, guard)
        except Throttled:
            raise
        except Unavailable as error:
            return self._unclear(zone, error.detail, wanted=wanted)
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            return Outcome(Status.CONFLICT, "somebody else changed how the zone is signed")
        if answer.status not in SUCCESS:
            failure = self.arm.failure(answer, doing)
            if isinstance(failure, Unavailable):
                return self._unclear(zone, failure.detail, wanted=wanted)
            raise failure
        if not wanted and answer.status != HTTPStatus.ACCEPTED:
            return Outcome(Status.WRITTEN)
        return self._follow(zone, answer, wanted=wanted)

    def _unclear(self, zone: ZoneRef, why: str, *, wanted: bool) -> Outcome:
        """Look at what is there, for the answer was lost; what is not there may still come."""
        try:
            found = self._found(zone)
        except ProviderError as error:
            return Outcome(Status.UNKNOWN, f"{why}; then {error.detail}")
        if not wanted:
            return Outcome(Status.UNKNOWN, why) if found else Outcome(Status.WRITTEN, f"seen by reading: {why}")
        return self._follow(zone, found, wanted=True) if found else Outcome(Status.UNKNOWN, why)

    def _follow(self, zone: ZoneRef, answer: Answer, *, wanted: bool) -> Outcome:
        """Ask how the operation is going, at the address that Azure gave for it, else by looking at the zone."""
        patience = self.arm.patience
        addresses = (answer.headers.get(header, "") for header in ("azure-asyncoperation", "location"))
        address = next((url for url in addresses if url and self.arm.owns(url)), "")
        ends = patience.clock() + patience.operation
        state = _state(answer.body) if wanted else ""
        while state != _DONE:
            if state in _FAILED:
                return Outcome(Status.REJECTED, f"the operation {state}: {self.arm.failure(answer, _SIGN).detail}")
            wait = self.arm.retry_after(answer) or _POLL
            if patience.clock() + wait > ends:
                return Outcome(Status.UNKNOWN, f"Azure is still at it after {patience.operation:.0f} seconds")
            patience.sleep(wait)
            try:
                polled = self._polled(address) if address else None
                if polled is None:
                    address = ""
                    polled = self._at_the_zone(zone, wanted=wanted)
            except ProviderError as error:
                return Outcome(Status.UNKNOWN, error.detail)
            answer, state = polled
        return Outcome(Status.WRITTEN)

    def _polled(self, address: str) -> tuple[Answer, str] | None:
        """Read an operation's status; None: this account is not told."""
        try:
            answer = self.arm.find(address, "follow operations")
        except Unavailable:
            raise
        except ProviderError:
            return None
        if answer is None:
            return None
        told = str(answer.body.get("status") or "").lower()
        running = "running" if answer.status == HTTPStatus.ACCEPTED else _DONE
        return answer, told or running

    def _at_the_zone(self, zone: ZoneRef, *, wanted: bool) -> tuple[Answer, str]:
        found = self._found(zone)
        if wanted:
            return (found, _state(found.body)) if found else (Answer(HTTPStatus.NOT_FOUND), "running")
        return (found, "running") if found else (Answer(HTTPStatus.NOT_FOUND), _DONE)


def _config(path: str) -> str:
    return f"{path}/dnssecConfigs/default"


def _state(body: Json) -> str:
    properties = body.get("properties")
    return str(properties.get("provisioningState") or "").lower() if isinstance(properties, dict) else ""


def _key(held: Json) -> ZoneKey:
    tag, algorithm, flags = (held[member] for member in ("keyTag", "securityAlgorithmType", "flags"))
    if not all(isinstance(number, int) for number in (tag, algorithm, flags)):
        msg = "a key's numbers are no numbers"
        raise TypeError(msg)
    return ZoneKey(str(tag), tag, algorithm, flags, held["publicKey"], active=True)


def _ds(key: Json, info: Json) -> Ds:
    return Ds(key["keyTag"], key["securityAlgorithmType"], info["digestAlgorithmType"], info["digestValue"].lower())


def _unsupported(zone: ZoneRef) -> NoReturn:
    raise Unsupported(
        f"the keys of zone {zone.name} cannot be changed",
        f"provider {zone.provider}: Azure's API has no call to add, activate or retire a key",
        "leave the keys to Azure",
    )
