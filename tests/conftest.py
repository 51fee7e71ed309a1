"""What holds for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

HERE = Path(__file__).parent
UNMEASURED = tuple(
    HERE / each
    for each in (
        "fuzz",
        "simulate",
        "provisioner/cli/test_at_once.py",
        "provisioner/cli/test_drift_everywhere.py",
        "provisioner/cli/test_fault_matrix.py",
        "provisioner/cli/test_fleet_reconcile.py",
        "provisioner/cli/test_full_disk.py",
        "provisioner/cli/test_interrupted.py",
        "provisioner/cli/test_killed.py",
        "provisioner/cli/test_many_tenants.py",
        "provisioner/cli/test_reconcile_hindered.py",
        "provisioner/cli/test_reconcile_killed.py",
        "provisioner/cli/test_served.py",
        "provisioner/cli/test_signed.py",
        "provisioner/cli/test_state_artifact.py",
        "provisioner/cli/test_two_tools.py",
        "provisioner/cli/test_wrong_clock.py",
    )
)
"""They go hundreds of times through code that others go through once; measured, they would take three times as long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the coverage of those tests unmeasured, and of the processes that they start."""
    for item in items:
        if any(item.path.is_relative_to(each) for each in UNMEASURED):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def _unmeasured_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("no_cover"):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a test was skipped and `FORBID_SKIPS` says that none should be."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FORBID_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
