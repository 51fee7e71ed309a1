"""The Azure DNS adapter: writing under ETags, and what became of writes whose answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from plans.plan import Change
from plans.values import Key, RRset
from providers.contract import AuthFailed, Status, Throttled, Unavailable, Unsupported, ZoneNotFound
from tests.emulators.azure_dns import GROUP, AzureDnsEmulator, Fault, Zone, html, running
from tests.emulators.azure_dns_sets import error
from tests.emulators.http import Response
from tests.providers.azure_bench import APEX, World, world_of

MakeSet = Callable[..., RRset]
MX = Key(APEX, "MX")
OLD = {"TTL": 3600, "MXRecords": [{"preference": 10, "exchange": "old.example.net"}], "metadata": {"owner": "mail team"}}
THEIRS = {"TTL": 60, "MXRecords": [{"preference": 10, "exchange": "theirs.example.net"}]}
BUSY = error(429, "TooManyRequests", "Slow down.", {"Retry-After": "7"})
DOWN = error(503, "ServiceUnavailable", "Try later.")


@pytest.fixture
def world() -> Iterator[World]:
    with running(AzureDnsEmulator()) as emulator:
        yield world_of(emulator)


class Case:
    """An MX set that is replaced, with what the emulator shall do on the way."""

    def __init__(self, world: World, mx: MakeSet) -> None:
        self.world, self.emulator = world, world.emulator
        self.adapter, self.held, self.zone = world.zone()
        self.emulator.put(self.held, "@", "MX", OLD)
        self.old, self.new = mx("example.com", "10 old.example.net."), mx("example.com", "0 new.example.net.")

    def apply(self, *, before: bool = True, after: bool = True) -> tuple[Status, str]:
        change = Change(self.old if before else None, self.new if after else None)
        if not before:
            self.emulator.put(self.held, "@", "MX", None)
        base = self.adapter.read(self.zone, [MX])
        self.emulator.log.clear()
        outcome = self.adapter.apply(base, [change])[MX]
        return outcome.status, outcome.detail

    @property
    def stands(self) -> str | None:
        held = self.held.sets.get(("@", "MX"))
        return held.properties["MXRecords"][0]["exchange"] if held else None

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.emulator.log]


@pytest.fixture
def case(world: World, mx: MakeSet) -> Case:
    return Case(world, mx)


def test_an_update_is_one_put_under_the_etag_that_was_read(case: Case) -> None:
    etag = case.held.sets["@", "MX"].etag
    assert case.apply() == (Status.WRITTEN, "")
    assert case.methods == ["PUT"]
    assert case.emulator.heads[-1]["if-match"] == etag
    assert "if-none-match" not in case.emulator.heads[-1]
    assert case.world.context.meter.calls == {
        "azure:list record sets": 1,
        "azure:list zones": 1,
        "azure:write MX sets": 1,
    }


def test_a_create_is_guarded_against_a_set_that_is_there(case: Case) -> None:
    assert case.apply(before=False) == (Status.WRITTEN, "")
    assert case.emulator.heads[-1]["if-none-match"] == "*"
    assert "metadata" not in case.emulator.bodies[-1]["properties"]


def test_a_delete_is_under_the_etag(case: Case) -> None:
    etag = case.held.sets["@", "MX"].etag
    assert case.apply(after=False) == (Status.WRITTEN, "")
    assert (case.methods, case.emulator.heads[-1]["if-match"], case.stands) == (["DELETE"], etag, None)


def test_a_base_that_has_no_etag_for_what_is_replaced_costs_a_read(case: Case) -> None:
    base = replace(case.adapter.read(case.zone, [MX]), token="")
    case.emulator.log.clear()
    assert case.adapter.apply(base, [Change(case.old, case.new)])[MX].status is Status.WRITTEN
    assert case.methods == ["GET", "PUT"]


def test_metadata_of_a_set_is_kept(case: Case) -> None:
    assert case.apply() == (Status.WRITTEN, "")
    assert case.held.sets["@", "MX"].properties["metadata"] == {"owner": "mail team"}


def test_a_set_whose_metadata_alone_changed_meanwhile_is_written_with_the_new_metadata(case: Case) -> None:
    case.emulator.before_write.append(lambda: case.emulator.put(case.held, "@", "MX", OLD | {"metadata": {"owner": "ops"}}))
    assert case.apply() == (Status.WRITTEN, "")
    assert case.held.sets["@", "MX"].properties["metadata"] == {"owner": "ops"}
    assert case.methods == ["PUT", "GET", "PUT"]


def test_a_set_that_is_touched_all_the_time_is_a_conflict(case: Case) -> None:
    case.emulator.before_write += [lambda: case.emulator.put(case.held, "@", "MX", OLD)] * 2
    assert case.apply() == (Status.CONFLICT, "the set's ETag changes all the time")
    assert case.stands == "old.example.net"


@pytest.mark.parametrize(
    "theirs", [THEIRS, None, {"TTL": 3600, "MXRecords": [{"preference": 0, "exchange": "new.example.net"}]}]
)
@pytest.mark.parametrize("after", [True, False])
def test_somebody_who_was_faster_by_a_moment_is_a_conflict(case: Case, theirs: dict[str, Any] | None, after: bool) -> None:
    case.emulator.before_write.append(lambda: case.emulator.put(case.held, "@", "MX", theirs))
    assert case.apply(after=after) == (Status.CONFLICT, "the set changed since it was read")
    assert case.stands == (theirs["MXRecords"][0]["exchange"] if theirs else None)


def test_a_conflict_stays_one_where_it_cannot_be_read(case: Case) -> None:
    base = case.adapter.read(case.zone, [MX])
    case.emulator.faults += [
        Fault("answer", error(412, "PreconditionFailed", "No."), "PUT"),
        Fault("answer", error(403, "AuthorizationFailed", "No."), "GET"),
    ]
    outcome = case.adapter.apply(base, [Change(case.old, case.new)])[MX]
    assert (outcome.status, outcome.detail) == (Status.CONFLICT, "the set changed since it was read")


FAULTS = {
    "the connection drops before the write": Fault("drop-before", method="PUT"),
    "the connection drops after the write": Fault("drop-after", method="PUT"),
    "500": Fault("answer", error(500, "InternalServerError", "Oops."), "PUT"),
    "500 after the write": Fault("answer-after", error(500, "InternalServerError", "Oops."), "PUT"),
    "503": Fault("answer", DOWN, "PUT"),
    "408": Fault("answer", error(408, "Timeout", "Too slow."), "PUT"),
    "HTML": Fault("answer", html(200), "PUT"),
    "HTML after the write": Fault("answer-after", html(502), "PUT"),
    "a redirect": Fault("answer", error(302, "Moved", "Over there.", {"Location": "https://elsewhere.invalid/"}), "PUT"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("before", [True, False], ids=["update", "create"])
def test_a_write_without_a_clear_answer_is_settled_by_reading(case: Case, fault: Fault, times: int, before: bool) -> None:
    case.emulator.faults += [fault] * (1 if fault.kind.endswith("after") else times)
    status, detail = case.apply(before=before)
    assert status is Status.WRITTEN
    assert case.stands == "new.example.net."
    assert bool(detail) == fault.kind.endswith("after")
    assert case.methods.count("PUT") == (1 if detail else times + 1)


@pytest.mark.parametrize("kind", ["drop-before", "drop-after"])
def test_a_delete_without_a_clear_answer_is_settled_by_reading(case: Case, kind: Any) -> None:
    case.emulator.faults.append(Fault(kind, method="DELETE"))
    assert case.apply(after=False)[0] is Status.WRITTEN
    assert case.stands is None


def test_a_write_that_never_gets_an_answer_is_unknown(case: Case) -> None:
    case.emulator.faults += [Fault("drop-before", method="PUT")] * 5
    status, detail = case.apply()
    assert status is Status.UNKNOWN
    assert "dnsZones/example.com/MX/@" in detail
    assert case.methods == [*["PUT", "GET"] * 4, "PUT"]
    assert case.world.clock.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_write_whose_set_somebody_else_changed_then_is_unknown(case: Case) -> None:
    case.emulator.faults.append(Fault("drop-after", method="PUT"))
    case.emulator.before_write.append(lambda: case.emulator.put(case.held, "@", "MX", THEIRS))
    status, detail = case.apply()
    assert status is Status.UNKNOWN
    assert "somebody else" in detail


def test_a_late_first_write_is_recognised_behind_the_second_ones_failed_guard(case: Case) -> None:
    late = {"TTL": 3600, "MXRecords": [{"preference": 0, "exchange": "new.example.net."}], "metadata": OLD["metadata"]}
    case.emulator.faults.append(Fault("drop-before", method="PUT"))
    case.emulator.before_write.append(lambda: case.emulator.put(case.held, "@", "MX", late))
    status, detail = case.apply()
    assert status is Status.WRITTEN
    assert "seen by reading" in detail
    assert case.methods == ["PUT", "GET", "PUT", "GET"]


def test_a_lost_answer_and_nothing_to_read_is_unknown(case: Case) -> None:
    case.emulator.faults.append(Fault("drop-after", method="PUT"))
    base = case.adapter.read(case.zone, [MX])
    case.emulator.before_write.append(lambda: case.emulator.faults.extend([Fault("answer", DOWN, "GET")] * 5))
    outcome = case.adapter.apply(base, [Change(case.old, case.new)])[MX]
    assert outcome.status is Status.UNKNOWN
    assert "ServiceUnavailable" in outcome.detail


@pytest.mark.parametrize("nonsense", [b"{}", b'{"properties": []}', b'{"etag": "1", "properties": {}}'])
def test_a_lost_answer_and_nonsense_to_read_is_unknown(case: Case, nonsense: bytes) -> None:
    base = case.adapter.read(case.zone, [MX])
    case.emulator.faults += [Fault("drop-after", method="PUT"), Fault("answer", Response(200, nonsense), "GET")]
    assert case.adapter.apply(base, [Change(case.old, case.new)])[MX].status is Status.UNKNOWN


def test_a_lost_answer_and_then_a_refusal_is_unknown(case: Case) -> None:
    case.emulator.faults.append(Fault("drop-before", method="PUT"))
    case.emulator.faults.append(Fault("answer", error(403, "AuthorizationFailed", "No."), "PUT"))
    status, detail = case.apply()
    assert status is Status.UNKNOWN
    assert "AuthorizationFailed" in detail


def test_a_lost_answer_and_then_too_many_requests_is_unknown(case: Case) -> None:
    case.emulator.faults.append(Fault("drop-before", method="PUT"))
    case.emulator.faults.append(Fault("answer", error(429, "TooManyRequests", "No.", {"Retry-After": "3600"}), "PUT"))
    assert case.apply()[0] is Status.UNKNOWN


def test_a_zone_that_went_during_a_lost_write_is_unknown(case: Case) -> None:
    case.emulator.faults.append(Fault("drop-after", method="PUT"))
    case.emulator.before_write.append(case.emulator.zones.clear)
    assert case.apply()[0] is Status.UNKNOWN


def test_too_many_requests_are_waited_for_and_sent_again_without_reading(case: Case) -> None:
    case.emulator.faults += [Fault("answer", BUSY, "PUT")] * 2
    assert case.apply() == (Status.WRITTEN, "")
    assert case.methods == ["PUT", "PUT", "PUT"]
    assert case.world.clock.seconds >= 14
    assert case.world.context.meter.throttles == {"azure:write MX sets": 2}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(401, "ExpiredAuthenticationToken", "The token expired."), AuthFailed),
        (error(403, "AuthorizationFailed", "The client has no authorization."), AuthFailed),
        (error(404, "ResourceNotFound", "No such zone."), ZoneNotFound),
        (error(429, "TooManyRequests", "Slow down.", {"Retry-After": "3600"}), Throttled),
    ],
)
def test_a_refusal_of_the_first_write_is_raised(case: Case, answer: Any, kind: type[Exception]) -> None:
    case.emulator.faults.append(Fault("answer", answer, "PUT"))
    with pytest.raises(kind):
        case.apply()
    assert case.stands == "old.example.net"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (error(400, "BadRequest", "The value is invalid."), Status.REJECTED),
        (error(409, "ScopeLocked", "The scope is locked."), Status.REJECTED),
        (error(409, "Conflict", "Another operation is in progress."), Status.CONFLICT),
    ],
)
def test_a_refusal_of_one_set_is_its_outcome(case: Case, answer: Any, status: Status) -> None:
    case.emulator.faults.append(Fault("answer", answer, "PUT"))
    found, detail = case.apply()
    assert found is status
    assert "HTTP 4" in detail


def test_nothing_is_written_where_the_zone_cannot_be_read(case: Case) -> None:
    base = replace(case.adapter.read(case.zone, [MX]), token="")
    case.emulator.log.clear()
    case.emulator.faults += [Fault("answer", DOWN, "GET")] * 5
    with pytest.raises(Unavailable):
        case.adapter.apply(base, [Change(case.old, case.new)])
    assert case.methods == ["GET"] * 5


THREE = ("one", "two", "three")


def three_creates(world: World, mx: MakeSet) -> tuple[Zone, Callable[[], list[tuple[Status, str]]]]:
    adapter, held, zone = world.zone()
    changes = [Change(None, mx(f"{owner}.example.com", "10 mx.example.net.")) for owner in THREE]
    base = adapter.read(zone, [change.key for change in changes])
    world.emulator.log.clear()
    return held, lambda: [(one.status, one.detail) for one in adapter.apply(base, changes).values()]


def test_several_sets_are_one_read_and_one_put_each_in_their_order(world: World, mx: MakeSet) -> None:
    _, apply = three_creates(world, mx)
    assert apply() == [(Status.WRITTEN, "")] * 3
    paths = [path.rpartition("/")[2] for _, path in world.emulator.log]
    assert paths == ["recordsets", *THREE]


def test_in_a_zone_of_many_pages_sets_are_read_one_by_one(world: World, mx: MakeSet) -> None:
    adapter, held, zone = world.zone()
    for number in range(250):
        world.emulator.put(held, f"h{number}", "A", {"TTL": 60, "ARecords": [{"ipv4Address": "192.0.2.1"}]})
    changes = [Change(None, mx(f"{owner}.example.com", "10 mx.example.net.")) for owner in THREE]
    base = adapter.read(zone, [change.key for change in changes])
    world.emulator.log.clear()
    outcomes = adapter.apply(base, changes)
    assert {outcome.status for outcome in outcomes.values()} == {Status.WRITTEN}
    assert [method for method, _ in world.emulator.log] == ["GET", "GET", "GET", "PUT", "PUT", "PUT"]


def test_a_set_that_was_hidden_when_it_was_read_is_not_written(world: World, mx: MakeSet) -> None:
    adapter, held, zone = world.zone()
    world.emulator.put(held, "sub", "NS", {"TTL": 60, "NSRecords": [{"nsdname": "ns.example.net"}]})
    change = Change(None, mx("host.sub.example.com", "10 mx.example.net."))
    outcome = adapter.apply(adapter.read(zone, [change.key]), [change])[change.key]
    assert outcome.status is Status.CONFLICT


def test_azure_refuses_a_set_beside_a_cname_that_came_since(world: World, mx: MakeSet) -> None:
    adapter, held, zone = world.zone()
    change = Change(None, mx("host.example.com", "10 mx.example.net."))
    base = adapter.read(zone, [change.key])
    world.emulator.put(held, "host", "CNAME", {"TTL": 60, "CNAMERecord": {"cname": "www.example.net"}})
    outcome = adapter.apply(base, [change])[change.key]
    assert outcome.status is Status.REJECTED
    assert "CNAME" in outcome.detail


@pytest.mark.parametrize("owner", ["mx.elsewhere.invalid", "a\\.b.example.com", "a/b.example.com"])
def test_nothing_is_deleted_where_azure_has_no_such_name(world: World, mx: MakeSet, owner: str) -> None:
    adapter, _, zone = world.zone()
    change = Change(mx(owner, "10 mx.example.net."), None)
    outcome = adapter.apply(adapter.read(zone, [change.key]), [change])[change.key]
    assert outcome.status is Status.CONFLICT
    assert "DELETE" not in {method for method, _ in world.emulator.log}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (error(400, "BadRequest", "Invalid."), Status.REJECTED),
        (error(403, "AuthorizationFailed", "No."), Status.REJECTED),
        (error(404, "ResourceNotFound", "No such zone."), Status.REJECTED),
        (error(429, "TooManyRequests", "No.", {"Retry-After": "3600"}), Status.NOT_TRIED),
        (error(412, "PreconditionFailed", "No."), Status.CONFLICT),
    ],
)
def test_after_a_failure_nothing_more_is_tried(world: World, mx: MakeSet, answer: Any, status: Status) -> None:
    held, apply = three_creates(world, mx)
    world.emulator.before_write.append(lambda: world.emulator.faults.extend([Fault("answer", answer, "PUT")] * 2))
    outcomes = apply()
    assert [found for found, _ in outcomes] == [Status.WRITTEN, status, Status.NOT_TRIED]
    assert all(detail for _, detail in outcomes[1:])
    assert ("two", "MX") not in held.sets


def test_a_lost_race_in_the_listing_stops_all(world: World, mx: MakeSet) -> None:
    held, apply = three_creates(world, mx)
    world.emulator.put(held, "two", "MX", THEIRS)
    assert [status for status, _ in apply()] == [Status.NOT_TRIED, Status.CONFLICT, Status.NOT_TRIED]
    assert [method for method, _ in world.emulator.log] == ["GET"]


def test_tlsa_in_an_unsigned_zone_is_azures_refusal(world: World, rrs: MakeSet) -> None:
    adapter, _, zone = world.zone()
    wanted = rrs("_25._tcp.mx.example.com", "TLSA", 3600, f"3 1 1 {'0f' * 32}")
    outcome = adapter.apply(adapter.read(zone, [wanted.key]), [Change(None, wanted)])[wanted.key]
    assert outcome.status is Status.REJECTED
    assert "signed zones only" in outcome.detail


def test_a_ds_beside_no_delegation_is_refused_before_anything_is_written(world: World, rrs: MakeSet) -> None:
    adapter, _, zone = world.zone(signed=True)
    wanted = rrs("sub.example.com", "DS", 3600, f"1 13 2 {'0f' * 32}")
    with pytest.raises(Unsupported, match="is no delegation"):
        adapter.apply(adapter.read(zone, [wanted.key]), [Change(None, wanted)])
    assert {method for method, _ in world.emulator.log} == {"GET"}


def test_a_wildcard_and_labels_of_services_stand_in_the_path_as_they_are(world: World, rrs: MakeSet) -> None:
    adapter, _, zone = world.zone(signed=True)
    wanted = rrs("*._tcp.mx.example.com", "TLSA", 3600, f"3 1 1 {'0f' * 32}")
    adapter.apply(adapter.read(zone, [wanted.key]), [Change(None, wanted)])
    assert world.emulator.log[-1][1].endswith(
        f"/resourceGroups/{GROUP}/providers/Microsoft.Network/dnsZones/example.com/TLSA/*._tcp.mx"
    )
