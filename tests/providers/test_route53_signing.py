"""Signing zones in Route 53."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plans.values import ZoneRef, name
from providers.contract import AuthFailed, Outcome, Rejected, Signer, Status, Unsupported, ZoneNotFound
from tests.emulators.route53 import KMS_KEYS, Fault, Zone
from tests.providers.route53_bench import Account, account


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        yield held


@pytest.fixture
def held(aws: Account) -> Zone:
    return aws.emulator.add_zone("example.com.")


@pytest.fixture
def signer(aws: Account) -> Signer:
    return aws.open(kms_key=list(KMS_KEYS[:2])).signer()


@pytest.fixture
def zone(held: Zone) -> ZoneRef:
    return ZoneRef("aws", "route53", "", held.id, name("example.com"))


def test_a_zone_is_signed_and_tells_its_ds(signer: Signer, zone: ZoneRef, held: Zone) -> None:
    before = signer.state(zone)
    assert (before.signed, before.keys, before.ds) == (False, (), ())
    assert signer.sign(zone).status is Status.WRITTEN
    state = signer.state(zone)
    (key,) = state.keys
    assert (state.signed, key.id, key.algorithm, key.flags, key.active) == (True, "provisioner_1", 13, 257, True)
    assert (key.tag, key.public_key) == (held.keys[0]["KeyTag"], held.keys[0]["PublicKey"])
    assert [str(ds) for ds in state.ds] == [held.keys[0]["DSRecord"].lower()]


def test_signing_twice_does_nothing_twice(signer: Signer, zone: ZoneRef, aws: Account) -> None:
    signer.sign(zone)
    commits = len(aws.emulator.committed)
    assert signer.sign(zone).status is Status.WRITTEN
    assert len(aws.emulator.committed) == commits


def test_a_zone_that_has_a_key_needs_no_kms_key(signer: Signer, zone: ZoneRef, aws: Account) -> None:
    added = signer.add_key(zone)
    assert not added.active
    assert signer.state(zone).ds == ()
    assert aws.open().signer().sign(zone).status is Status.WRITTEN
    assert signer.state(zone).keys == (replace(added, active=True),)


@pytest.mark.parametrize("act", [Signer.sign, Signer.add_key], ids=["sign", "add a key"])
def test_without_a_kms_key_it_is_unsupported(act: Callable[[Signer, ZoneRef], object], aws: Account, zone: ZoneRef) -> None:
    signer = aws.open().signer()
    with pytest.raises(Unsupported, match="kms_key"):
        getattr(signer, act.__name__)(zone)
    assert aws.emulator.committed == []


def test_one_kms_key_makes_one_key(zone: ZoneRef, aws: Account) -> None:
    signer = aws.open(kms_key=KMS_KEYS[0]).signer()
    signer.sign(zone)
    with pytest.raises(Unsupported, match="does not use already"):
        signer.add_key(zone)


def test_keys_roll(signer: Signer, zone: ZoneRef) -> None:
    signer.sign(zone)
    (old,) = signer.state(zone).keys
    new = signer.add_key(zone)
    assert (new.id, new.active) == ("provisioner_2", False)
    assert signer.activate_key(zone, new).status is Status.WRITTEN
    assert signer.activate_key(zone, new) == Outcome(Status.WRITTEN, "it is so already")
    assert len(signer.state(zone).ds) == 2
    assert signer.retire_key(zone, old).status is Status.WRITTEN
    assert signer.state(zone).keys == (replace(new, active=True),)
    assert signer.retire_key(zone, old) == Outcome(Status.WRITTEN, "there is no such key any more")
    assert signer.add_key(zone).id == "provisioner_1"


def test_a_key_that_is_another_one_by_now_is_a_conflict(signer: Signer, zone: ZoneRef) -> None:
    signer.sign(zone)
    (key,) = signer.state(zone).keys
    assert signer.retire_key(zone, replace(key, tag=key.tag ^ 1)).status is Status.CONFLICT
    assert signer.activate_key(zone, replace(key, id="unheard_of")).status is Status.CONFLICT


def test_the_last_key_of_a_signed_zone_stays(signer: Signer, zone: ZoneRef) -> None:
    signer.sign(zone)
    (key,) = signer.state(zone).keys
    outcome = signer.retire_key(zone, key)
    assert outcome.status is Status.REJECTED
    assert "last key" in outcome.detail


def test_signing_is_turned_off(signer: Signer, zone: ZoneRef, held: Zone) -> None:
    assert signer.unsign(zone) == Outcome(Status.WRITTEN, "it is not signed")
    signer.sign(zone)
    held.ds_at_parent = True
    refused = signer.unsign(zone)
    assert refused.status is Status.REJECTED
    assert "the parent still has a DS" in refused.detail
    held.ds_at_parent = False
    assert signer.unsign(zone).status is Status.WRITTEN
    assert signer.state(zone).signed is False


def test_a_kms_key_that_is_not_fit_is_told(aws: Account, zone: ZoneRef) -> None:
    unfit = "arn:aws:kms:us-east-1:123456789012:key/ffffffff-aaaa-bbbb-cccc-000000000000"
    signer = aws.open(kms_key=unfit).signer()
    outcome = signer.sign(zone)
    assert outcome.status is Status.REJECTED
    assert "ECC_NIST_P256" in outcome.detail
    with pytest.raises(Rejected, match="ECC_NIST_P256"):
        signer.add_key(zone)


@pytest.mark.parametrize(("serves", "signed"), [("SIGNING", True), ("DELETING", True), ("NOT_SIGNING", False)])
def test_states_that_are_known(signer: Signer, zone: ZoneRef, held: Zone, serves: str, signed: bool) -> None:
    held.serves = serves
    assert signer.state(zone).signed is signed


@pytest.mark.parametrize("serves", ["ACTION_NEEDED", "INTERNAL_FAILURE", "SOMETHING_NEW"])
def test_states_that_need_a_person_are_never_guessed(signer: Signer, zone: ZoneRef, held: Zone, serves: str) -> None:
    held.serves, held.status_message = serves, "the KMS key was deleted"
    with pytest.raises(Rejected, match=f"{serves} the KMS key was deleted"):
        signer.state(zone)


def test_keys_that_make_no_sense_are_refused(signer: Signer, zone: ZoneRef, held: Zone) -> None:
    signer.sign(zone)
    held.keys[0]["DSRecord"] = "none"
    with pytest.raises(Rejected, match="cannot be understood"):
        signer.state(zone)
    del held.keys[0]["Flag"]
    with pytest.raises(Rejected, match="cannot be understood"):
        signer.state(zone)


def test_a_zone_that_is_not_ours_is_not_signed(signer: Signer, zone: ZoneRef, aws: Account) -> None:
    with pytest.raises(ZoneNotFound):
        signer.sign(replace(zone, account="other"))
    aws.emulator.zones.clear()
    with pytest.raises(ZoneNotFound):
        signer.sign(zone)


@pytest.mark.parametrize("operation", ["CreateKeySigningKey", "EnableHostedZoneDNSSEC"])
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_lost_answer_is_settled_by_reading(
    signer: Signer, zone: ZoneRef, aws: Account, operation: str, carried_out: bool
) -> None:
    aws.emulator.fail(operation, Fault(drop=True, carried_out=carried_out))
    assert signer.sign(zone).status is (Status.WRITTEN if carried_out else Status.UNKNOWN)
    assert signer.sign(zone).status is Status.WRITTEN
    assert len(signer.state(zone).keys) == 1


def test_a_lost_answer_that_cannot_be_read_back_is_unknown(zone: ZoneRef, aws: Account) -> None:
    signer = aws.open(kms_key=KMS_KEYS[0], tries=1).signer()
    aws.emulator.fail("CreateKeySigningKey", Fault(drop=True, carried_out=True))
    aws.emulator.fail("GetDNSSEC", None, Fault(500))
    assert signer.sign(zone).status is Status.UNKNOWN


def test_a_key_whose_making_is_unknown_is_not_given(zone: ZoneRef, aws: Account) -> None:
    signer = aws.open(kms_key=KMS_KEYS[0]).signer()
    aws.emulator.fail("CreateKeySigningKey", Fault(drop=True))
    with pytest.raises(Rejected, match="one new key"):
        signer.add_key(zone)


def test_busy_zones_are_asked_again(signer: Signer, zone: ZoneRef, aws: Account) -> None:
    aws.emulator.fail("EnableHostedZoneDNSSEC", Fault(400, "ConcurrentModification"))
    assert signer.sign(zone).status is Status.WRITTEN


def test_a_permission_that_lacks_is_named(signer: Signer, zone: ZoneRef, aws: Account) -> None:
    aws.emulator.denied = {"CreateKeySigningKey"}
    with pytest.raises(AuthFailed) as caught:
        signer.sign(zone)
    assert "route53:CreateKeySigningKey" in caught.value.mend
