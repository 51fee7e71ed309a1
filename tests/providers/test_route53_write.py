"""Writing to Route 53: batches, refusals, and what becomes of a write whose answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key, RRset, ZoneRef, name
from providers.contract import AuthFailed, ProviderError, Rejected, Status, Throttled, Unavailable, Unsupported, ZoneNotFound
from providers.route53 import Route53
from tests.emulators.route53 import Fault, Zone
from tests.providers.conftest import MakeSet
from tests.providers.route53_bench import Account, account

CHANGE, LIST_SETS = "ChangeResourceRecordSets", "ListResourceRecordSets"
OLD, NEW = ("10 old.example.net.",), ("0 new.example.net.",)
APEX = Key(name("example.com"), "MX")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        yield held


@dataclass
class Scene:
    """A zone with one MX set, read, and the change that replaces it."""

    held: Zone
    provider: Route53
    base: Snapshot
    change: Change

    @property
    def values(self) -> tuple[str, ...]:
        item = self.held.sets.get(("example.com.", "MX", ""), {})
        return tuple(record["Value"] for record in item.get("ResourceRecords", []))


def scene_of(aws: Account, mx: MakeSet, **options: float) -> Scene:
    held = aws.emulator.add_zone("example.com.")
    held.put("example.com.", "MX", 3600, *OLD)
    provider = aws.open(**options)  # type: ignore[arg-type] # the two that tests set are numbers
    zone = provider.zones([name("example.com")])[name("example.com")]
    return Scene(held, provider, provider.read(zone, [APEX]), Change(mx("example.com", *OLD), mx("example.com", *NEW)))


def statuses(scene: Scene, *changes: Change) -> list[Status]:
    return [outcome.status for outcome in scene.provider.apply(scene.base, changes or [scene.change]).values()]


def test_planning_reads_once_and_applying_writes_once(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    before = dict(aws.meter.calls)
    assert statuses(scene) == [Status.WRITTEN]
    after = aws.meter.calls
    assert {operation: after[operation] - before.get(operation, 0) for operation in after} == {
        "route53:ListHostedZonesByName": 0,
        "route53:ListResourceRecordSets": 0,
        "route53:ChangeResourceRecordSets": 1,
    }
    assert before == {"route53:ListHostedZonesByName": 1, "route53:ListResourceRecordSets": 1}
    (batch,) = aws.emulator.committed
    assert [one["Action"] for one in batch["ChangeBatch"]["Changes"]] == ["DELETE", "CREATE"]


def test_a_set_is_deleted_as_the_service_spells_it(aws: Account, rrs: MakeSet, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    scene.held.put("example.com.", "MX", 3600, "20 B.example.net.", "10   a.example.net")
    base = scene.provider.read(scene.base.zone, [APEX])
    change = Change(mx("example.com", "10 a.example.net.", "20 b.example.net."), None)
    assert scene.provider.apply(base, [change])[APEX].status is Status.WRITTEN


def test_a_set_that_was_respelled_meanwhile_is_still_the_same(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    scene.held.put("example.com.", "MX", 3600, "10 OLD.example.net.")
    assert statuses(scene) == [Status.WRITTEN]
    assert aws.emulator.count(CHANGE) == 2


def test_a_snapshot_without_spelling_is_written_as_we_spell_it(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    base = Snapshot(scene.base.zone, scene.base.sets, scene.base.nodes)
    assert aws.open().apply(base, [scene.change])[APEX].status is Status.WRITTEN


def test_a_reference_that_nobody_looked_up_is_checked_before_the_write(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    wrong = ZoneRef("aws", "route53", "", scene.held.id, name("example.org"))
    create = mx("example.org", *NEW)
    with pytest.raises(ZoneNotFound):
        aws.open().apply(Snapshot(wrong, {create.key: None}, {}), [Change(None, create)])
    assert aws.emulator.committed == []


@pytest.mark.parametrize("meanwhile", [("10 other.example.net.",), ()])
def test_a_zone_that_changed_is_a_conflict_for_what_changed_alone(
    aws: Account, mx: MakeSet, meanwhile: tuple[str, ...]
) -> None:
    scene = scene_of(aws, mx)
    other = Change(None, mx("other.example.com", *NEW))
    base = scene.provider.read(scene.base.zone, [APEX, other.key])
    scene.held.remove("example.com.", "MX")
    if meanwhile:
        scene.held.put("example.com.", "MX", 3600, *meanwhile)
    found = scene.provider.apply(base, [other, scene.change])
    assert {key: outcome.status for key, outcome in found.items()} == {APEX: Status.CONFLICT, other.key: Status.NOT_TRIED}
    assert scene.values == meanwhile


def test_a_protected_set_is_refused_by_its_owner_and_no_conflict(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    scene.held.protected["example.com.", "MX"] = "ask hostmaster"
    other = Change(None, mx("www.example.com", *NEW))
    base = scene.provider.read(scene.base.zone, [APEX, other.key])
    found = scene.provider.apply(base, [other, scene.change])
    assert {key: outcome.status for key, outcome in found.items()} == {APEX: Status.REJECTED, other.key: Status.NOT_TRIED}
    assert "ask hostmaster" in found[APEX].detail
    assert "DeleteResourceRecordSetProtections" in found[APEX].detail


def test_a_refusal_that_names_no_set_is_one_for_all(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    aws.emulator.fail(CHANGE, Fault(400, "InvalidChangeBatch", "[no reason at all]"))
    assert statuses(scene, scene.change) == [Status.REJECTED]


def test_a_refusal_of_another_kind_is_believed_without_reading(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    aws.emulator.fail(CHANGE, Fault(400, "InvalidInput", "Invalid XML"))
    reads = aws.emulator.count(LIST_SETS)
    found = scene.provider.apply(scene.base, [scene.change])[APEX]
    assert (found.status, found.detail) == (Status.REJECTED, "Invalid XML")
    assert aws.emulator.count(LIST_SETS) == reads


def test_a_cname_that_came_meanwhile_is_the_services_to_refuse(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    change = Change(None, mx("box.example.com", *NEW))
    base = scene.provider.read(scene.base.zone, [change.key])
    scene.held.put("box.example.com.", "CNAME", 300, "www.example.net.")
    found = scene.provider.apply(base, [change])[change.key]
    assert found.status is Status.REJECTED
    assert "conflicting RRSet of type CNAME" in found.detail


@dataclass(frozen=True)
class Matrix:
    """A fault, and what a read and a write make of it when it comes once; how often the write was made."""

    name: str
    fault: Fault
    written: Status | type[ProviderError] = Status.WRITTEN
    read: type[ProviderError] | None = None
    commits: int = 1
    requests: int = 2


HTML = b"<html><head><title>Proxy</title></head><body><p>No way.</p></body></html>"
FAULTS = (
    Matrix("dropped before the commit", Fault(drop=True)),
    Matrix("dropped after the commit", Fault(drop=True, carried_out=True), requests=1),
    Matrix("error 500 before the commit", Fault(500)),
    Matrix("error 500 after the commit", Fault(500, carried_out=True), requests=1),
    Matrix("error 503 with a wait", Fault(503, "ServiceUnavailable", headers={"Retry-After": "1"})),
    Matrix("answer too late", Fault(delay=1.2), requests=1),
    Matrix("body stalls", Fault(stall=1.2), requests=1),
    Matrix("body cut off", Fault(cut=True), requests=1),
    Matrix("page of a proxy as an answer", Fault(200, body=HTML)),
    Matrix("page of a proxy as an error", Fault(502, body=HTML)),
    Matrix("page of a proxy that forbids", Fault(403, body=HTML)),
    Matrix("no XML", Fault(200, body=b"{}")),
    Matrix("nothing", Fault(200, body=b"")),
    Matrix("throttled", Fault(400, "Throttling", "Rate exceeded")),
    Matrix("throttled by a proxy", Fault(429, body=HTML)),
    Matrix("busy", Fault(400, "PriorRequestNotComplete")),
    Matrix("access denied", Fault(403, "AccessDenied"), AuthFailed, AuthFailed, 0, 1),
    Matrix("expired token", Fault(403, "ExpiredToken"), AuthFailed, AuthFailed, 0, 1),
    Matrix("unknown key", Fault(403, "InvalidClientTokenId"), AuthFailed, AuthFailed, 0, 1),
    Matrix("wrong signature", Fault(403, "SignatureDoesNotMatch"), AuthFailed, AuthFailed, 0, 1),
    Matrix("no such zone", Fault(404, "NoSuchHostedZone"), ZoneNotFound, ZoneNotFound, 0, 1),
    Matrix("invalid input", Fault(400, "InvalidInput"), Status.REJECTED, Rejected, 0, 1),
    Matrix("a code of tomorrow", Fault(400, "NeverHeardOf"), Status.REJECTED, Rejected, 0, 1),
)


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.name)
def test_a_read_survives_what_passes_and_says_what_does_not(aws: Account, mx: MakeSet, row: Matrix) -> None:
    scene = scene_of(aws, mx, read_timeout=0.4)
    aws.emulator.fail(LIST_SETS, row.fault)
    if row.read is None:
        assert scene.provider.read(scene.base.zone, [APEX]).sets == scene.base.sets
        assert aws.emulator.count(LIST_SETS) == 3
    else:
        with pytest.raises(row.read):
            scene.provider.read(scene.base.zone, [APEX])
        assert aws.emulator.count(LIST_SETS) == 2


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.name)
def test_a_write_is_made_once_or_not_at_all(aws: Account, mx: MakeSet, row: Matrix) -> None:
    scene = scene_of(aws, mx, read_timeout=0.4)
    aws.emulator.fail(CHANGE, row.fault)
    if isinstance(row.written, Status):
        assert statuses(scene) == [row.written]
    else:
        with pytest.raises(row.written):
            scene.provider.apply(scene.base, [scene.change])
    assert len(aws.emulator.committed) == row.commits
    assert aws.emulator.count(CHANGE) == row.requests
    assert scene.values == (NEW if row.commits else OLD)


def test_a_lost_answer_is_unknown_when_reading_back_fails(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx, tries=2)
    aws.emulator.fail(CHANGE, Fault(drop=True, carried_out=True))
    aws.emulator.fail(LIST_SETS, Fault(500), Fault(500))
    assert statuses(scene) == [Status.UNKNOWN]
    assert len(aws.emulator.committed) == 1


def test_a_lost_answer_is_unknown_when_something_else_stands_there(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    scene.held.put("example.com.", "MX", 3600, "10 third.example.net.")
    aws.emulator.fail(CHANGE, Fault(drop=True))
    assert statuses(scene) == [Status.UNKNOWN]


def test_answers_that_are_lost_again_and_again_are_unknown(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    aws.emulator.fail(CHANGE, *[Fault(500)] * 3)
    assert statuses(scene) == [Status.UNKNOWN]
    assert aws.emulator.count(CHANGE) == 3


def test_a_write_that_landed_late_is_no_conflict(aws: Account, mx: MakeSet) -> None:
    """The first request is still on its way when the zone is read back; the second is refused by what the first wrote."""
    scene = scene_of(aws, mx)
    landing = Fault(meanwhile=lambda: scene.held.put("example.com.", "MX", 3600, *NEW))
    aws.emulator.fail(CHANGE, Fault(drop=True), landing)
    assert statuses(scene) == [Status.WRITTEN]
    assert scene.values == NEW


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (Fault(400, "InvalidInput"), Status.REJECTED),
        (Fault(403, "ExpiredToken"), Status.UNKNOWN),
        (Fault(400, "InvalidChangeBatch", "[no]"), Status.REJECTED),
    ],
)
def test_what_follows_a_lost_answer_is_judged_by_what_stands_there(
    aws: Account, mx: MakeSet, second: Fault, status: Status
) -> None:
    scene = scene_of(aws, mx)
    aws.emulator.fail(CHANGE, Fault(drop=True), second)
    assert statuses(scene) == [status]


def test_a_refusal_after_a_lost_answer_is_unknown_when_others_wrote(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    others = Fault(meanwhile=lambda: scene.held.put("example.com.", "MX", 3600, "10 third.example.net."))
    aws.emulator.fail(CHANGE, Fault(drop=True), others)
    assert statuses(scene) == [Status.UNKNOWN]
    assert scene.values == ("10 third.example.net.",)


def test_a_refusal_after_a_lost_answer_is_unknown_when_it_cannot_be_looked_into(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx, tries=1)
    aws.emulator.fail(CHANGE, Fault(drop=True), Fault(400, "InvalidChangeBatch", "[no]"))
    aws.emulator.fail(LIST_SETS, None, Fault(500))
    assert statuses(scene) == [Status.UNKNOWN]


def test_a_refusal_that_cannot_be_looked_into_wrote_nothing(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx, tries=1)
    aws.emulator.fail(CHANGE, Fault(400, "InvalidChangeBatch", "[no]"))
    aws.emulator.fail(LIST_SETS, Fault(500))
    assert statuses(scene) == [Status.REJECTED]


def test_a_write_that_never_went_out_is_raised(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx, tries=2)
    closed = aws.open(endpoint="http://127.0.0.1:1", tries=2)
    with pytest.raises(Unavailable, match="cannot be reached"):
        closed.read(scene.base.zone, [APEX])
    aws.emulator.fail(CHANGE, *[Fault(400, "PriorRequestNotComplete")] * 2)
    with pytest.raises(Unavailable, match="busy"):
        scene.provider.apply(scene.base, [scene.change])
    aws.emulator.fail(CHANGE, *[Fault(400, "Throttling")] * 2)
    with pytest.raises(Throttled):
        scene.provider.apply(scene.base, [scene.change])
    assert scene.values == OLD


def many(mx: MakeSet, count: int, *, values: int = 1) -> list[Change]:
    texts = [f"{number} {'x' * 60}.example.net." for number in range(values)]
    return [Change(None, mx(f"n{number:04}.example.com", *texts)) for number in range(count)]


def test_a_call_is_cut_by_records(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    changes = [Change(None, mx(f"n{number:04}.example.com", "0 .")) for number in range(1001)]
    base = scene.provider.read(scene.base.zone, [change.key for change in changes])
    found = scene.provider.apply(base, changes)
    assert {outcome.status for outcome in found.values()} == {Status.WRITTEN}
    assert [len(one["ChangeBatch"]["Changes"]) for one in aws.emulator.committed] == [1000, 1]


def test_a_call_is_cut_by_characters(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    changes = many(mx, 30, values=20)
    base = scene.provider.read(scene.base.zone, [change.key for change in changes])
    found = scene.provider.apply(base, changes)
    assert {outcome.status for outcome in found.values()} == {Status.WRITTEN}
    assert len(aws.emulator.committed) == 2


@pytest.mark.parametrize("fault", [Fault(400, "InvalidChangeBatch", "[no]"), Fault(403, "ExpiredToken")])
def test_batches_after_one_that_failed_are_not_tried(aws: Account, mx: MakeSet, fault: Fault) -> None:
    scene = scene_of(aws, mx)
    changes = many(mx, 60, values=20)
    base = scene.provider.read(scene.base.zone, [change.key for change in changes])
    aws.emulator.fail(CHANGE, None, fault)
    found = [outcome.status for outcome in scene.provider.apply(base, changes).values()]
    first = found.count(Status.WRITTEN)
    assert found[:first] == [Status.WRITTEN] * first
    assert set(found[first:]) <= {Status.REJECTED, Status.NOT_TRIED}
    assert found[-1] is Status.NOT_TRIED
    assert aws.emulator.count(CHANGE) == 2


def test_a_change_that_no_request_can_carry_is_refused_before_anything_is_written(aws: Account, mx: MakeSet) -> None:
    scene = scene_of(aws, mx)
    values = [f"{number} mx.example.net." for number in range(600)]
    scene.held.put("big.example.com.", "MX", 300, *values)
    before = mx("big.example.com", *values, ttl=300)
    base = scene.provider.read(scene.base.zone, [APEX, before.key])
    with pytest.raises(Unsupported, match="too large"):
        scene.provider.apply(base, [scene.change, Change(before, mx("big.example.com", *values))])
    assert scene.values == OLD


def test_one_zone_gets_one_batch_at_a_time_and_zones_do_not_wait_for_each_other(aws: Account, mx: MakeSet) -> None:
    aws.emulator.change_seconds = 0.02
    zones = [aws.emulator.add_zone(f"zone{number}.example.") for number in range(2)]
    provider = aws.open()
    found = provider.zones([name(zone.name) for zone in zones])
    wanted: list[RRset] = [mx(f"n{number}.{zone.name}", *NEW) for number in range(10) for zone in zones]

    def write(after: RRset) -> Status:
        zone = next(ref for apex, ref in found.items() if after.key.owner.endswith(apex))
        return provider.apply(provider.read(zone, [after.key]), [Change(None, after)])[after.key].status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, wanted)) == {Status.WRITTEN}
    assert aws.emulator.count(CHANGE) == len(wanted)
    assert len(aws.emulator.committed) == len(wanted)
