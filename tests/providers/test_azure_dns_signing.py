"""How the Azure DNS adapter signs zones, which takes the service some minutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from plans.values import Ds
from providers.contract import AuthFailed, Rejected, Signer, SigningState, Status, Throttled, Unsupported, ZoneKey, ZoneNotFound
from tests.emulators.azure_dns import AzureDnsEmulator, Fault, running
from tests.emulators.azure_dns_sets import error
from tests.emulators.http import Response
from tests.providers.azure_bench import World, world_of

DOWN = error(503, "ServiceUnavailable", "Later.")


@pytest.fixture
def world() -> Iterator[World]:
    with running(AzureDnsEmulator()) as emulator:
        yield world_of(emulator)


class Case:
    """A zone with its signer."""

    def __init__(self, world: World, *, signed: bool = False) -> None:
        self.world, self.emulator = world, world.emulator
        self.adapter, self.held, self.zone = world.zone(signed=signed)
        self.signer: Signer = self.adapter.signer()

    def sign(self) -> tuple[Status, str]:
        outcome = self.signer.sign(self.zone)
        return outcome.status, outcome.detail

    def unsign(self) -> tuple[Status, str]:
        outcome = self.signer.unsign(self.zone)
        return outcome.status, outcome.detail

    @property
    def log(self) -> list[str]:
        return [f"{method} {path.rpartition('/Microsoft.Network/')[2]}" for method, path in self.emulator.log]


CONFIG = "dnsZones/example.com/dnssecConfigs/default"


def test_the_state_of_a_signed_zone_has_its_keys_and_the_ds_for_the_parent(world: World) -> None:
    case = Case(world, signed=True)
    assert case.signer.state(case.zone) == SigningState(
        signed=True,
        keys=(
            ZoneKey("37721", 37721, 13, 256, "AQID", active=True),
            ZoneKey("11920", 11920, 13, 257, "BAUG", active=True),
        ),
        ds=(Ds(11920, 13, 2, "ab" * 32),),
    )


@pytest.mark.parametrize("state", [None, "Creating", "Failed"])
def test_the_state_of_a_zone_that_is_not_signed(world: World, state: str | None) -> None:
    case = Case(world)
    case.held.signing = state
    assert case.signer.state(case.zone) == SigningState(signed=False, keys=(), ds=())


def test_a_zone_that_is_not_there_is_no_unsigned_zone(world: World) -> None:
    case = Case(world)
    case.emulator.zones.clear()
    case.emulator.add_zone("example.net")
    with pytest.raises(ZoneNotFound):
        case.signer.state(case.zone)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"properties": []},
        {"properties": {"provisioningState": "Succeeded", "signingKeys": [{"flags": 257}]}},
        {"properties": {"signingKeys": [{"keyTag": "x", "securityAlgorithmType": 13, "flags": 257, "publicKey": ""}]}},
    ],
)
def test_a_state_that_makes_no_sense_is_refused(world: World, body: dict[str, Any]) -> None:
    case = Case(world)
    case.emulator.replies.append(body)
    with pytest.raises(Rejected, match=r"example\.com"):
        case.signer.state(case.zone)


def test_signing_follows_the_operation_to_its_end(world: World) -> None:
    case = Case(world)
    case.emulator.polls = 3
    assert case.sign() == (Status.WRITTEN, "")
    assert case.held.signing == "Succeeded"
    polls = ["GET dnsOperationStatuses/operation0"] * 3
    assert case.log == [f"GET {CONFIG}", "GET dnsZones/example.com", f"PUT {CONFIG}", *polls]
    assert case.world.clock.slept == [10.0, 60.0, 60.0]


def test_unsigning_follows_the_operation_to_its_end(world: World) -> None:
    case = Case(world, signed=True)
    assert case.unsign() == (Status.WRITTEN, "")
    assert case.held.signing is None
    assert case.log == [f"GET {CONFIG}", f"DELETE {CONFIG}", "GET dnsOperationStatuses/operation0"]


def test_a_location_is_followed_where_there_is_no_better_address(world: World) -> None:
    case = Case(world, signed=True)
    case.emulator.polls = 2
    url = f"{case.emulator.url}/subscriptions/x/resourceGroups/dns/providers/Microsoft.Network/dnsOperationResults/operation0"
    url = url.replace("/x/", f"/{case.zone.account}/")
    case.emulator.faults.append(Fault("answer-after", Response(202, b"", {"Location": url}), "DELETE"))
    assert case.signer.state(case.zone).signed
    case.emulator.log.clear()
    assert case.unsign() == (Status.WRITTEN, "")
    assert case.log[2:] == ["GET dnsOperationResults/operation0"] * 2


@pytest.mark.parametrize("status", [200, 204])
def test_unsigning_that_is_done_at_once_is_not_followed(world: World, status: int) -> None:
    case = Case(world, signed=True)
    case.emulator.faults.append(Fault("answer-after", Response(status, b""), "DELETE"))
    assert case.unsign() == (Status.WRITTEN, "")
    assert case.log[-1] == f"DELETE {CONFIG}"


@pytest.mark.parametrize("signed", [True, False])
def test_what_is_so_already_is_not_done_again(world: World, signed: bool) -> None:
    case = Case(world, signed=signed)
    status, detail = case.sign() if signed else case.unsign()
    assert status is Status.WRITTEN
    assert detail
    assert {line.partition(" ")[0] for line in case.log} == {"GET"}


@pytest.mark.parametrize("sign", [True, False])
@pytest.mark.parametrize("way", ["no permission", "another host"])
def test_the_zone_itself_is_looked_at_where_the_operation_is_not_told(world: World, sign: bool, way: str) -> None:
    case = Case(world, signed=not sign)
    case.emulator.tell_operations = way != "no permission"
    case.emulator.operations_elsewhere = "https://elsewhere.invalid" if way == "another host" else ""
    case.emulator.polls = 2
    case.emulator.before_read += [lambda: None, lambda: None, *[case.emulator.tick] * 3]
    status, _ = case.sign() if sign else case.unsign()
    assert status is Status.WRITTEN
    assert case.log[-1] in {f"GET {CONFIG}", "GET dnsZones/example.com"}


@pytest.mark.parametrize("sign", [True, False])
def test_an_operation_that_takes_too_long_is_unknown(world: World, sign: bool) -> None:
    case = Case(world, signed=not sign)
    case.emulator.polls = 100
    status, detail = case.sign() if sign else case.unsign()
    assert (status, detail) == (Status.UNKNOWN, "Azure is still at it after 300 seconds")
    assert case.world.clock.seconds <= 300


def test_an_operation_that_fails_is_rejected_with_its_reason(world: World) -> None:
    case = Case(world)
    case.emulator.ends = "Failed"
    status, detail = case.sign()
    assert status is Status.REJECTED
    assert "SigningFailed The zone could not be signed." in detail


def test_after_a_failure_signing_can_be_tried_again(world: World) -> None:
    case = Case(world)
    case.held.signing = "Failed"
    assert case.sign()[0] is Status.WRITTEN
    assert case.held.signing == "Succeeded"


def test_signing_that_somebody_began_is_waited_for(world: World) -> None:
    case = Case(world)
    case.held.signing = "Creating"
    case.emulator.before_read.append(lambda: None)
    case.emulator.before_read.append(lambda: setattr(case.held, "signing", "Succeeded"))
    assert case.sign() == (Status.WRITTEN, "")
    assert case.log == [f"GET {CONFIG}"] * 2


@pytest.mark.parametrize("sign", [True, False])
def test_somebody_elses_change_meanwhile_is_a_conflict(world: World, sign: bool) -> None:
    case = Case(world, signed=not sign)
    case.emulator.before_write.append(lambda: setattr(case.held, "signing", "Updating"))
    status, detail = case.sign() if sign else case.unsign()
    assert status is Status.CONFLICT
    assert "somebody else" in detail


@pytest.mark.parametrize("sign", [True, False])
@pytest.mark.parametrize("kind", ["drop-after", "answer-after"])
def test_a_lost_answer_is_settled_by_looking(world: World, sign: bool, kind: Any) -> None:
    case = Case(world, signed=not sign)
    case.emulator.faults.append(Fault(kind, DOWN if kind == "answer-after" else None, "PUT" if sign else "DELETE"))
    case.emulator.before_read += [lambda: None] * (2 if sign else 1)
    case.emulator.before_read.append(case.emulator.tick)
    status, _ = case.sign() if sign else case.unsign()
    assert status is Status.WRITTEN


@pytest.mark.parametrize("sign", [True, False])
def test_a_lost_request_is_unknown(world: World, sign: bool) -> None:
    case = Case(world, signed=not sign)
    case.emulator.faults.append(Fault("drop-before", method="PUT" if sign else "DELETE"))
    status, detail = case.sign() if sign else case.unsign()
    assert status is Status.UNKNOWN
    assert "dnssecConfigs/default" in detail


def test_a_lost_answer_and_nobody_to_ask_is_unknown(world: World) -> None:
    case = Case(world)
    case.emulator.faults.append(Fault("drop-after", method="PUT"))
    case.emulator.before_write.append(lambda: case.emulator.faults.extend([Fault("answer", DOWN, "GET")] * 5))
    assert case.sign()[0] is Status.UNKNOWN


def test_an_outage_while_waiting_is_unknown(world: World) -> None:
    case = Case(world)
    case.emulator.before_write.append(lambda: case.emulator.faults.extend([Fault("answer", DOWN, "GET")] * 5))
    status, detail = case.sign()
    assert status is Status.UNKNOWN
    assert "ServiceUnavailable" in detail


def test_an_operation_that_nobody_knows_any_more_is_read_off_the_zone(world: World) -> None:
    case = Case(world)
    gone = Fault("answer", error(404, "NotFound", "No such operation."), "GET")
    case.emulator.before_write.append(lambda: case.emulator.faults.append(gone))
    case.emulator.before_read += [lambda: None, lambda: None, case.emulator.tick]
    assert case.sign() == (Status.WRITTEN, "")
    assert case.log[-1] == f"GET {CONFIG}"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(403, "AuthorizationFailed", "No."), AuthFailed),
        (error(400, "BadRequest", "No."), Rejected),
        (error(429, "TooManyRequests", "No.", {"Retry-After": "3600"}), Throttled),
    ],
)
def test_a_refusal_is_raised(world: World, answer: Response, kind: type[Exception]) -> None:
    case = Case(world)
    case.emulator.faults.append(Fault("answer", answer, "PUT"))
    with pytest.raises(kind):
        case.sign()
    assert case.held.signing is None


def test_after_unsigning_tlsa_is_refused_again(world: World, rrs: Any) -> None:
    case = Case(world, signed=True)
    wanted = rrs("_25._tcp.mx.example.com", "TLSA", 3600, f"3 1 1 {'0f' * 32}")
    assert case.adapter.canonical(case.zone, wanted) == wanted
    assert case.unsign()[0] is Status.WRITTEN
    with pytest.raises(Unsupported):
        case.adapter.canonical(case.zone, wanted)


def test_keys_are_azures_own(world: World) -> None:
    case = Case(world, signed=True)
    key = case.signer.state(case.zone).keys[0]
    for call in (
        lambda: case.signer.add_key(case.zone),
        lambda: case.signer.activate_key(case.zone, key),
        lambda: case.signer.retire_key(case.zone, key),
    ):
        with pytest.raises(Unsupported, match="no call to add, activate or retire"):
            call()
