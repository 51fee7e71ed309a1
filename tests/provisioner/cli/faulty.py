"""Zone files as the program keeps them, by a process that can be made to fail around a read or a write.

A test installs it as a third party's package: the manifest then says `type: faulty`. FAULTY says what befalls the process, and
when: `kill-before 3` its third write, `kill-after`, `stop-before`, `hold-before`; `stop-before-read`, `stop-after-read`.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock, get_ident
from typing import Any

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key
from providers import zonefile
from providers.contract import Outcome

BEGUN, GO_ON = Path("begun"), Path("go-on")
"""Named pipes, in the current folder: a process that is held says that a write is in hand, and waits to be told to do it."""


def install(folder: Path) -> Path:
    """Make the entry point known to whoever has the given folder on its path."""
    information = folder / "site" / "faulty-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[provisioner.providers]\nfaulty = {__name__}:ADAPTER\n")
    return information.parent


def make_pipes() -> None:
    for pipe in (BEGUN, GO_ON):
        os.mkfifo(pipe)


def await_write() -> None:
    """Wait until a held process has a write in hand."""
    pipe = os.open(BEGUN, os.O_RDONLY | os.O_NONBLOCK)
    ready, _, _ = select.select([pipe], [], [], 60)
    os.close(pipe)
    assert ready, "no write was begun"


def let_go() -> None:
    """Tell a held process to do its write."""
    GO_ON.write_text("now")


class Faulty:
    """A provider of zone files."""

    def __init__(self, inner: zonefile.ZoneFiles, fault: str) -> None:
        self._inner = inner
        self._fault, _, number = fault.partition(" ")
        self._number = int(number or 0)
        self._lock = Lock()
        self._count = 0

    def __getattr__(self, of: str) -> Any:
        return getattr(self._inner, of)

    def read(self, *asked: Any) -> Snapshot:
        self._befall("before-read")
        snapshot = self._inner.read(*asked)
        self._befall("after-read")
        return snapshot

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        self._befall("before")
        outcomes = self._inner.apply(base, changes)
        self._befall("after")
        return outcomes

    def _befall(self, when: str) -> None:
        what, _, at = self._fault.partition("-")
        if at != when:
            return
        with self._lock:
            self._count += 1
            if self._count != self._number:
                return
        if what == "hold":
            BEGUN.write_text("now")
            GO_ON.read_text()
        else:
            number = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[what]
            signal.pthread_kill(get_ident(), number)  # to this thread, which goes no step further


def _open(*arguments: Any) -> Faulty:
    return Faulty(zonefile.ADAPTER.open(*arguments), os.environ.get("FAULTY", ""))  # type: ignore[arg-type]  # it opens these


ADAPTER = replace(zonefile.ADAPTER, open=_open)
