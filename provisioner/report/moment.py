"""A moment as people read it."""

from __future__ import annotations

from datetime import datetime


def told(moment: datetime) -> str:
    """Say a moment (UTC), to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"
