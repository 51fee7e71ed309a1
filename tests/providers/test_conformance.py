"""The adapters of this project that need no network, in the suite that every adapter passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from providers import memory, zonefile
from providers.conformance import Bench, Suite
from tests.providers.benches import MemoryBench, ZoneFileBench

KINDS = ("mixed TTLs", "CNAME at the name", "zone cut at the name")


class TestMemory(Suite):
    adapter = memory.ADAPTER
    irregular = KINDS
    atomic = True

    @pytest.fixture
    def bench(self) -> Bench:
        return MemoryBench()


class TestZoneFile(Suite):
    adapter = zonefile.ADAPTER
    irregular = KINDS
    atomic = True

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        return ZoneFileBench(tmp_path)


def test_only_the_suite_needs_pytest() -> None:
    code = (
        "import sys\n"
        "import providers.contract, providers.registry, providers.memory, providers.zonefile, providers.conformance_checks\n"
        "print('pytest' in sys.modules)\n"
        "import providers.conformance\n"
        "print('pytest' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
