"""The optional packages through which Microsoft Graph is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from plans.problem import Problem


@contextmanager
def graph_extra() -> Iterator[None]:
    """Import the SDKs inside this; raises `Problem` where they are not installed."""
    try:
        yield
    except ImportError as error:
        raise Problem(
            "Microsoft Graph cannot be read by this installation",
            f"The package {error.name or error} is not installed.",
            "pip install 'provisioner[graph]'",
        ) from None
