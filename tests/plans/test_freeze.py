from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.freeze import Freeze, Once, Weekly, frozen

FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EVENING = Weekly(frozenset({4}), 18 * HOUR, DAY, "", "p.yaml:3")
SATURDAY = Weekly(frozenset({5}), timedelta(0), DAY, "weekend", "p.yaml:4")
HOLIDAYS = Once(FRIDAY + 26 * HOUR, FRIDAY + 60 * HOUR, "holidays", "p.yaml:5")
ALWAYS = Weekly(frozenset(range(7)), timedelta(0), DAY, "", "p.yaml:6")


@pytest.mark.parametrize(
    ("freezes", "now", "by", "until"),
    [
        ([EVENING], FRIDAY + 17 * HOUR, None, None),
        ([EVENING], FRIDAY + 18 * HOUR, EVENING, FRIDAY + DAY),
        ([EVENING], FRIDAY + DAY, None, None),
        ([EVENING], FRIDAY - DAY + 18 * HOUR, None, None),
        ([EVENING, SATURDAY], FRIDAY + 19 * HOUR, EVENING, FRIDAY + 2 * DAY),
        ([EVENING, SATURDAY, HOLIDAYS], FRIDAY + 19 * HOUR, EVENING, FRIDAY + 60 * HOUR),
        ([HOLIDAYS], FRIDAY + 26 * HOUR, HOLIDAYS, FRIDAY + 60 * HOUR),
        ([HOLIDAYS], FRIDAY + 60 * HOUR, None, None),
        ([], FRIDAY, None, None),
    ],
)
def test_it_is_now_until_all_that_touch_it_have_ended(
    freezes: list[Freeze], now: datetime, by: Freeze | None, until: datetime | None
) -> None:
    found = frozen(freezes, now)
    assert (found and found.by, found and found.until) == (by, until)


def test_it_tells_its_rule_its_end_and_why() -> None:
    told = "policy.freeze in p.yaml:5 lets nothing be written before 2026-11-29 12:00:00Z (holidays)"
    assert str(frozen([HOLIDAYS], FRIDAY + 30 * HOUR)) == told
    assert str(frozen([EVENING], FRIDAY + 20 * HOUR)) == (
        "policy.freeze in p.yaml:3 lets nothing be written before 2026-11-28 00:00:00Z"
    )


def test_one_that_never_ends_is_followed_for_a_while() -> None:
    found = frozen([ALWAYS], FRIDAY)
    assert found
    assert found.until > FRIDAY + 30 * DAY


@given(st.lists(st.sampled_from([EVENING, SATURDAY, HOLIDAYS]), unique=True), st.integers(0, 14 * 24 * 4))
def test_once_it_has_ended_writing_goes_on(freezes: list[Freeze], quarters: int) -> None:
    found = frozen(freezes, FRIDAY - 7 * DAY + quarters * HOUR / 4)
    assert found is None or frozen(freezes, found.until) is None
