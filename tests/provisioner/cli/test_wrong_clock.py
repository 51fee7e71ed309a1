"""What a run left whose clock was wrong: the next one, whose clock is right, is neither blind nor stuck."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from plans.codec import encode
from provisioner.exits import Exit
from provisioner.manifest import load
from provisioner.planfile import PlanFile
from provisioner.state import State
from tests.provisioner.cli.conftest import Provisioner
from tests.provisioner.cli.test_reconcile import SCHEDULE

PENDING, METRICS = Path(".provisioner/pending.jsonl"), Path("provisioner.prom")
RECONCILE = ("reconcile", "--metrics", str(METRICS))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
either_way = pytest.mark.parametrize("off", [HOUR, -HOUR, 400 * DAY, -400 * DAY])


@pytest.fixture
def pending(quickstart: Path, provisioner: Provisioner) -> Iterator[PlanFile]:
    """What a first run left in the quickstart."""
    assert provisioner(*RECONCILE).code == Exit.DONE
    with PlanFile.read(PENDING) as plan:
        yield plan


@contextmanager
def state(off: timedelta) -> Iterator[State]:
    """The state as it is to somebody whose clock is off."""
    with State.open(load(Path("provisioner.yaml")).state, lambda: datetime.now(UTC) + off) as opened:
        yield opened


def last_good() -> float:
    """Give when the last run ended that ended well, in seconds since 1970, as Prometheus is told."""
    families = {family.name: family for family in text_string_to_metric_families(METRICS.read_text())}
    (sample,) = families["provisioner_success_timestamp_seconds"].samples
    return sample.value


@either_way
def test_a_run_that_ends_in_the_future_hides_no_schedule_that_has_died(
    pending: PlanFile, provisioner: Provisioner, off: timedelta
) -> None:
    with state(off) as wrong:
        wrong.begin_run("reconcile", "0").finish(Exit.DONE)
    before = time.time()
    assert provisioner(*RECONCILE).code == Exit.DONE
    assert before - 1 <= last_good() <= time.time()
    Path("graph/contoso.json").write_text("{")
    assert provisioner(*RECONCILE).code == Exit.ERROR
    assert before - 1 <= last_good() <= time.time()


@either_way
def test_a_plan_made_at_another_time_waits_on_or_is_made_anew(
    pending: PlanFile, provisioner: Provisioner, off: timedelta
) -> None:
    header = replace(pending.header, created=pending.header.created + off, expires=pending.header.expires + off)
    PENDING.write_bytes(b"".join(encode(header, pending.entries())))
    before = PENDING.read_bytes()
    assert provisioner(*RECONCILE, "--detailed-exitcode").code == Exit.PENDING
    assert (PENDING.read_bytes() == before) == (header.expires > datetime.now(UTC))
    assert provisioner("apply", str(PENDING), "--auto-approve").code == Exit.DONE


@either_way
def test_the_lease_of_a_dead_run_holds_others_up_until_it_is_ended(
    pending: PlanFile, provisioner: Provisioner, off: timedelta
) -> None:
    with state(off) as wrong:
        lease = wrong.acquire(wrong.begin_run("reconcile", "0"), [SCHEDULE], "reconcile")[0]
    ran = provisioner(*RECONCILE)
    if lease.expires < datetime.now(UTC):
        assert ran.code == Exit.DONE
        return
    assert ran.code == Exit.LOCKED
    (told,) = re.findall(r"provisioner (unlock \S+) --reason", ran.err)
    assert provisioner(*told.split(), "--reason", "its clock was wrong").code == Exit.DONE
    assert provisioner(*RECONCILE).code == Exit.DONE
