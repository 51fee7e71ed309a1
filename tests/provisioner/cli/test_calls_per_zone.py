"""How many calls one zone costs at each service: what the program makes, beside the fewest that the API allows.

The fewest: a plan reads a zone once; an apply reads it once and writes it once (Azure: once an RRset); that what was written
is there is seen by reading once more. Finding the zones is apart. To print the table:

    python -m tests.provisioner.cli.test_calls_per_zone
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli import estate
from tests.provisioner.cli.conftest import Provisioner, Ran
from tests.provisioner.cli.services import ADAPTERS, service

ZONES = 10


@dataclass(frozen=True)
class Calls:
    """What one zone costs; `finding` is what ten cost together to be found, in each of the two commands."""

    plan_reads: int
    apply_reads: int
    apply_writes: int
    reads_back: int
    finding: int


EXPECTED = {
    "route53": Calls(1, 1, 1, 1, finding=1),
    "cloudflare": Calls(1, 2, 1, 1, finding=1),
    "azure": Calls(1, 1, 1, 1, finding=1),
    "rfc2136": Calls(1, 2, 1, 2, finding=ZONES),
}
WHY = {
    "cloudflare": "the adapter lists the zone again just before its batch, which nothing else guards",
    "rfc2136": "the adapter compares the TTL just before, which an update cannot require, and reads back what it wrote itself",
}
"""Where it is more than the fewest."""
FEWEST = Calls(1, 1, 1, 1, finding=1)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_calls_of_ten_zones(
    provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    monkeypatch.chdir(tmp_path)
    domains = estate.names(ZONES)
    with service(adapter, monkeypatch, tmp_path) as served:
        estate.settle(tmp_path, served, adapter, domains)
        planned = provisioner("plan", "--out", "plan.jsonl")
        assert planned.code == Exit.DONE, planned
        of_plan = {domain: served.asked(domain) for domain in domains}
        finding = len(served.asked(None))
        assert metered(planned) == finding + sum(map(len, of_plan.values()))

        applied = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert applied.code == Exit.DONE, applied
        of_apply = {domain: served.asked(domain)[len(of_plan[domain]) :] for domain in domains}
        assert len(served.asked(None)) == 2 * finding
        assert metered(applied) == finding + sum(map(len, of_apply.values()))
    found = {
        Calls(
            of_plan[domain].count("read"),
            of_apply[domain].index("write"),
            of_apply[domain].count("write"),
            of_apply[domain][::-1].index("write"),
            finding,
        )
        for domain in domains
    }
    assert not [domain for domain in domains if "write" in of_plan[domain]]
    assert found == {EXPECTED[adapter]}


def test_what_is_more_than_the_fewest_has_a_reason() -> None:
    dearer = {adapter for adapter, calls in EXPECTED.items() if astuple(calls)[:4] != astuple(FEWEST)[:4]}
    assert dearer == set(WHY)
    assert len(list(rendered())) == 2 + len(EXPECTED) + len(WHY)


def metered(ran: Ran) -> int:
    """Give the number of requests that the command says it made."""
    (told,) = re.findall(r"^Requests: (.*)\.$", ran.err, re.MULTILINE)
    return sum(int(one.rpartition(" ")[2]) for one in told.split(", "))


def rendered() -> Iterator[str]:
    """Give the table's lines."""
    columns = [field.name.replace("_", " ") for field in fields(Calls)]
    yield "".join(f"{column:14}" for column in ["calls a zone", *columns])
    for label, calls in {**EXPECTED, "the fewest": FEWEST}.items():
        yield "".join(f"{cell!s:14}" for cell in (label, *astuple(calls))).rstrip()
    yield from (f"{adapter}: {why}" for adapter, why in WHY.items())


if __name__ == "__main__":
    print("\n".join(rendered()))  # noqa: T201 - this prints
