"""Record entries for one rollout of one state until the count is reached; say so after each one."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from plans.desired import Subject
from plans.position import EventKind
from plans.values import name
from provisioner.state import State


def main(url: str, count: str) -> None:
    with State.open(url, lambda: datetime.now(UTC)) as state:
        run = state.begin_run("apply", "0.1.0")
        rollout = state.start(run, Subject(name("contoso.com")), "plan", b"{}")
        for step in range(int(count)):
            state.record(run, rollout.id, EventKind.BEGUN, step, {"run": run.id})
            sys.stdout.write(f"{step}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
