"""What is measured: which fleet, what ours is told, whether octoDNS is run beside, and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.benchmarks.fleet.services import Asked

QUICK = 10
"""By so much smaller is every fleet of a quick run."""
BY_DNS, BY_API = "nothing to do, by DNS", "nothing to do, --refresh api, second run"
"""The rows that the plots are made of."""
_API = ("plan", "--refresh", "api")
_APPLY = ("apply", "--auto-approve")
_BEFORE = ("reconcile", "--refresh", "api")


@dataclass(frozen=True)
class Row:
    """A comparison.

    `before` is run first and not counted; ours is run `times` times, each on a fresh fleet, and the median counts. octoDNS is
    run with each of so many `workers`, and the better run counts; none: it is left out. `bound` gives seconds below which
    nobody comes.
    """

    label: str
    asked: Asked
    command: tuple[str, ...] = ("plan",)
    before: tuple[str, ...] = ()
    times: int = 1
    workers: tuple[int, ...] = ()
    bound: Callable[[Asked], float] | None = None
    target: str = ""

    def smaller(self) -> Row:
        """Give the row of a quick run."""
        asked = replace(self.asked, zones=self.asked.zones // QUICK, changed=self.asked.changed // QUICK)
        return replace(self, asked=asked, times=1)


def _route53_bound(asked: Asked) -> float:
    """Ten requests a second with a burst of fifty: one for each zone, and the list by hundreds."""
    return max(0.0, (asked.zones + asked.zones / 100 - 50) / 10)


def _latency_bound(asked: Asked) -> float:
    """Thirty-two requests at a time: one for each zone, and three for each that changes."""
    return 0.3 + (asked.zones + 3 * asked.changed) / 32 * asked.latency


def _cloudflare_bound(asked: Asked) -> float:
    """Two hundred requests in each second: one for each zone, and the list by fifties."""
    seconds = (asked.zones + asked.zones // 50 - 1) // 200
    return max(_latency_bound(asked), 0.3 + seconds + asked.latency)


ROWS = (
    Row(BY_DNS, Asked("route53", 100), times=3, workers=(8, 32)),
    Row(BY_DNS, Asked("route53", 1000), times=3, workers=(8, 32), target="1/5 of octoDNS, 1.5 ms of CPU a domain"),
    Row(BY_DNS, Asked("route53", 5000), times=3, workers=(8,), target="1/10 of octoDNS, 1.5 ms of CPU a domain"),
    Row(BY_DNS, Asked("route53", 10000), target="1.5 ms of CPU a domain"),
    Row(BY_DNS, Asked("route53", 20000), target="at most 30 MiB more than 1,000"),
    Row(
        "nothing to do, by DNS, 500 answers/s a server",
        Asked("route53", 10000, dns_rate=500.0),
        times=3,
        target="80 s, no call",
    ),
    Row(BY_API, Asked("route53", 100), _API, _BEFORE, workers=(8, 32)),
    Row(BY_API, Asked("route53", 1000), _API, _BEFORE, times=3, workers=(8, 32), target="0.6 of octoDNS"),
    Row(BY_API, Asked("route53", 5000), _API, _BEFORE, times=3, workers=(8,), target="1/4 of octoDNS"),
    Row(BY_API, Asked("route53", 10000), _API, _BEFORE),
    Row("10 % changed, plan", Asked("route53", 1000, 100), workers=(32,)),
    Row(
        "10 % changed, apply",
        Asked("route53", 1000, 100, staged=True),
        _APPLY,
        times=3,
        workers=(32,),
        bound=_latency_bound,
        target="1.2 of the bound",
    ),
    Row(
        "limits on, --refresh api, second run",
        Asked("route53", 200, limited=True),
        _API,
        _BEFORE,
        times=3,
        workers=(8, 32),
        bound=_route53_bound,
        target="1.1 of the bound",
    ),
    Row(
        "limits on, --refresh api, second run",
        Asked("cloudflare", 1000, limited=True),
        _API,
        _BEFORE,
        times=3,
        bound=_cloudflare_bound,
        target="1.5 of the bound",
    ),
)
