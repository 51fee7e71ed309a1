"""Files that a user asked for: written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from plans.problem import Problem


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Put a file in place in one go; what stood there before stays until then.

    Raises:
        Problem: it cannot be written.

    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        written = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as target:
                target.writelines(pieces)
                target.flush()
                os.fsync(target.fileno())
            written.chmod(0o666 & ~_umask())
            written.replace(path)
        except BaseException:
            with suppress(OSError):
                written.unlink()
            raise
    except OSError as error:
        raise Problem(
            f"The file {path} cannot be written",
            f"{error.strerror or error}.",
            "Name a file in a folder that you may write to:  --out FILE",
        ) from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
