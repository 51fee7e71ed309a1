"""Changing the DS of a domain: each value by an operation of its own, which the registry carries out in its own time.

A DS is added by the public key that it is made from, so the key must already be served. New ones are added, and seen, before
old ones are removed.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Ds, Key, Name, RRset, ZoneRef
from providers.aws.client import Answer
from providers.aws.errors import Lost, Refused, harmless
from providers.contract import Lookup, Outcome, ProviderError, Status, Unsupported
from providers.route53_domains.client import Client
from providers.route53_domains.domains import REGISTRY_TTL, Domains, Held
from providers.zonedata import guard

OPERATION_SECONDS = 300.0
"""How long one operation is waited for. AWS does not say how long a registry takes; beyond this, only a later read tells."""

_FAILED = {"ERROR", "FAILED"}


def canonical(zone: ZoneRef, wanted: RRset) -> RRset:
    """Give the set with the TTL by which it will be read. Raises `Unsupported`.

    DS of other digest types may stand beside those that are made here: registrars made them once.
    """
    if wanted.key.type != "DS":
        reason = "a registrar holds DS alone"
    elif wanted.key.owner != zone.name:
        reason = "a registrar holds the DS of the registered domain alone"
    elif all(ds.digest_type != dns.dnssectypes.DSDigest.SHA256 for ds in _signers(wanted)):
        reason = "Route 53 Domains makes DS with a SHA-256 digest (type 2) alone, and none of these has one"
    else:
        return replace(wanted, ttl=REGISTRY_TTL)
    raise Unsupported(
        f"domain {zone.name} cannot hold {wanted.key}", f"provider {zone.provider}: {reason}", "Name another provider for it."
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """Changes the DS of domains."""

    client: Client
    domains: Domains
    lookup: Lookup

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make changes; more than one cannot be made, since a domain has one DS set. Raises `ProviderError`."""
        zone = base.zone
        self.domains.require(zone)
        for change in changes:
            if change.after is not None and change.after != canonical(zone, change.after):
                detail = f"provider {zone.provider}: the registry alone sets the TTL"
                raise Unsupported(f"domain {zone.name} cannot hold {change.key} so", detail, "Make a new plan.")
        now = self.domains.held(zone)
        if (refused := guard(base, now.live, changes)) is not None:
            return refused
        return {change.key: self._make(change, now) for change in changes}

    def _make(self, change: Change, now: Held) -> Outcome:
        added = _signers(change.after) - _signers(change.before)
        keys = self._served_keys(now.zone.name) if added else {}
        if missing := sorted(added - keys.keys()):
            made = "Route 53 Domains makes a DS from its key, with a SHA-256 digest"
            detail = f"{now.zone.name} serves no DNSKEY for the DS {missing[0]}: {made}"
            return Outcome(Status.REJECTED, detail)
        return _Exchange(self.client, self.domains, now).make(change, {ds: keys[ds] for ds in sorted(added)})

    def _served_keys(self, zone: Name) -> Mapping[Ds, Mapping[str, object]]:
        """Give the keys that every server of the domain serves, as the API takes them, by their DS. Raises `Unavailable`."""
        key = Key(zone, "DNSKEY")
        served = self.lookup.served(zone, [key])[key].held
        found: dict[Ds, Mapping[str, object]] = {}
        for value in served.values if isinstance(served, RRset) else ():
            rdata = cast("DNSKEY", dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DNSKEY, str(value)))
            ds = dns.dnssec.make_ds(dns.name.from_text(zone), rdata, "SHA256")
            found[Ds(ds.key_tag, int(ds.algorithm), int(ds.digest_type), ds.digest.hex())] = {
                "Algorithm": int(rdata.algorithm),
                "Flags": int(rdata.flags),
                "PublicKey": base64.b64encode(rdata.key).decode(),
            }
        return found


