"""What outlives a machine without a disk: open rollouts with the times of their events, and pins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plans.codec import encode_entry
from plans.conditions import ProviderHolds
from plans.desired import Subject
from plans.plan import Change, Entry, Rollout, Step
from plans.policy import Risk
from plans.position import Event, EventKind
from plans.values import Mx, Name, ZoneRef, name, rrset
from provisioner.state import RolloutOpen, Run, State, StateConflict, StateUnavailable, artifact

CONTOSO = Subject(name("contoso.com"))
HOST = name("contoso-com.o-v1.mx.microsoft")
ZONE = ZoneRef("aws", "route53", "1", "Z1", CONTOSO.name)


def line(domain: Name = CONTOSO.name, host: str = "mx.example") -> bytes:
    wanted = rrset(domain, "MX", 60, [Mx(0, name(host))])
    step = Step(Risk.REPLACE_MX, Change(None, wanted), ZONE, (), (ProviderHolds(ZONE, wanted.key, wanted),))
    return encode_entry(Entry(Subject(domain), "contoso", rollout=Rollout(Subject(domain), (step, step, step))))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "artifact.jsonl"


@pytest.fixture
def begun(state: State, run: Run, clock: list[datetime]) -> str:
    """A rollout with three events, a minute apart; gives its id."""
    rollout = state.start(run, CONTOSO, "plan-a", line())
    for kind, body in ((EventKind.BEGUN, {"does": "replace"}), (EventKind.SETTLED, {"outcome": "written"}), MET):
        clock[0] += timedelta(minutes=1)
        state.record(run, rollout.id, kind, 0, body)
    return rollout.id


MET = (EventKind.MET, {"condition": "all is well"})


@pytest.fixture
def other(new_url: Callable[[], str], clock: list[datetime]) -> Iterator[State]:
    """Another state, opened a day later."""
    clock[0] += timedelta(days=1)
    with State.open(new_url(), lambda: clock[0]) as opened:
        yield opened


def carry(of: State, to: State, file: Path) -> int:
    artifact.write(of, file)
    found = artifact.read(file)
    assert found
    return artifact.take_over(to, to.begin_run("apply", "0.1.0"), found)


def test_a_rollout_goes_on_elsewhere_with_its_own_times(state: State, begun: str, other: State, file: Path) -> None:
    state.pin(state.begin_run("pin", "0"), CONTOSO.name, HOST)
    assert carry(state, other, file) == 1
    assert other.open_rollout(CONTOSO) == state.open_rollout(CONTOSO)
    assert other.events(begun) == state.events(begun)
    assert other.pins() == {CONTOSO.name: HOST}
    assert other.verify() == ()
    assert [entry.at.day for entry in other.history()] == [2] * 5  # when they were taken over


def test_taking_the_same_again_changes_nothing(state: State, begun: str, other: State, file: Path) -> None:
    carry(state, other, file)
    head = other.head()
    assert carry(state, other, file) == 0
    assert carry(other, state, file) == 0
    assert other.head() == head


def test_the_longer_story_wins(state: State, run: Run, begun: str, other: State, file: Path) -> None:
    carry(state, other, file)
    there = other.begin_run("apply", "0.1.0")
    other.record(there, begun, EventKind.SEEN, 0, {})
    assert carry(state, other, file) == 0
    assert carry(other, state, file) == 1
    assert state.events(begun) == other.events(begun)
    assert [event.kind for event in state.events(begun)][-1] is EventKind.SEEN
    assert state.verify() == other.verify() == ()


def test_two_stories_of_one_rollout_are_refused(state: State, run: Run, begun: str, other: State, file: Path) -> None:
    carry(state, other, file)
    other.record(other.begin_run("apply", "0"), begun, EventKind.SEEN, 0, {})
    state.record(run, begun, EventKind.LOST, 0, {"condition": "all is well"})
    before = other.head()
    with pytest.raises(StateConflict, match="two states tell different stories of contoso") as caught:
        carry(state, other, file)
    assert "provisioner forget contoso.com" in caught.value.mend
    assert other.head() == before


def test_what_was_closed_meanwhile_stays_closed(state: State, run: Run, begun: str, other: State, file: Path) -> None:
    carry(state, other, file)
    other.close_rollout(other.begin_run("apply", "0"), begun, "finished")
    assert carry(state, other, file) == 0
    assert other.open_rollout(CONTOSO) is None
    state.record(run, begun, EventKind.SEEN, 0, {})
    with pytest.raises(StateConflict):
        carry(state, other, file)


def test_a_rollout_in_the_way_is_told(state: State, begun: str, other: State, file: Path) -> None:
    other.start(other.begin_run("apply", "0"), CONTOSO, "plan-b", line(host="mx2.example"))
    with pytest.raises(RolloutOpen):
        carry(state, other, file)


def test_a_pin_that_is_there_stays(state: State, other: State, file: Path) -> None:
    state.pin(state.begin_run("pin", "0"), CONTOSO.name, HOST)
    newer = name("contoso-com.a-v1.mx.microsoft")
    other.pin(other.begin_run("pin", "0"), CONTOSO.name, newer)
    carry(state, other, file)
    assert other.pins() == {CONTOSO.name: newer}


def test_an_edited_time_of_an_event_that_was_carried_is_found(state: State, begun: str, other: State, file: Path) -> None:
    carry(state, other, file)
    rollout = other.open_rollout(CONTOSO)
    assert rollout
    assert rollout.opened < other.now() - timedelta(hours=23)
    assert other.events(begun)[0] == Event(EventKind.BEGUN, 0, rollout.opened + timedelta(minutes=1))
    assert other.verify() == ()


def test_no_file_is_nothing(file: Path) -> None:
    assert artifact.read(file) is None


@pytest.fixture
def written(state: State, begun: str, file: Path) -> bytes:
    artifact.write(state, file)
    return file.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_any_damage_is_found(data: st.DataObject, written: bytes, file: Path) -> None:
    at = data.draw(st.integers(0, len(written) - 1))
    kind = data.draw(st.sampled_from(["cut", "changed", "doubled"]))
    damaged = {
        "cut": written[:at],
        "changed": written[:at] + bytes([written[at] ^ 1]) + written[at + 1 :],
        "doubled": written[: at + 1] + written[at:],
    }[kind]
    file.write_bytes(damaged)
    with pytest.raises(StateUnavailable) as caught:
        artifact.read(file)
    assert str(file) in caught.value.headline
    assert "Nothing of it was taken" in caught.value.detail
    assert "every wait" in caught.value.mend


WHEN = "2026-03-01T12:00:00.000000Z"
WRONG_EVENTS: tuple[dict[str, object], ...] = (
    {"kind": "seen", "step": 3, "at": WHEN, "body": {}},
    {"kind": "opened", "step": 0, "at": WHEN, "body": {}},
    {"kind": "seen", "step": 0, "at": WHEN, "body": 1},
    {"kind": "seen", "step": 0, "at": "noon", "body": {}},
    {"kind": "seen", "step": None, "at": WHEN, "body": {}},
)


def told_rollout(**other: object) -> dict[str, object]:
    """Give the line of a rollout as it should be, but for what is said."""
    right = {"subject": "contoso.com.", "kind": "domain", "line": line().decode(), "plan_id": "p", "opened": WHEN, "events": []}
    return {"rollout": right | other}


@pytest.mark.parametrize(
    "lines",
    [
        [{"schema": 2}],
        [{"schema": 1}, {"rollout": {}}],
        [{"schema": 1}, {"rollout": 7}],
        [{"schema": 1}, {"pin": {"domain": "no name", "exchange": "x."}}],
        [{"schema": 1}, {"other": 1}],
        [{"schema": 1}, ["rollout"]],
        [{"schema": 1}, told_rollout(subject="fabrikam.com.")],
        [{"schema": 1}, told_rollout(line="{}")],
        [{"schema": 1}, told_rollout(kind="nothing")],
        [{"schema": 1}, told_rollout(opened="noon")],
        *([{"schema": 1}, told_rollout(events=[event])] for event in WRONG_EVENTS),
    ],
)
def test_what_no_version_of_ours_wrote_is_refused_whatever_its_digest(lines: list[object], file: Path) -> None:
    seal(file, lines)
    with pytest.raises(StateUnavailable):
        artifact.read(file)


def test_a_right_digest_of_right_lines_is_taken(file: Path) -> None:
    seal(file, [{"schema": 1}, told_rollout()])
    found = artifact.read(file)
    assert found
    assert [one.subject for one in found.rollouts] == [CONTOSO]


def seal(file: Path, lines: list[object]) -> None:
    before = b"".join(f"{json.dumps(one, sort_keys=True, separators=(',', ':'))}\n".encode() for one in lines)
    file.write_bytes(before + b'{"end":{"digest":"%s"}}\n' % hashlib.sha256(before).hexdigest().encode())


def test_a_file_that_cannot_be_had_is_told(state: State, tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match="cannot be used"):
        artifact.read(tmp_path)
    with pytest.raises(StateUnavailable, match="--state-artifact FILE"):
        artifact.write(state, tmp_path / "nowhere" / "artifact.jsonl")
