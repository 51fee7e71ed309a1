"""How far a run is, as text."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from provisioner.report.progress_text import Reached, progress_text


@pytest.mark.parametrize(
    ("reached", "told"),
    [
        (Reached("Planning"), "Planning: 0 s"),
        (Reached("Planning", seconds=75.9), "Planning: 1 min 15 s"),
        (Reached("Planning", "domains", 0, 3, 1.2), "Planning: 0 of 3 domains in 1 s"),
        (Reached("Planning", "domains", 0, 0), "Planning: 0 of 0 domains in 0 s"),
        (Reached("Applying", "subjects", 3, 12, 2), "Applying: 3 of 12 subjects in 2 s, 1.5 a second"),
        (Reached("Planning", "domains", 1234, 10000, 61), "Planning: 1,234 of 10,000 domains in 1 min 1 s, 20 a second"),
        (
            Reached("Planning", "domains", 123456, 200000, 100),
            "Planning: 123,456 of 200,000 domains in 1 min 40 s, 1,235 a second",
        ),
    ],
)
def test_how_far_and_how_fast(reached: Reached, told: str) -> None:
    assert progress_text(reached) == told


@pytest.mark.parametrize(
    ("waits", "told"),
    [
        ({"cloudflare": 0.9}, ""),
        ({"cloudflare": 12.4}, "; waiting 12 s for cloudflare's limit"),
        (
            {"cloudflare": 12, "route53": 300, "azure": 0.2},
            "; waiting 300 s for route53's limit; waiting 12 s for cloudflare's limit",
        ),
    ],
)
def test_whose_limit_is_waited_for_the_longest_first(waits: Mapping[str, float], told: str) -> None:
    assert progress_text(Reached("Drift", "zones", 0, 5, 3, waits)) == f"Drift: 0 of 5 zones in 3 s{told}"
