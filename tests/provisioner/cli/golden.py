"""Comparing what users read with files that were looked at."""

from __future__ import annotations

import os
import re
from pathlib import Path

GOLDEN = Path(__file__).parents[2] / "golden"


def assert_golden(name: str, text: str) -> None:
    """Compare with a golden file; `UPDATE_GOLDEN=1` writes it anew, to be looked at in the diff."""
    path = GOLDEN / name
    told = re.sub(r"\b[0-9a-f]{12}\b", "<plan id>", text)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(told, encoding="utf-8")
    assert told == path.read_text(encoding="utf-8")
