"""The Cloudflare adapter in the suite that every adapter passes, against the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.cloudflare import ADAPTER
from providers.conformance import Bench, Suite
from tests.emulators.cloudflare import CloudflareEmulator, running
from tests.providers.cloudflare_bench import TOKEN, CloudflareBench


class TestCloudflare(Suite):
    adapter = ADAPTER
    irregular = ("mixed TTLs", "CNAME at the name", "zone cut at the name")
    cannot_hold = ("MX create at an escaped name", "MX replace at an escaped name")
    atomic = True

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        with running(CloudflareEmulator(TOKEN)) as emulator:
            emulator.largest_page = 100
            yield CloudflareBench(emulator)
