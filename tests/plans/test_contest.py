from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from plans.conditions import ProviderHolds, ZoneSigned
from plans.contest import contested, trails, warned
from plans.desired import Subject
from plans.plan import Change, Entry, Manual, Rollout, SetSigning, Step
from plans.policy import CONTESTED, Risk, Severity, unattended
from plans.values import Mx, RRset, ZoneRef, name, parse_value, rrset

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)
CONTOSO = name("contoso.example")
ZONE = ZoneRef("mem", "memory", "", "1", CONTOSO)
OLD, MIDDLE, NEW = (rrset(CONTOSO, "MX", 60, [Mx(0, name(f"{host}.example"))]) for host in ("old", "middle", "new"))


@dataclass(frozen=True)
class Wrote:
    at: datetime
    zone: ZoneRef | None
    change: Change | SetSigning


def wrote(days: int, before: RRset | None, after: RRset | None) -> Wrote:
    return Wrote(NOW - days * DAY, ZONE, Change(before, after))


def step(change: Change, risk: Risk = Risk.RAISE_TTL) -> Step:
    return Step(risk, change, ZONE, (), (ProviderHolds(ZONE, change.key, change.after),))


def rollout(*steps: Step) -> Rollout:
    return Rollout(Subject(CONTOSO), steps or (step(Change(OLD, NEW)),))


def test_what_was_changed_back_twice_is_contested_and_its_times_are_told() -> None:
    finding = contested(rollout(), trails([wrote(3, OLD, NEW), wrote(1, OLD, NEW)]))
    assert finding
    assert (finding.severity, finding.code) == (Severity.WARNING, CONTESTED)
    assert finding.what == (
        "contoso.example. MX was changed back each time after we wrote it: 2026-11-21 00:00:00Z, 2026-11-23 00:00:00Z."
    )


@pytest.mark.parametrize(
    "writes",
    [
        [],
        [wrote(3, OLD, NEW)],
        [wrote(3, OLD, MIDDLE), wrote(1, MIDDLE, NEW)],
        [wrote(3, NEW, OLD), wrote(2, OLD, NEW), wrote(1, NEW, OLD)],
        [wrote(3, OLD, NEW), wrote(2, OLD, NEW), wrote(1, NEW, OLD)],
        [Wrote(NOW, None, Change(OLD, NEW))] * 2,
    ],
    ids=["never", "once", "in-steps", "by-ourselves", "once-and-then-by-ourselves", "nowhere-of-ours"],
)
def test_what_was_not_is_not(writes: list[Wrote]) -> None:
    assert contested(rollout(), trails(writes)) is None


def test_of_what_a_rollout_does_to_a_key_its_first_step_tells() -> None:
    known = trails([wrote(3, OLD, NEW), wrote(1, OLD, NEW)])
    assert contested(rollout(step(Change(OLD, MIDDLE)), step(Change(MIDDLE, NEW))), known)
    assert contested(rollout(step(Change(NEW, MIDDLE)), step(Change(MIDDLE, OLD))), known) is None


def test_a_zone_that_is_unsigned_each_time_is_contested_too() -> None:
    signing = SetSigning(signed=True)
    again = Step(Risk.SIGN, signing, ZONE, (), (ZoneSigned(CONTOSO, (), 0),))
    writes = [Wrote(NOW - days * DAY, ZONE, signing) for days in (2, 1)]
    finding = contested(rollout(again), trails(writes))
    assert finding
    assert finding.what.startswith("the signing of contoso.example. was changed back")
    unsigned = Wrote(NOW, ZONE, SetSigning(signed=False))
    assert contested(rollout(again), trails([*writes, unsigned])) is None


def test_a_text_set_belongs_to_others_who_may_change_it() -> None:
    first, second = (parse_value("TXT", text) for text in ('"a"', '"b"'))
    one, two = rrset(CONTOSO, "TXT", 60, [first]), rrset(CONTOSO, "TXT", 60, [first, second])
    writes = [Wrote(NOW, ZONE, Change(one, two))] * 2
    assert contested(rollout(step(Change(one, two), Risk.ADD_TXT)), trails(writes)) is None


def test_entries_get_the_finding_and_are_not_done_without_a_person() -> None:
    known = trails([wrote(3, OLD, NEW), wrote(1, OLD, NEW)])
    plain, other = Entry(Subject(CONTOSO), "t", rollout=rollout()), Entry(Subject(name("other.example")), "t")
    found, same = warned([plain, other], known)
    assert ([finding.code for finding in found.findings], same) == ([CONTESTED], other)
    assert list(warned([plain], {})) == [plain]
    assert unattended(plain, {Risk.RAISE_TTL})
    assert not unattended(found, {Risk.RAISE_TTL})


@pytest.mark.parametrize(
    ("risks", "allowed", "alone"),
    [
        ([Risk.RAISE_TTL], {Risk.RAISE_TTL, Risk.ADD_MX}, True),
        ([Risk.RAISE_TTL, Risk.ADD_MX], {Risk.RAISE_TTL}, False),
        ([Risk.LOWER_TTL], {Risk.LOWER_TTL}, False),
        ([], set(), True),
    ],
)
def test_every_class_of_step_must_be_allowed_and_no_ttl_is_lowered_alone(
    risks: list[Risk], allowed: set[Risk], alone: bool
) -> None:
    steps = [step(Change(OLD, NEW), risk) for risk in risks]
    assert unattended(Entry(Subject(CONTOSO), "t", rollout=rollout(*steps) if steps else None), allowed) == alone


def test_what_a_person_does_is_not_done_alone() -> None:
    by_hand = Step(Risk.MANUAL, Manual("do it"), None, (), (ProviderHolds(ZONE, NEW.key, NEW),))
    assert contested(rollout(by_hand), trails([wrote(3, OLD, NEW), wrote(1, OLD, NEW)])) is None
    assert not unattended(Entry(Subject(CONTOSO), "t", rollout=rollout(by_hand)), set())
