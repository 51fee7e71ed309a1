"""A plot of lines over two logarithmic axes as SVG, to be read on white and on black."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

WIDTH, HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 64, 48
_STYLE = """
text { font: 13px sans-serif; fill: #24292f } .line { fill: none; stroke-width: 2 }
.grid { stroke: #d0d7de } .axis { stroke: #57606a }
.s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #1a7f37; fill: #1a7f37 } .s2 { stroke: #bc4c00; fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .grid { stroke: #30363d } .axis { stroke: #8b949e }
.s0 { stroke: #58a6ff; fill: #58a6ff } .s1 { stroke: #3fb950; fill: #3fb950 } .s2 { stroke: #f0883e; fill: #f0883e } }
"""

Points = Sequence[tuple[float, float]]


def svg(title: str, across: str, up: str, series: Mapping[str, Points]) -> str:
    """Draw up to three series of points; every coordinate is greater than zero."""
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "style").text = _STYLE
    x = _Axis([point[0] for points in series.values() for point in points], _LEFT, WIDTH - _RIGHT)
    y = _Axis([point[1] for points in series.values() for point in points], HEIGHT - _BOTTOM, _TOP)
    for value in x.ticks:
        _line(root, "grid", (x.at(value), _TOP), (x.at(value), HEIGHT - _BOTTOM))
        _text(root, f"{value:,g}", x.at(value), HEIGHT - _BOTTOM + 18, "middle")
    for value in y.ticks:
        _line(root, "grid", (_LEFT, y.at(value)), (WIDTH - _RIGHT, y.at(value)))
        _text(root, f"{value:,g}", _LEFT - 8, y.at(value) + 4, "end")
    _line(root, "axis", (_LEFT, HEIGHT - _BOTTOM), (WIDTH - _RIGHT, HEIGHT - _BOTTOM))
    _line(root, "axis", (_LEFT, _TOP), (_LEFT, HEIGHT - _BOTTOM))
    _text(root, across, (_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 10, "middle")
    _text(root, up, 8, 20, "start")
    for number, (name, points) in enumerate(series.items()):
        ordered = sorted(points)
        path = " ".join(f"{x.at(across):.1f},{y.at(up):.1f}" for across, up in ordered)
        ET.SubElement(root, "polyline", {"class": f"line s{number}", "points": path, "style": "fill: none"})
        for at, value in ordered:
            place = {"cx": f"{x.at(at):.1f}", "cy": f"{y.at(value):.1f}", "r": "4", "class": f"s{number}"}
            ET.SubElement(ET.SubElement(root, "circle", place), "title").text = f"{name}, {at:,g}: {value:,.3g}"
        left = _LEFT + number * (WIDTH - _LEFT - _RIGHT) / 3
        ET.SubElement(root, "circle", {"cx": f"{left + 6:.1f}", "cy": "42", "r": "5", "class": f"key s{number}"})
        _text(root, name, left + 18, 46, "start")
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


class _Axis:
    """A logarithmic axis from the lowest value to the highest, widened to the next tick: 1, 2 or 5 times a power of ten."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        lowest, highest = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        fine = [factor * 10.0**power for power in range(lowest, highest + 1) for factor in (1, 2, 5)]
        low = max(tick for tick in fine if tick <= min(values))
        high = min(tick for tick in (*fine, 10.0 ** (highest + 1)) if tick >= max(values) and tick > low)
        self.ticks = [tick for tick in fine if low <= tick < high] + [high]
        self._low, self._span = math.log10(low), math.log10(high) - math.log10(low)
        self._begin, self._length = begin, end - begin

    def at(self, value: float) -> float:
        return self._begin + (math.log10(value) - self._low) / self._span * self._length


def _line(root: ET.Element, kind: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
    (x1, y1), (x2, y2) = begin, end
    ET.SubElement(root, "line", {"class": kind, "x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"})


def _text(root: ET.Element, text: str, x: float, y: float, anchor: str) -> None:
    ET.SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}).text = text
