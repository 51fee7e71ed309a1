from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.soa_serial import MODULUS, follows, next_serial

NOON = datetime(2024, 6, 15, 12, tzinfo=UTC)
serials = st.integers(0, MODULUS - 1)
times = st.datetimes(datetime(1987, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        pytest.param(1, 2, id="a counter"),
        pytest.param(2**32 - 1, 0, id="the range ends"),
        pytest.param(2**31 - 1, 2**31, id="half the range"),
        pytest.param(2023010199, 2024061500, id="a day long past"),
        pytest.param(2024061400, 2024061500, id="yesterday"),
        pytest.param(2024061499, 2024061500, id="the last of yesterday"),
        pytest.param(2024061500, 2024061501, id="today"),
        pytest.param(2024061599, 2024061600, id="the last of today"),
        pytest.param(2024061600, 2024061601, id="tomorrow"),
        pytest.param(2024061700, 2024061701, id="the day after tomorrow is no date of ours"),
        pytest.param(2024023001, 2024023002, id="a day that never was"),
        pytest.param(1700000000, 1700000001, id="Unix time"),
        pytest.param(1986123100, 1986123101, id="older than zone files"),
        pytest.param(1987010100, 2024061500, id="the first year"),
        pytest.param(4294123199, 4294123200, id="a year beyond any clock"),
        pytest.param(20240614, 20240615, id="a date without a number is a counter"),
    ],
)
def test_next_serial(serial: int, expected: int) -> None:
    assert next_serial(serial, NOON) == expected


@given(serials, times)
def test_the_next_serial_always_follows_in_the_sense_of_rfc_1982(serial: int, now: datetime) -> None:
    later = next_serial(serial, now)
    assert 0 <= later < MODULUS
    assert follows(later, serial)


@given(serials)
def test_a_serial_neither_follows_itself_nor_the_one_half_the_range_away(serial: int) -> None:
    assert not follows(serial, serial)
    assert not follows((serial + 2**31) % MODULUS, serial)
    assert follows((serial + 2**31 - 1) % MODULUS, serial)
