"""What a fleet costs, beside octoDNS: `python -m tests.benchmarks.fleet [--quick] [--only WORD] [--octodns FOLDER]`.

Every row runs both programs in turn against the project's own emulators, which take 60 ms for an answer (DNS: 20 ms), and gives
ratios; seconds are this machine's. Both read the desired state from files; start-up counts. The limits are the documented
ones: Route 53 ten requests a second with a burst of 50, Cloudflare 1,200 in five minutes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.fleet import octodns, ours
from tests.benchmarks.fleet.measure import Cost, run
from tests.benchmarks.fleet.services import Asked, Running, running

WORKERS = (8, 32)
"""octoDNS is run with each; the better one counts."""
QUICK = 10
"""By so much smaller is every fleet of a quick run."""


@dataclass(frozen=True)
class Row:
    """A comparison: what is asked for, what ours is told beside, and what the target is a part of, in seconds or a bound."""

    label: str
    asked: Asked
    command: tuple[str, ...] = ("plan",)
    beside: bool = True
    bound: Callable[[Asked], float] | None = None
    target: str = ""


def _route53_bound(asked: Asked) -> float:
    return (asked.zones + asked.zones / 100 - 50) / 10


def _cloudflare_bound(asked: Asked) -> float:
    return 0.3 + asked.zones / 32 * asked.latency


def _apply_bound(asked: Asked) -> float:
    return 0.3 + (asked.zones + 3 * asked.changed) / 32 * asked.latency


ROWS = (
    Row("nothing to do, by DNS", Asked("route53", 1000), target="1/5 of octoDNS"),
    Row("nothing to do, --refresh api", Asked("route53", 1000), ("plan", "--refresh", "api"), target="0.6 of octoDNS"),
    Row("nothing to do, by DNS", Asked("route53", 5000), target="1/10 of octoDNS"),
    Row("nothing to do, --refresh api", Asked("route53", 5000), ("plan", "--refresh", "api"), target="1/4 of octoDNS"),
    Row("10 % changed, plan", Asked("route53", 1000, 100)),
    Row(
        "10 % changed, apply",
        Asked("route53", 1000, 100, staged=True),
        ("apply", "--auto-approve"),
        bound=_apply_bound,
        target="1.2 of the bound",
    ),
    Row(
        "limits on, --refresh api",
        Asked("route53", 200, limited=True),
        ("plan", "--refresh", "api"),
        bound=_route53_bound,
        target="1.1 of the bound",
    ),
    Row(
        "limits on, --refresh api",
        Asked("cloudflare", 1000, limited=True),
        ("plan", "--refresh", "api"),
        bound=_cloudflare_bound,
        target="1.5 of the bound",
    ),
    Row("in sync by DNS, rate limits on", Asked("route53", 10000, dns_rate=500.0), beside=False, target="80 s, no call"),
    Row("in sync by DNS, memory", Asked("route53", 20000), beside=False, target="within 30 MiB of 1,000"),
)


def main() -> int:
    """Run what is asked for, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fleet", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fleets of a tenth of the size")
    parser.add_argument("--only", default="", help="rows whose line has this word")
    parser.add_argument("--times", type=int, default=1, help="how often ours is run; the median counts")
    parser.add_argument(
        "--octodns", type=Path, default=Path(tempfile.gettempdir(), "provisioner-octodns"), help="its environment"
    )
    parser.add_argument("--alone", action="store_true", help="without octoDNS")
    asked = parser.parse_args()
    program = None if asked.alone else octodns.environment(asked.octodns)
    print("| what | zones | ours, s | CPU a domain, ms | peak, MiB | calls | octoDNS, s | ratio | bound, s | ratio | target |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in ROWS:
        smaller = replace(row.asked, zones=row.asked.zones // QUICK, changed=row.asked.changed // QUICK)
        one = replace(row, asked=smaller) if asked.quick else row
        if asked.only in f"{one.label} {one.asked.service} {one.asked.zones}":
            print(_line(one, program if row.beside else None, asked.times), flush=True)
    return 0


def _line(row: Row, program: Path | None, times: int) -> str:
    beside = (
        min((_theirs(row, program, workers) for workers in WORKERS), key=lambda cost: (cost.code, cost.wall))
        if program
        else None
    )
    costs, calls = zip(*(_ours(row) for _ in range(times)), strict=True)
    wall = statistics.median(cost.wall for cost in costs)
    cpu = statistics.median(cost.cpu for cost in costs) / row.asked.zones * 1000
    peak = statistics.median(cost.peak for cost in costs)
    bound = row.bound(row.asked) if row.bound else None
    for cost in (*costs, beside):
        if cost and cost.code:
            print(cost.said, file=sys.stderr)
    return " | ".join(
        (
            f"| {row.asked.service}: {row.label}",
            f"{row.asked.zones:,}",
            f"{wall:.1f}" + _failed(costs),
            f"{cpu:.2f}",
            f"{peak:.0f}",
            calls[0],
            f"{beside.wall:.1f}{_failed([beside])}" if beside else "-",
            f"{wall / beside.wall:.2f}" if beside else "-",
            f"{bound:.1f}" if bound else "-",
            f"{wall / bound:.2f}" if bound else "-",
            f"{row.target or '-'} |",
        )
    )


def _failed(costs: Sequence[Cost]) -> str:
    codes = {cost.code for cost in costs if cost.code}
    return f" (exit {', '.join(map(str, codes))})" if codes else ""


def _ours(row: Row) -> tuple[Cost, str]:
    with running(row.asked) as there, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours.settle(folder, row.asked, there.endpoint)
        cost = run([*ours.PROGRAM, *row.command], folder, ours.variables())
        return cost, _calls(there)


def _calls(there: Running) -> str:
    calls, answered, limited = there.counts()
    total = sum(count for operation, count in calls.items() if operation != "throttled")
    refused = f", {calls['throttled']} refused" if calls.get("throttled") else ""
    return f"{total:,}{refused}; DNS {answered:,}" + (f", {limited:,} limited" if limited else "")


def _theirs(row: Row, program: Path, workers: int) -> Cost:
    with running(row.asked) as there, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        octodns.settle(folder, row.asked, there.endpoint, workers)
        return run(octodns.command(program, apply="apply" in row.command), folder, octodns.variables(there.endpoint))


if __name__ == "__main__":
    sys.exit(main())
