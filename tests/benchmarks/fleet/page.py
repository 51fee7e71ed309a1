"""The page in the documentation that tells what was measured: a table, and plots of how each cost grows with the fleet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.fleet.figures import Figure, Machine, Run, head, load, row, save
from tests.benchmarks.fleet.plot import Points, svg
from tests.benchmarks.fleet.rows import BY_API, BY_DNS

BEGIN, END = "<!-- made by tests.benchmarks.fleet: -->", "<!-- to here -->"
_PLOTS: Mapping[str, tuple[str, str, Callable[[Run], float]]] = {
    "seconds": ("Seconds from start to end", "seconds", lambda run: run.seconds),
    "cpu": ("Seconds of CPU", "seconds of CPU", lambda run: run.cpu),
    "memory": ("Peak memory", "MiB", lambda run: run.peak),
}


def write(page: Path, machine: Machine, figures: Sequence[Figure]) -> None:
    """Keep figures in the folder that has the page's name, draw them there, and put the table into the page."""
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    save(folder / "figures.jsonl", machine, figures)
    draw(page)


def draw(page: Path) -> None:
    """Make anew what follows from the figures that are kept."""
    folder = page.with_suffix("")
    machine, figures = load(folder / "figures.jsonl")
    for name, text in plots(figures).items():
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{section(machine, figures, folder.name)}{END}{after}", encoding="utf-8")


def section(machine: Machine, figures: Sequence[Figure], folder: str) -> str:
    """Give the part of the page that is made: where it was measured, the plots, the table."""
    where = f"Measured on {machine.day}: {machine.cores} cores, Python {machine.python}, load {machine.load} before it began."
    drawn = [f"![{title}]({folder}/{name}.svg)" for name, (title, _, _) in _PLOTS.items()]
    return "\n\n".join(("", where, *drawn, "\n".join((*head(), *map(row, figures))), ""))


def plots(figures: Sequence[Figure]) -> dict[str, str]:
    """Draw what grows with the number of zones where nothing is to do: ours both ways, and octoDNS."""
    return {name: svg(title, "zones", up, _series(figures, value)) for name, (title, up, value) in _PLOTS.items()}


def _series(figures: Sequence[Figure], value: Callable[[Run], float]) -> dict[str, Points]:
    found: dict[str, dict[float, float]] = {"ours, by DNS": {}, "ours, --refresh api": {}, "octoDNS": {}}
    for figure in figures:
        if figure.label in {BY_DNS, BY_API}:
            found["ours, by DNS" if figure.label == BY_DNS else "ours, --refresh api"][figure.zones] = value(figure.ours)
            if figure.octodns:
                found["octoDNS"][figure.zones] = value(figure.octodns)
    return {name: list(points.items()) for name, points in found.items() if points}