@dataclass(slots=True)
class _Exchange:
    """One change on its way. `now` is what was seen last, `touched` whether something may have been done already."""

    client: Client
    domains: Domains
    now: Held
    touched: bool = False

    def make(self, change: Change, added: Mapping[Ds, Mapping[str, object]]) -> Outcome:
        """Add the new values, then remove the old ones. Raises `ProviderError` where nothing was done."""
        wanted = _signers(change.after)
        for ds, attributes in added.items():
            if stopped := self._step("AssociateDelegationSignerToDomain", ds, there=True, SigningAttributes=attributes):
                return stopped
        for ds in sorted(_signers(change.before) - wanted):
            held = self.now.signers
            if ds not in held or not wanted <= held.keys():
                break
            if stopped := self._step("DisassociateDelegationSignerFromDomain", ds, there=False, Id=held[ds]):
                return stopped
        if self.now.live(change.key) == change.after:
            return Outcome(Status.WRITTEN)
        return Outcome(Status.UNKNOWN, f"somebody else changed the DS at the same time; {self._shown()}")

    def _step(self, operation: str, ds: Ds, *, there: bool, **parameters: object) -> Outcome | None:
        """Have an operation carried out, and wait until the DS is seen to be there, or not to be. None: it is so."""
        waiting = _Waiting(self.client)
        try:
            answer = self.client.write(operation, DomainName=self.now.zone.id, **parameters)
        except Lost as error:
            told = error.detail
        except Refused as error:
            if error.code != "DuplicateRequest":
                return self._refused(f"{error.code}: {error.reason}")
            told = "the same is being done already"
        except ProviderError as error:
            if not self.touched:
                raise
            return Outcome(Status.UNKNOWN, error.detail)
        else:
            status, told = self._ended(answer, waiting)
            if status in _FAILED:
                return self._refused(told)
        self.touched = True
        return self._seen(ds, there, waiting, told)

    def _ended(self, accepted: Answer, waiting: _Waiting) -> tuple[str, str]:
        """Wait for an operation; give its status, and that in words. What cannot be told is left to `_seen`."""
        operation = accepted["OperationId"]
        while True:
            try:
                answer = self.client.read("GetOperationDetail", OperationId=operation)
            except ProviderError as error:
                return "", error.detail
            status = answer["Status"]
            more = [harmless(answer[part]) for part in ("StatusFlag", "Message") if part in answer]
            told = ": ".join([f"operation {operation} is {status}", *more])
            if status in {"SUCCESSFUL", *_FAILED} or not waiting.goes_on():
                return status, told

    def _seen(self, ds: Ds, there: bool, waiting: _Waiting, told: str) -> Outcome | None:  # noqa: FBT001 - as `_step` has it
        """Read until the registrar shows what was done. None: it does."""
        while True:
            try:
                self.now = self.domains.held(self.now.zone)
            except ProviderError as error:
                return Outcome(Status.UNKNOWN, f"{told}; {error.detail}")
            if (ds in self.now.signers) is there:
                return None
            if not waiting.goes_on():
                return Outcome(Status.UNKNOWN, f"{told}; after {OPERATION_SECONDS:.0f} seconds {self._shown()}")

    def _shown(self) -> str:
        return f"the registrar shows {', '.join(map(str, sorted(self.now.signers))) or 'no DS'}"

    def _refused(self, reason: str) -> Outcome:
        """Give the outcome of a step that was refused: what came before it stands."""
        return Outcome(Status.UNKNOWN, f"half done; {reason}") if self.touched else Outcome(Status.REJECTED, reason)


@dataclass(slots=True)
class _Waiting:
    """What is left of an operation's time, counted in the pauses between questions."""

    client: Client
    seconds: float = 0.0
    pauses: int = 0

    def goes_on(self) -> bool:
        """Pause before the next question. False: the time is over."""
        if self.seconds >= OPERATION_SECONDS:
            return False
        pause = self.client.patience.pause(self.pauses)
        self.client.patience.sleep(pause)
        self.seconds += pause
        self.pauses += 1
        return True


def _signers(held: RRset | None) -> frozenset[Ds]:
    return frozenset(value for value in (held.values if held else ()) if isinstance(value, Ds))
