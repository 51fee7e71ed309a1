"""What holds for all tests."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

from provisioner.cli.world import RUNNERS

gc.set_threshold(50_000, 20, 20)  # as the program has it: tests make as many objects

for variable in RUNNERS:  # what the program says must not depend on who runs its tests
    os.environ.pop(variable, None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells have it for what runs in their background
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("default", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

HERE = Path(__file__).parent
UNMEASURED = frozenset(
    HERE / each
    for each in (
        "docs/test_performance.py",
        "docs/test_pipelines.py",
        "fuzz",
        "plans/test_approval.py",
        "plans/test_codec.py",
        "plugins",
        "providers/test_azure_dns_conformance.py",
        "providers/test_masterfile_generated.py",
        "providers/test_matrix.py",
        "providers/test_rfc2136_conformance.py",
        "provisioner/cli/test_at_once.py",
        "provisioner/cli/test_bad_input.py",
        "provisioner/cli/test_drift_everywhere.py",
        "provisioner/cli/test_fault_matrix.py",
        "provisioner/cli/test_fleet_reconcile.py",
        "provisioner/cli/test_full_disk.py",
        "provisioner/cli/test_interrupted.py",
        "provisioner/cli/test_killed.py",
        "provisioner/cli/test_many_tenants.py",
        "provisioner/cli/test_progress.py",
        "provisioner/cli/test_quickstart.py",
        "provisioner/cli/test_reconcile_hindered.py",
        "provisioner/cli/test_reconcile_killed.py",
        "provisioner/cli/test_refresh.py",
        "provisioner/cli/test_served.py",
        "provisioner/cli/test_state_artifact.py",
        "provisioner/cli/test_status.py",
        "provisioner/cli/test_two_tools.py",
        "provisioner/cli/test_wrong_clock.py",
        "provisioner/dns/test_survey_many.py",
        "provisioner/manifest/test_any_text.py",
        "provisioner/manifest/test_yaml.py",
        "provisioner/state/test_concurrency.py",
        "provisioner/state/test_edits.py",
        "provisioner/test_revert.py",
        "provisioner/test_waves.py",
        "simulate",
    )
)
"""What they go through others go through too; measured, they would take three times as long."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Leave the coverage of those tests unmeasured, and of the processes that they start."""
    if UNMEASURED.isdisjoint([item.path, *item.path.parents]):
        return (yield)
    stopped = []
    while measuring := Coverage.current():  # more than one where a worker measures: pytest-cov's own mark stops but the last
        measuring.stop()
        stopped.append(measuring)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        try:
            return (yield)
        finally:
            for each in reversed(stopped):
                each.start()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a test was skipped and `FORBID_SKIPS` says that none should be."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FORBID_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
