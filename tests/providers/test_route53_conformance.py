"""The Route 53 adapter in the suite that every adapter passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from providers import route53
from providers.conformance import Bench, Suite
from tests.providers.route53_bench import Route53Bench, account


class TestRoute53(Suite):
    adapter = route53.ADAPTER
    irregular = ("CNAME at the name", "zone cut at the name", "alias", "weighted")
    atomic = True

    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bench]:
        with account(monkeypatch, tmp_path) as held:
            yield Route53Bench(held)
