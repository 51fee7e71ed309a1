"""Every fault at every adapter, through the command line: the right end, nothing written twice, no secret told or kept."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plans.values import Name
from provisioner.exits import Exit
from tests.provisioner.cli import estate, hurried
from tests.provisioner.cli.conftest import Provisioner, Ran
from tests.provisioner.cli.fault_table import HTTP, PHASES, TABLE, Absent, End, Row, rendered
from tests.provisioner.cli.services import ADAPTERS, SECRETS, Service, Undo, service

STRUCK = 1
"""Which of the domains has the fault: neither the first nor the last."""


@dataclass
class Struck:
    """A folder whose service can be struck by a row's fault."""

    folder: Path
    row: Row
    service: Service
    domains: tuple[Name, ...]
    undo: list[Undo]

    def strike(self, *, writing: bool) -> None:
        """Let the fault befall what comes next: the reads, or the writes."""
        one = self.domains[STRUCK]
        match self.row.befalls:
            case "credentials":
                self.undo.append(self.service.spoil_credentials())
            case "distrust":
                self.undo.append(self.service.distrust(self.folder / "provisioner.yaml"))
            case "gone":
                gone = self.domains if self.row.everywhere else (one,)
                self.undo += [self.service.remove(zone, when_read=not writing) for zone in gone]
            case str():
                raise AssertionError(self.row)
            case fault:
                self.service.lay(fault, None if self.row.everywhere else one, writing=writing)

    def mend(self) -> None:
        """Let all be well again."""
        self.service.lift()
        for undo in self.undo:
            undo()
        self.undo.clear()

    def written(self) -> list[int]:
        """Tell how many writes each zone has seen."""
        return [self.service.taken(domain) for domain in self.domains]

    def expect_no_secret(self, *told: Ran) -> None:
        """Look for secrets in what was printed and in what the folder keeps."""
        printed = "".join(ran.out + ran.err for ran in told)
        kept = b"".join(estate.texts_of(self.folder))
        assert not [secret for secret in SECRETS if secret in printed or secret.encode() in kept]


ALL_AT_ONCE = "policy: {waves: 0}\n"
"""What becomes of each zone by itself is looked at, not what policy makes of one that fails."""


@contextmanager
def opened(adapter: str, row: Row, environment: pytest.MonkeyPatch, folder: Path) -> Iterator[Struck]:
    environment.chdir(folder)
    hurried.install(environment, folder, row.patience)
    with service(adapter, environment, folder) as served:
        domains = estate.names(row.zones)
        estate.settle(folder, served, f"hurried-{adapter}", domains, ALL_AT_ONCE)
        struck = Struck(folder, row, served, domains, [])
        yield struck
        struck.mend()


def cells(phase: str) -> list[Any]:
    """Give the cells of a phase that there can be."""
    product = itertools.product(TABLE.items(), ADAPTERS)
    ends = ((label, row, adapter, row.ends(phase)[adapter]) for (label, row), adapter in product)
    return [
        pytest.param(row, adapter, end, id=f"{label} - {adapter}") for label, row, adapter, end in ends if isinstance(end, End)
    ]


def expect_parts(problem: Mapping[str, str], headline: str) -> None:
    assert set(problem) == {"headline", "detail", "mend"}
    assert all(problem.values())
    assert problem["headline"].startswith(headline)


@pytest.mark.parametrize(("row", "adapter", "end"), cells("read"))
def test_while_a_plan_is_made(
    provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Row, adapter: str, end: End
) -> None:
    with opened(adapter, row, monkeypatch, tmp_path) as struck:
        struck.strike(writing=False)
        planned = provisioner("plan", "--out", "plan.jsonl", "--json")
        assert planned.code == end.code, planned
        entries = {entry["subject"]["name"]: entry for entry in json.loads(planned.out)["entries"]}
        assert tuple(entries) == struck.domains
        for place, domain in enumerate(struck.domains):
            stops = [one for one in entries[domain]["findings"] if one["severity"] in {"error", "block"}]
            assert bool(entries[domain]["rollout"]) != bool(stops)
            if end.standing == "done" or not (row.everywhere or place == STRUCK):
                assert stops == []
            else:
                (finding,) = stops
                assert (finding["severity"], finding["code"]) == ("error", "zone-unreadable")
                headline, _, detail = finding["what"].partition("\n")
                expect_parts({"headline": headline, "detail": detail, "mend": finding["mend"]}, end.headline)
        struck.mend()
        assert struck.written() == [0] * row.zones

        again = provisioner("plan", "--out", "again.jsonl")
        assert again.code == Exit.DONE, again
        struck.expect_no_secret(planned, again)


@pytest.mark.parametrize(("row", "adapter", "end"), cells("write"))
def test_while_it_is_applied(
    provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Row, adapter: str, end: End
) -> None:
    with opened(adapter, row, monkeypatch, tmp_path) as struck:
        planned = provisioner("plan", "--out", "plan.jsonl")
        assert planned.code == Exit.DONE, planned
        struck.strike(writing=True)
        applied = provisioner("apply", "plan.jsonl", "--auto-approve", "--json")
        assert applied.code == end.code, applied
        results = {result["subject"]: result for result in map(json.loads, applied.out.splitlines())}
        assert set(results) == {domain.removesuffix(".") for domain in struck.domains}
        for place, domain in enumerate(struck.domains):
            result = results[domain.removesuffix(".")]
            if not (row.everywhere or place == STRUCK):
                assert (result["standing"], result["written"], result.get("problem")) == ("done", 1, None)
                continue
            assert result["standing"] == end.standing
            if end.standing == "done":
                assert "problem" not in result
            else:
                expect_parts(result["problem"], end.headline)
        struck.mend()
        others = 0 if row.everywhere else 1
        assert struck.written() == [end.written if place == STRUCK else others for place in range(row.zones)]

        again = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert again.code == Exit.DONE, again
        assert struck.written() == [1] * row.zones
        for domain in struck.domains:
            assert estate.held(struck.service, domain) == {
                f"{domain} 3600 MX 0 {estate.wanted(domain)}",
                f"www.{domain} 300 A 192.0.2.20",
            }
        struck.expect_no_secret(planned, applied, again)


def test_the_table_has_every_cell_or_says_why_not() -> None:
    for label, row in TABLE.items():
        for phase in PHASES:
            assert tuple(sorted(row.ends(phase))) == tuple(sorted(ADAPTERS)), label
            for adapter, end in row.ends(phase).items():
                match end:
                    case Absent(why):
                        assert len(why.split()) > 3, (label, phase, adapter)
                    case End():
                        assert bool(end.headline) == (end.standing != "done"), (label, phase, adapter)
    assert not [label for label, row in TABLE.items() if all(isinstance(row.ends("write")[one], Absent) for one in HTTP)]
    assert len(list(rendered())) > 2 * len(TABLE)
