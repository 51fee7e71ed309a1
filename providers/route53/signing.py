"""Signing zones (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-configuring-dnssec.html).

A zone has up to two key-signing keys, each made from a KMS key of its own. Every step first looks whether it is already done,
and after an answer that was lost looks again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plans.values import Ds, ZoneRef, parse_value
from providers.aws.errors import Lost, Refused
from providers.contract import Outcome, ProviderError, Rejected, SigningState, Status, Unsupported, ZoneKey
from providers.route53.client import Client
from providers.route53.zones import Zones

_SIGNS = {"SIGNING": True, "DELETING": True, "NOT_SIGNING": False}
"""While signing is being removed, signatures may still be served. A state that is not named here is a fault to be mended."""

_MENDS = {
    "HostedZonePartiallyDelegated": "the parent's name servers are not the zone's",
    "InvalidKMSArn": "the KMS key must be ECC_NIST_P256, sign and verify, in us-east-1, open to dnssec-route53.amazonaws.com",
    "KeySigningKeyInParentDSRecord": "the parent still has a DS of that key",
    "KeySigningKeyInUse": "it is the last key of a zone that is signed",
}


@dataclass(frozen=True, slots=True)
class _Held:
    """One answer of GetDNSSEC: the state, and which KMS keys the zone has in use."""

    state: SigningState
    kms_keys: frozenset[str]

    def key(self, key_id: str) -> ZoneKey | None:
        return next((key for key in self.state.keys if key.id == key_id), None)


@dataclass(frozen=True, slots=True)
class ZoneSigner:
    """Signs zones, with the KMS keys of the provider's options."""

    client: Client
    zones: Zones
    kms_keys: Sequence[str]

    def state(self, zone: ZoneRef) -> SigningState:
        """Read how a zone is signed; the DS are those of its active keys. Raises `ProviderError`."""
        return self._held(zone).state

    def sign(self, zone: ZoneRef) -> Outcome:
        """Turn signing on; a zone without an active key gets one. Raises `ProviderError`, `Unsupported` without a KMS key."""
        held = self._held(zone)
        if held.state.signed:
            return Outcome(Status.WRITTEN, "it is signed already")
        if not any(key.active for key in held.state.keys):
            waiting = next(iter(held.state.keys), None)
            outcome = self._create(zone, held, "ACTIVE") if waiting is None else self.activate_key(zone, waiting)
            if outcome.status is not Status.WRITTEN:
                return outcome
        return self._do("EnableHostedZoneDNSSEC", zone, lambda now: now.state.signed)

    def unsign(self, zone: ZoneRef) -> Outcome:
        """Turn signing off; the keys stay. Raises `ProviderError`."""
        if not self._held(zone).state.signed:
            return Outcome(Status.WRITTEN, "it is not signed")
        return self._do("DisableHostedZoneDNSSEC", zone, lambda now: not now.state.signed)

    def add_key(self, zone: ZoneRef) -> ZoneKey:
        """Add a key from the first KMS key that the zone does not use. Raises `ProviderError`, `Unsupported` without one."""
        before = self._held(zone)
        outcome = self._create(zone, before, "INACTIVE")
        known = {key.id for key in before.state.keys}
        added = [key for key in self._held(zone).state.keys if key.id not in known]
        if len(added) != 1:
            raise Rejected(
                f"zone {zone.name} did not get one new key", f"provider {zone.provider}: {outcome.detail}", "Look at its keys."
            )
        return added[0]

    def activate_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:
        """Let a key sign. Raises `ProviderError`."""
        return self._on_key("ActivateKeySigningKey", zone, key, lambda now: now is not None and now.active)

    def retire_key(self, zone: ZoneRef, key: ZoneKey) -> Outcome:
        """Let a key sign no longer, and remove it. Raises `ProviderError`."""
        if self._held(zone).key(key.id) is None:
            return Outcome(Status.WRITTEN, "there is no such key any more")
        outcome = self._on_key("DeactivateKeySigningKey", zone, key, lambda now: now is None or not now.active)
        if outcome.status is not Status.WRITTEN:
            return outcome
        return self._do("DeleteKeySigningKey", zone, lambda now: now.key(key.id) is None, Name=key.id)

    def _held(self, zone: ZoneRef) -> _Held:
        self.zones.require(zone)
        answer = self.client.read("GetDNSSEC", HostedZoneId=zone.id)
        status = answer["Status"]
        serves = status.get("ServeSignature", "")
        if serves not in _SIGNS:
            detail = f"provider {zone.provider}: {serves} {status.get('StatusMessage', '')}".rstrip()
            raise Rejected(
                f"the signing of zone {zone.name} is in trouble", detail, "Mend the zone's DNSSEC signing in Route 53."
            )
        try:
            keys = tuple(map(_key, answer["KeySigningKeys"]))
            active = [item for item in answer["KeySigningKeys"] if item["Status"] == "ACTIVE"]
            ds = tuple(sorted(one for item in active if isinstance(one := parse_value("DS", item["DSRecord"]), Ds)))
        except (KeyError, ValueError) as error:
            detail = f"provider {zone.provider}: {error}"
            raise Rejected(
                f"the keys of zone {zone.name} cannot be understood", detail, "Look at its keys in Route 53."
            ) from None
        in_use = frozenset(item["KmsArn"] for item in answer["KeySigningKeys"] if "KmsArn" in item)
        return _Held(SigningState(_SIGNS[serves], keys, ds), in_use)

    def _create(self, zone: ZoneRef, held: _Held, status: str) -> Outcome:
        kms_key = next((key for key in self.kms_keys if key not in held.kms_keys), None)
        if kms_key is None:
            raise Unsupported(
                f"zone {zone.name} cannot get a key-signing key",
                f"provider {zone.provider} names no KMS key that the zone does not use already",
                "Add the ARN of a KMS key to `kms_key` of the provider.",
            )
        taken = {key.id for key in held.state.keys}
        name = next(name for number in range(1, len(taken) + 2) if (name := f"provisioner_{number}") not in taken)
        return self._do(
            "CreateKeySigningKey",
            zone,
            lambda now: now.key(name) is not None,
            Name=name,
            KeyManagementServiceArn=kms_key,
            Status=status,
            CallerReference=str(uuid.uuid4()),
        )

    def _on_key(self, operation: str, zone: ZoneRef, key: ZoneKey, done: Callable[[ZoneKey | None], bool]) -> Outcome:
        now = self._held(zone).key(key.id)
        if now is None or (now.tag, now.public_key) != (key.tag, key.public_key):
            return Outcome(Status.CONFLICT, f"the key {key.id} is not the one that was read")
        if done(now):
            return Outcome(Status.WRITTEN, "it is so already")
        return self._do(operation, zone, lambda held: done(held.key(key.id)), Name=key.id)

    def _do(self, operation: str, zone: ZoneRef, done: Callable[[_Held], bool], **parameters: object) -> Outcome:
        """Take a step; where the answer was lost, the zone itself tells whether it was taken."""
        try:
            self.client.write(operation, HostedZoneId=zone.id, **parameters)
        except Lost as error:
            try:
                known = done(self._held(zone))
            except ProviderError:
                known = False
            return Outcome(Status.WRITTEN, "the answer was lost; read back") if known else Outcome(Status.UNKNOWN, error.detail)
        except Refused as error:
            reason = f"{error.code}: {_MENDS.get(error.code, error.reason)}"
            return Outcome(Status.REJECTED, reason)
        return Outcome(Status.WRITTEN)


def _key(item: Mapping[str, Any]) -> ZoneKey:
    return ZoneKey(
        item["Name"],
        item["KeyTag"],
        item["SigningAlgorithmType"],
        item["Flag"],
        item["PublicKey"].replace(" ", ""),
        item["Status"] == "ACTIVE",
    )
