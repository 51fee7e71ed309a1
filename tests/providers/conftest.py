from __future__ import annotations

from collections.abc import Callable

import pytest

from plans.values import RRset, parse_value, rrset

MakeSet = Callable[..., RRset]


@pytest.fixture(scope="session")
def rrs() -> MakeSet:
    """Makes a set from presentation format: rrs("example.com", "MX", 3600, "10 mx.example.net.", …)."""

    def make(owner: str, rdata_type: str, ttl: int, *values: str) -> RRset:
        return rrset(owner, rdata_type, ttl, [parse_value(rdata_type, value) for value in values])

    return make


@pytest.fixture(scope="session")
def mx() -> MakeSet:
    """Makes an MX set of one hour: mx("example.com", "10 mx.example.net.", …)."""

    def make(owner: str, *values: str, ttl: int = 3600) -> RRset:
        return rrset(owner, "MX", ttl, [parse_value("MX", value) for value in values])

    return make
