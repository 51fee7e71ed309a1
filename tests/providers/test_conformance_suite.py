"""The suite itself: it finds what is wrong, and names its cases."""

from __future__ import annotations

import pytest

from tests.providers.faults import FAULTS

pytest_plugins = ["pytester"]


def module(body: str) -> str:
    return f"import pytest\nfrom providers import memory\nfrom providers.conformance import Suite\n\n{body}\n"


SOUND = """
from tests.providers.benches import MemoryBench

class TestSound(Suite):
    adapter = memory.ADAPTER
    @pytest.fixture
    def bench(self):
        return MemoryBench()
    def test_of_its_own(self):
        assert self.adapter.capabilities.publishes == "none"
"""
REFUSING = """
from providers.contract import Unsupported
from tests.providers.benches import MemoryBench

class Plain(memory.Memory):
    def canonical(self, zone, wanted):
        if "*" in wanted.key.owner:
            raise Unsupported("no wildcards here", str(wanted.key), "name a host")
        return super().canonical(zone, wanted)

class TestPlain(Suite):
    adapter = memory.ADAPTER
    cannot_hold = ("MX create at a wildcard", "MX replace at a wildcard", "TLSA create at a wildcard")
    @pytest.fixture
    def bench(self):
        return MemoryBench(Plain)
"""


def test_each_fault_is_found_by_its_case(pytester: pytest.Pytester) -> None:
    kinds = sorted({fault.kind.__name__ for fault in FAULTS})
    classes = [f"class Test{kind}(faults.Faulty):\n    kind = faults.{kind}\n" for kind in kinds]
    pytester.makepyfile(test_faults="from tests.providers import faults\n\n" + "\n".join(classes))
    ids = [f"test_faults.py::Test{fault.kind.__name__}::test_adapter[{fault.case}]" for fault in FAULTS]
    ran = pytester.inline_run("-p", "no:cacheprovider", *ids)
    passed, skipped, failed = ran.listoutcomes()
    assert [report.nodeid for report in [*passed, *skipped]] == []
    assert sorted(report.nodeid for report in failed) == sorted(ids)
    assert all("AssertionError" in report.longreprtext for report in failed)


def test_a_failure_says_what_was_found_and_what_is_wanted(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_faults="from tests.providers import faults\n\nclass TestLiar(faults.Faulty):\n    kind = faults.Liar\n"
    )
    ran = pytester.inline_run("-p", "no:cacheprovider", "test_faults.py::TestLiar::test_adapter[write: MX delete one value]")
    (report,) = ran.getfailures()
    lines = [line.removeprefix("E").strip() for line in report.longreprtext.splitlines() if line.startswith("E ")]
    assert lines[0] == "AssertionError: what was written is read, and nothing is left to do"
    assert lines[1].startswith("found:  {Key(owner='box.example.com.', type='MX'): RRset(")
    assert lines[2] == "wanted: {Key(owner='box.example.com.', type='MX'): None}"


def test_what_a_provider_can_never_hold_has_to_be_refused_while_planning(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_refusing=module(REFUSING))
    ran = pytester.inline_run("-p", "no:cacheprovider", "-k", "wildcard and write")
    ran.assertoutcome(passed=3)
    pytester.makepyfile(test_holding=module(REFUSING.replace("MemoryBench(Plain)", "MemoryBench()")))
    ran = pytester.inline_run("-p", "no:cacheprovider", "test_holding.py", "-k", "wildcard and write")
    ran.assertoutcome(failed=3)


def test_what_cannot_be_held_has_to_be_the_name_of_a_case(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_typo=module(SOUND.replace("    @", "    cannot_hold = ('MX at a wildcart',)\n    @")))
    ran = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    ran.stdout.fnmatch_lines(["*cannot_hold names no writing case of this adapter: MX at a wildcart*"])
    assert ran.ret == pytest.ExitCode.INTERRUPTED


ONE_TYPE = """
from dataclasses import replace
from providers.contract import Unsupported
from tests.providers.benches import MemoryBench

class Narrow(memory.Memory):
    def canonical(self, zone, wanted):
        if wanted.key.type != "TYPE":
            raise Unsupported("only one type here", str(wanted.key), "name another provider")
        return super().canonical(zone, wanted)

class TestNarrow(Suite):
    adapter = replace(memory.ADAPTER, capabilities=replace(memory.ADAPTER.capabilities, types=frozenset({"TYPE"})))
    @pytest.fixture
    def bench(self):
        return MemoryBench(Narrow)
"""


@pytest.mark.parametrize("rdata_type", ["MX", "DS", "TLSA", "TXT"])
def test_the_cases_are_those_of_the_types_that_are_written(pytester: pytest.Pytester, rdata_type: str) -> None:
    pytester.makepyfile(test_narrow=module(ONE_TYPE.replace("TYPE", rdata_type)))
    ran = pytester.inline_run("-p", "no:cacheprovider")
    passed, skipped, failed = ran.listoutcomes()
    assert [report.nodeid for report in [*skipped, *failed]] == []
    names = [report.nodeid.partition("::test_adapter")[2] for report in passed]
    others = {"MX", "DS", "TLSA", "TXT"} - {rdata_type}
    assert {name.split()[1].strip("],") for name in names if name.startswith("[write: ")} == {rdata_type}
    assert {f"[refuse: {other}, which the adapter does not write]" for other in others} <= set(names)
    assert not [name for name in names if name.startswith("[irregular: ")]


def test_every_case_has_a_name_of_its_own_and_a_class_may_have_more_tests(pytester: pytest.Pytester) -> None:
    items, _ = pytester.inline_genitems(pytester.makepyfile(test_sound=module(SOUND)), "-p", "no:cacheprovider")
    names = [item.name for item in items]
    assert "test_of_its_own" in names
    assert len(set(names)) == len(names) > 150
