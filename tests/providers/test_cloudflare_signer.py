"""Signing at Cloudflare, in all its states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from plans.values import Ds, ZoneRef, name
from providers.contract import AuthFailed, Outcome, Rejected, Signer, SigningState, Status, Unsupported, ZoneKey, ZoneNotFound
from tests.emulators.cloudflare import CloudflareEmulator, Fault, running
from tests.emulators.cloudflare_zone import Zone
from tests.providers.cloudflare_bench import TOKEN, opened

APEX = name("example.com")
DS = Ds(42, 13, 2, "0f" * 32)
KEY = ZoneKey("42", 42, 13, 257, "oXiGYrSTO+LSCJ3mohc8EP+CzF9KxBj8", active=True)
UNSIGNED = SigningState(signed=False, keys=(), ds=())


@pytest.fixture
def emulator() -> Iterator[CloudflareEmulator]:
    with running(CloudflareEmulator(TOKEN)) as emulator:
        yield emulator


@pytest.fixture
def zone(emulator: CloudflareEmulator) -> Zone:
    return emulator.add("example.com")


@pytest.fixture
def ref(emulator: CloudflareEmulator, zone: Zone) -> ZoneRef:
    return opened(emulator).zones([APEX])[APEX]


@pytest.fixture
def signer(emulator: CloudflareEmulator) -> Signer:
    return opened(emulator).signer()


def test_a_zone_is_signed_and_unsigned(zone: Zone, ref: ZoneRef, signer: Signer) -> None:
    assert signer.state(ref) == UNSIGNED
    assert signer.sign(ref) == Outcome(Status.WRITTEN)
    assert zone.dnssec == "pending"
    assert signer.state(ref) == SigningState(signed=True, keys=(KEY,), ds=(DS,))
    assert signer.unsign(ref) == Outcome(Status.WRITTEN)
    assert signer.state(ref) == UNSIGNED


def test_a_zone_with_a_ds_at_its_parent_is_active_and_goes_on_being_signed(zone: Zone, ref: ZoneRef, signer: Signer) -> None:
    zone.ds_at_parent = True
    signer.sign(ref)
    assert zone.dnssec == "active"
    outcome = signer.unsign(ref)
    assert outcome.status is Status.WRITTEN
    assert "still sees the DS" in outcome.detail
    assert signer.state(ref) == SigningState(signed=True, keys=(KEY,), ds=())
    zone.ds_at_parent = False
    assert signer.unsign(ref) == Outcome(Status.WRITTEN)
    assert signer.state(ref) == UNSIGNED


def test_a_disabled_zone_is_signed_until_its_key_is_deleted(zone: Zone, ref: ZoneRef, signer: Signer) -> None:
    zone.dnssec, zone.dnssec_modified = "disabled", zone.now()
    assert signer.state(ref) == SigningState(signed=True, keys=(KEY,), ds=())


def test_unsigning_what_is_not_signed_asks_for_nothing(emulator: CloudflareEmulator, ref: ZoneRef, signer: Signer) -> None:
    assert signer.unsign(ref) == Outcome(Status.WRITTEN)
    assert emulator.commits == []


def test_a_lost_answer_is_asked_for_again(emulator: CloudflareEmulator, zone: Zone, ref: ZoneRef, signer: Signer) -> None:
    emulator.fail("dnssec.edit", Fault(drop=True, done=True))
    assert signer.sign(ref).status is Status.WRITTEN
    emulator.fail("dnssec.delete", Fault(drop=True, done=True))
    assert signer.unsign(ref).status is Status.WRITTEN
    assert zone.dnssec_modified is None


def test_an_answer_that_never_comes_leaves_the_outcome_unknown(
    emulator: CloudflareEmulator, ref: ZoneRef, signer: Signer
) -> None:
    emulator.fail("dnssec.edit", *[Fault(drop=True)] * 4)
    assert signer.sign(ref).status is Status.UNKNOWN
    signer.sign(ref)
    emulator.fail("dnssec.delete", Fault(drop=True))
    assert signer.unsign(ref).status is Status.UNKNOWN


@pytest.mark.parametrize("status", ["error", "disabled"])
def test_another_state_than_was_asked_for_is_not_taken_for_it(
    emulator: CloudflareEmulator, ref: ZoneRef, signer: Signer, status: str
) -> None:
    emulator.fail("dnssec.edit", Fault(alter=lambda result: result | {"status": status}))
    assert signer.sign(ref).status is Status.UNKNOWN


def test_signing_that_stays_on_is_not_taken_for_off(emulator: CloudflareEmulator, ref: ZoneRef, signer: Signer) -> None:
    signer.sign(ref)
    emulator.fail("dnssec.edit", Fault(alter=lambda result: result | {"status": "active"}))
    assert signer.unsign(ref).status is Status.UNKNOWN


def test_a_refusal_is_rejected_and_a_token_without_the_permission_is_told(
    emulator: CloudflareEmulator, ref: ZoneRef, signer: Signer
) -> None:
    emulator.fail("dnssec.edit", Fault(status=400, code=1004), Fault(status=403, code=10000))
    outcome = signer.sign(ref)
    assert outcome.status is Status.REJECTED
    assert "1004" in outcome.detail
    with pytest.raises(AuthFailed, match="Zone Settings Edit"):
        signer.sign(ref)


@pytest.mark.parametrize(
    "change",
    [{"status": "error"}, {"ds": "garbage"}, {"ds": None}, {"public_key": None}, {"key_tag": 70000, "ds": "x 70000 13 2 0f"}],
    ids=str,
)
def test_a_state_that_makes_no_sense_is_refused(
    emulator: CloudflareEmulator, ref: ZoneRef, signer: Signer, change: dict[str, object]
) -> None:
    signer.sign(ref)
    emulator.fail("dnssec.get", Fault(alter=lambda result: result | change))
    with pytest.raises(Rejected, match="makes no sense"):
        signer.state(ref)


def test_a_key_that_is_not_told_while_signing_ends_is_none(
    emulator: CloudflareEmulator, zone: Zone, ref: ZoneRef, signer: Signer
) -> None:
    zone.dnssec, zone.dnssec_modified = "pending-disabled", zone.now()
    emulator.fail("dnssec.get", Fault(alter=lambda result: {"status": result["status"], "modified_on": result["modified_on"]}))
    assert signer.state(ref) == SigningState(signed=True, keys=(), ds=())


def test_keys_are_cloudflares_own(ref: ZoneRef, signer: Signer) -> None:
    for call in (
        lambda: signer.add_key(ref),
        lambda: signer.activate_key(ref, KEY),
        lambda: signer.retire_key(ref, KEY),
    ):
        with pytest.raises(Unsupported, match="rolls it by itself"):
            call()


def test_another_zone_is_not_signed(ref: ZoneRef, signer: Signer) -> None:
    other = replace(ref, account="f" * 32)
    for call in (signer.state, signer.sign, signer.unsign):
        with pytest.raises(ZoneNotFound):
            call(other)
