"""What a fleet costs, beside octoDNS: `python -m tests.benchmarks.fleet [--quick] [--only WORD] [--octodns FOLDER]`.

Every row runs both programs in turn against the project's own emulators, which take 60 ms for an answer (DNS: 20 ms), and gives
ratios; seconds are this machine's. Both read the desired state from files; start-up counts. The limits are the documented
ones: Route 53 ten requests a second with a burst of 50, Cloudflare 200 a second and 1,200 in five minutes.
`--write docs/performance.md` keeps the figures beside that page and draws them; `--draw` does so with those that are kept.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.fleet import figures, octodns, ours, page
from tests.benchmarks.fleet.figures import Figure, Machine, Run
from tests.benchmarks.fleet.measure import Cost, run
from tests.benchmarks.fleet.rows import ROWS, Row
from tests.benchmarks.fleet.services import Asked, Running, running


def main() -> int:
    """Run what is asked for, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fleet", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fleets of a tenth of the size")
    parser.add_argument("--only", default="", help="rows whose line has this word")
    parser.add_argument(
        "--octodns", type=Path, default=Path(tempfile.gettempdir(), "provisioner-octodns"), help="its environment"
    )
    parser.add_argument("--alone", action="store_true", help="without octoDNS")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="keep the figures beside a page, and draw them")
    parser.add_argument("--draw", type=Path, metavar="PAGE", help="draw the figures that are kept; nothing is measured")
    asked = parser.parse_args()
    if asked.draw:
        page.draw(asked.draw)
        return 0
    machine, measured = Machine.here(), []
    program = None if asked.alone else octodns.environment(asked.octodns)
    print(*figures.head(), sep="\n")
    for row in (one.smaller() if asked.quick else one for one in ROWS):
        if asked.only in f"{row.label} {row.asked.service} {row.asked.zones}":
            measured.append(measure(row, program))
            print(figures.row(measured[-1]), flush=True)
    if asked.write:
        page.write(asked.write, machine, measured)
    return 0


def measure(row: Row, program: Path | None) -> Figure:
    """Measure ours, and octoDNS beside where it is given and the row has it."""
    costs, calls = zip(*(_ours(row) for _ in range(row.times)), strict=True)
    median = Run(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.peak for cost in costs),
        max(cost.code for cost in costs),
        f"{row.times} times" if row.times > 1 else "once",
    )
    beside = [_theirs(row.asked, program, workers, apply="apply" in row.command) for workers in row.workers if program]
    return Figure(
        row.label,
        row.asked.service,
        row.asked.zones,
        median,
        calls[0],
        min(beside, key=lambda one: (one.code, one.seconds)) if beside else None,
        row.bound(row.asked) if row.bound else None,
        row.target,
    )


def _ours(row: Row) -> tuple[Cost, str]:
    with running(row.asked) as there, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if row.before:
            ours.settle(folder, replace(row.asked, limited=False), there)
            _complain(run([*ours.PROGRAM, *row.before], folder, ours.variables()))
        ours.settle(folder, row.asked, there)
        there.counts()
        there.limit()
        cost = run([*ours.PROGRAM, *row.command], folder, ours.variables())
        _complain(cost)
        return cost, _calls(there)


def _complain(cost: Cost) -> None:
    if cost.code:
        print(cost.said, file=sys.stderr)


def _calls(there: Running) -> str:
    calls, answered, limited = there.counts()
    total = sum(count for operation, count in calls.items() if operation != "throttled")
    refused = f", {calls['throttled']} refused" if calls.get("throttled") else ""
    return f"{total:,}{refused}; DNS {answered:,}" + (f", {limited:,} limited" if limited else "")


def _theirs(asked: Asked, program: Path, workers: int, *, apply: bool) -> Run:
    with running(asked) as there, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        octodns.settle(folder, asked, there.endpoint, workers)
        there.limit()
        cost = run(octodns.command(program, apply=apply), folder, octodns.variables(there.endpoint))
        _complain(cost)
        return Run(cost.wall, cost.cpu, cost.peak, cost.code, f"{workers} workers")


if __name__ == "__main__":
    sys.exit(main())
