"""The matrix of adapters and cases: runs what must hold for every adapter, and prints what holds.

    python -m tests.providers.matrix [--collect-only] [further options of pytest]

Rows are the cases of the conformance suite, and the faults of the command line's matrix; columns are adapters, in all ways in
which they read. `refused`: a set that the service can never hold is refused while planning. A subject without a case for an
adapter is an error, as a case that fails is: the exit code is then 1.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.provisioner.cli.fault_table import TABLE, Absent

MODULES = (
    "tests/providers/test_route53_conformance.py",
    "tests/providers/test_cloudflare_conformance.py",
    "tests/providers/test_azure_dns_conformance.py",
    "tests/providers/test_rfc2136_conformance.py",
    "tests/providers/test_conformance.py",
    "tests/provisioner/cli/test_fault_matrix.py",
    "tests/providers/test_cloudflare.py",
)
COLUMNS: Mapping[str, str] = {
    "TestRoute53": "route53",
    "TestCloudflare": "cloudflare",
    "TestAzureDns": "azure",
    "TestAzureDnsLargeZones": "azure, large",
    "TestByQuestions": "rfc2136",
    "TestByTransfer": "rfc2136, axfr",
    "TestZoneFile": "zonefile",
    "TestMemory": "memory",
}
"""By the test class that shows it."""
SERVICES = ("route53", "cloudflare", "azure", "rfc2136")
FAULTS = {"test_while_a_plan_is_made": "planning", "test_while_it_is_applied": "applying"}
OF_ONE: Mapping[str, tuple[str, str]] = {
    "test_auto_is_read_as_it_is_served": ("cloudflare", "ttl: auto is read"),
    "test_a_write_that_keeps_the_ttl_keeps_auto": ("cloudflare", "ttl: auto is kept"),
    "test_a_write_of_another_ttl_replaces_auto_for_good": ("cloudflare", "ttl: auto is replaced"),
    "test_auto_that_became_its_own_number_is_a_conflict": ("cloudflare", "ttl: auto that became a number is a conflict"),
}
"""Tests of what only one adapter has: the adapter and the row."""

SUBJECTS: Mapping[str, str] = {
    "guard on create": r"conflict: \w+ create, ",
    "guard on update": r"conflict: \w+ update, ",
    "guard on delete": r"conflict: \w+ delete, ",
    "conflict among several changes": r"several changes, one lost the race",
    "foreign records unchanged": r"write: |several changes in one call",
    "irregular sets": r"irregular: ",
    "the apex": r"write: .* at the apex",
    "wildcards": r"write: .* at a wildcard",
    "internationalised names": r"write: .* A-label",
    "escaped names": r"write: .* at an escaped name",
    "sets of 20 values": r"write: .* 20 values",
    "TTLs beyond what a service takes": r"write: .* TTL (to|of) ",
    "TTL auto": r"ttl: auto",
    "highest TTLs of a zone": r"highest TTLs ",
    "throttling": r"fault while applying: throttled",
    "unknown outcome settled by reading": r"fault while applying: (answer lost|500 or SERVFAIL after)",
}
"""What must be shown of every adapter, and by which rows."""
NOT_APPLICABLE: Mapping[tuple[str, str], str] = {
    ("TTL auto", "route53"): "a TTL is a number of seconds there",
    ("TTL auto", "azure"): "a TTL is a number of seconds there",
    ("TTL auto", "rfc2136"): "a TTL is a number of seconds there",
    ("throttling", "rfc2136"): "DNS has no answer that asks for a wait",
}


@dataclass(eq=False)  # pytest wants plugins that can be hashed
class Matrix:
    """A plugin of pytest: which cases there are, by row and column, and what became of each."""

    cells: dict[str, dict[str, str]] = field(default_factory=dict)
    places: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Learn the cases; what is no case of the matrix is not run."""
        chosen = []
        for item in items:
            if isinstance(item, pytest.Function) and (place := _place(item)):
                row, column, _ = place
                self.places[item.nodeid] = place
                self.cells.setdefault(row, {})[column] = "not run"
                chosen.append(item)
        items[:] = chosen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a case; one that fails before or after it has failed."""
        row, column, passed = self.places[report.nodeid]
        if report.failed:
            self.cells[row][column] = "FAILED"
        elif report.when == "call" and report.passed:
            self.cells[row][column] = passed

    @property
    def failures(self) -> list[str]:
        """What failed, and the subjects that lack a case."""
        failed = [f"{row} ({at})" for row, cells in self.cells.items() for at, cell in cells.items() if cell == "FAILED"]
        return [*failed, *(f"no case: {subject} ({service})" for subject, service in self._bare())]

    @property
    def shown(self) -> int:
        """How many cells were run and hold."""
        return sum(cell in {"ok", "refused"} for cells in self.cells.values() for cell in cells.values())

    def lines(self) -> Iterator[str]:
        """Render the subjects, the cases, and why cells are empty."""
        wide = max(map(len, [*self.cells, *SUBJECTS])) + 2
        yield f"{'subject':{wide}}" + "".join(f"{service:15}" for service in SERVICES)
        for subject in SUBJECTS:
            shown = [self._count(subject, service) for service in SERVICES]
            yield f"{subject:{wide}}" + "".join(f"{cell:15}" for cell in shown).rstrip()
        yield ""
        reasons: dict[str, int] = {}
        yield f"{'case':{wide}}" + "".join(f"{column:15}" for column in COLUMNS.values())
        for row, cells in self.cells.items():
            shown = [cells.get(column) or f"n.a. [{_footnote(reasons, row, column)}]" for column in COLUMNS.values()]
            yield f"{row:{wide}}" + "".join(f"{cell:15}" for cell in shown).rstrip()
        yield from (f"[{number}] {why}" for why, number in reasons.items())
        yield from (f"n.a. ({subject}, {service}): {why}" for (subject, service), why in NOT_APPLICABLE.items())

    def _of(self, subject: str, service: str) -> list[str]:
        return [cells[service] for row, cells in self.cells.items() if re.match(SUBJECTS[subject], row) and service in cells]

    def _count(self, subject: str, service: str) -> str:
        found = self._of(subject, service)
        failed = found.count("FAILED")
        if not found:
            return "n.a." if (subject, service) in NOT_APPLICABLE else "NO CASE"
        return f"{failed} FAILED" if failed else f"{len(found)} {'ok' if 'not run' not in found else 'not run'}"

    def _bare(self) -> Iterator[tuple[str, str]]:
        for subject in SUBJECTS:
            for service in SERVICES:
                if bool(self._of(subject, service)) == ((subject, service) in NOT_APPLICABLE):
                    yield subject, service


def _place(item: pytest.Function) -> tuple[str, str, str] | None:
    """Tell a test's row and column, and what it means that it passes; None: it has no place."""
    if item.originalname in OF_ONE:
        column, row = OF_ONE[item.originalname]
        return row, column, "ok"
    if item.originalname in FAULTS:
        label, _, adapter = item.callspec.id.rpartition(" - ")
        return f"fault while {FAULTS[item.originalname]}: {label}", adapter, "ok"
    column = COLUMNS.get(item.cls.__name__, "") if item.cls else ""
    if not column or item.originalname != "test_adapter":
        return None
    row = item.callspec.id
    return row, column, "refused" if row.removeprefix("write: ") in item.cls.cannot_hold else "ok"


def _footnote(reasons: dict[str, int], row: str, column: str) -> int:
    return reasons.setdefault(_why_not(row, column), len(reasons) + 1)


def _why_not(row: str, column: str) -> str:
    if fault := re.fullmatch(r"fault while (planning|applying): (.*)", row):
        phase = {"planning": "read", "applying": "write"}[fault[1]]
        end = TABLE[fault[2]].ends(phase).get(column)
        return end.why if isinstance(end, Absent) else "it is shown of the adapter's first column, or there is no network"
    if "irregular: " in row:
        return "there can be no such set"
    return "a TTL is a number of seconds there"


def main(arguments: Sequence[str]) -> int:
    """Run the cases, print the matrix, and give the exit code."""
    matrix = Matrix()
    code = pytest.main(["-qq", "--no-header", "-p", "no:cacheprovider", *MODULES, *arguments], plugins=[matrix])
    print("\n".join(matrix.lines()))  # noqa: T201 - this prints
    print("\n".join(matrix.failures) or f"{matrix.shown} cells hold.")  # noqa: T201 - the same
    return int(bool(matrix.failures or code))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
