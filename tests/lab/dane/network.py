"""A network of the lab's own, in which nobody else listens on the ports of DNS and mail, and of which nothing is left over."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.dane import names
from tests.lab.dane.servers import Program

_NET = 0x40000000
"""CLONE_NEWNET (sched.h)."""


@contextmanager
def own_network(program: Program) -> Iterator[None]:
    """Be in it: the thread that calls, and the threads and processes which that one starts.

    It is loopback alone, with the lab's addresses: BIND listens at addresses of interfaces only. Raises `OSError`.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: int) -> None:
        if libc[name](*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")

    with Path("/proc/thread-self/ns/net").open() as before:
        call("unshare", _NET)
        try:
            lines = ["link set lo up", *(f"address add {address}/32 dev lo" for address in names.ADDRESSES)]
            subprocess.run([program("ip"), "-batch", "-"], input="\n".join(lines), check=True, capture_output=True, text=True)
            yield
        finally:
            call("setns", before.fileno(), _NET)
