"""The Azure DNS adapter in the suite that every adapter passes, on the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.azure import ADAPTER
from providers.conformance import Bench, Suite
from tests.emulators.azure_dns import AzureDnsEmulator, running
from tests.providers.azure_bench import AzureBench


class TestAzureDns(Suite):
    adapter = ADAPTER
    irregular = ("CNAME at the name", "zone cut at the name", "alias", "no records")
    cannot_hold = (
        "MX create at an escaped name",
        "MX replace at an escaped name",
        "TXT beside octets beyond ASCII",
    )

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        with running(AzureDnsEmulator()) as emulator:
            yield AzureBench(emulator)


class TestAzureDnsLargeZones(TestAzureDns):
    """Zones of so many sets that they are read name by name."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        with running(AzureDnsEmulator()) as emulator:
            yield AzureBench(emulator, reported=10_000)
