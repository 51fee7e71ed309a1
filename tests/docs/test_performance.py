"""What docs/performance.md shows is what follows from the figures beside it, and the benchmark runs what it says it does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks.fleet import page
from tests.benchmarks.fleet.__main__ import main, measure
from tests.benchmarks.fleet.figures import Figure, Machine, Run, load
from tests.benchmarks.fleet.plot import HEIGHT, WIDTH, Points, svg
from tests.benchmarks.fleet.rows import BY_API, BY_DNS, ROWS, Row

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
SVG = "{http://www.w3.org/2000/svg}"
MACHINE = Machine("2026-11-24", 2, "3.11.7", 0.1)
SERIES: Mapping[str, Points] = {"ours": [(1000.0, 1.5), (100.0, 0.6)], "theirs & others": [(100.0, 0.9), (5000.0, 56.0)]}


def figure(label: str, zones: int, seconds: float, beside: float | None = None, bound: float | None = None) -> Figure:
    theirs = Run(beside, beside, 60.0, 0, "8 workers") if beside else None
    return Figure(label, "route53", zones, Run(seconds, seconds, 50.0, 0, "once"), "0; DNS 7", theirs, bound, "a target")


FIGURES = [
    figure(BY_DNS, 100, 0.5, 1.0),
    figure(BY_DNS, 1000, 1.5, 6.0),
    figure(BY_API, 100, 0.8),
    figure("other", 9, 3.0, None, 2.5),
]


def test_a_plot_has_axes_with_ticks_the_names_of_its_series_and_each_point() -> None:
    root = ET.fromstring(svg("A title", "zones", "seconds", SERIES))  # noqa: S314 - our own
    texts = {one.text for one in root.iter(f"{SVG}text")}
    assert {"zones", "seconds", *SERIES, "100", "1,000", "5,000", "0.5", "1", "10"} <= texts
    assert len([one for one in root.iter(f"{SVG}line") if one.get("class") == "axis"]) == 2
    points = [one for one in root.iter(f"{SVG}circle") if "key" not in str(one.get("class"))]
    assert len(points) == sum(map(len, SERIES.values()))
    assert [len(str(one.get("points")).split()) for one in root.iter(f"{SVG}polyline")] == [2, 2]
    for one in points:
        assert 0 < float(str(one.get("cx"))) < WIDTH
        assert 0 < float(str(one.get("cy"))) < HEIGHT


def test_a_plot_is_logarithmic_along_both_axes() -> None:
    root = ET.fromstring(svg("A title", "zones", "seconds", {"ours": [(10.0, 1.0), (100.0, 10.0), (1000.0, 100.0)]}))  # noqa: S314 - our own
    points = [one for one in root.iter(f"{SVG}circle") if "key" not in str(one.get("class"))]
    for place in ("cx", "cy"):
        first, second, third = (float(str(one.get(place))) for one in points)
        assert second - first == pytest.approx(third - second, abs=0.2)


@pytest.mark.parametrize("value", [1.0, 3.0, 10.0])
def test_a_plot_of_a_single_point_has_axes_too(value: float) -> None:
    root = ET.fromstring(svg("A title", "zones", "seconds", {"ours": [(value, value)]}))  # noqa: S314 - our own
    assert len(list(root.iter(f"{SVG}line"))) >= 6


def test_every_row_of_nothing_to_do_is_a_point() -> None:
    drawn = page.plots(FIGURES)
    assert drawn.keys() == {"seconds", "cpu", "memory"}
    root = ET.fromstring(drawn["seconds"])  # noqa: S314 - our own
    told = [str(one.text) for one in root.iter(f"{SVG}title")][1:]
    assert told == [
        "ours, by DNS, 100: 0.5",
        "ours, by DNS, 1,000: 1.5",
        "ours, --refresh api, 100: 0.8",
        "octoDNS, 100: 1",
        "octoDNS, 1,000: 6",
    ]


def test_the_page_is_written_between_its_marks_and_can_be_drawn_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = tmp_path / "page.md"
    at.write_text(f"Before.\n\n{page.BEGIN}\nold\n{page.END}\n\nAfter.\n")
    page.write(at, MACHINE, FIGURES)
    text = at.read_text()
    assert text.startswith(f"Before.\n\n{page.BEGIN}\n")
    assert text.endswith(f"{page.END}\n\nAfter.\n")
    assert (
        "| route53: nothing to do, by DNS | 1,000 | 1.5 | 1.50 | 50 | 0; DNS 7 | 6.0 | 6.00 | 60 | 0.25 |  |  | a target |"
        in text
    )
    assert "| route53: other | 9 | 3.0 | 333.33 | 50 | 0; DNS 7 |  |  |  |  | 2.5 | 1.20 | a target |" in text
    assert load(tmp_path / "page" / "figures.jsonl") == (MACHINE, FIGURES)
    (tmp_path / "page" / "seconds.svg").unlink()
    monkeypatch.setattr("sys.argv", ["fleet", "--draw", str(at)])
    assert main() == 0
    assert (tmp_path / "page" / "seconds.svg").exists()
    assert at.read_text() == text


def test_a_run_that_failed_is_told_with_its_exit_code() -> None:
    failed = replace(FIGURES[0], octodns=Run(5.0, 1.0, 60.0, 1, "8 workers"))
    assert "| 5.0 (exit 1) |" in page.section(MACHINE, [failed], "page")


def test_the_page_in_the_documentation_shows_the_figures_beside_it() -> None:
    folder = PAGE.with_suffix("")
    machine, figures = load(folder / "figures.jsonl")
    text = PAGE.read_text(encoding="utf-8")
    assert f"{page.BEGIN}\n{page.section(machine, figures, folder.name)}{page.END}" in text
    for name, drawn in page.plots(figures).items():
        assert (folder / f"{name}.svg").read_text(encoding="utf-8") == drawn


def of(label: str, service: str = "route53") -> Row:
    """Give a row with a fleet of four zones."""
    row = next(one for one in ROWS if one.label == label and one.asked.service == service)
    return replace(row, asked=replace(row.asked, zones=4, changed=min(row.asked.changed, 1), latency=0.0), times=1)


@pytest.mark.parametrize(
    ("row", "calls"),
    [
        (of(BY_DNS), "0; DNS [1-9].*"),
        (of("nothing to do, by DNS, 500 answers/s a server"), "0; DNS [1-9].*"),
        (of(BY_API), "[4-9]; DNS .*"),
        (of("10 % changed, plan"), "[1-9]; DNS .*"),
        (of("10 % changed, apply"), "[1-9][0-9]?; DNS 0"),
        (of("limits on, --refresh api, second run"), "[4-9]; DNS .*"),
        (of("limits on, --refresh api, second run", "cloudflare"), "[4-9]; DNS .*"),
    ],
    ids=lambda value: f"{value.asked.service} {value.label}" if isinstance(value, Row) else "",
)
def test_each_kind_of_row_can_be_measured(row: Row, calls: str) -> None:
    measured = measure(row, None)
    assert measured.ours.code == 0
    assert re.fullmatch(calls, measured.calls), measured.calls
    assert measured.octodns is None
    assert (measured.bound is None) == (row.bound is None)
