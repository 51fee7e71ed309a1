"""What the probes' tests share."""

from __future__ import annotations

import pytest

from tests.emulators.authority import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    """An authority that only these tests trust."""
    return Authority()
