"""Reading secrets, at the moment in which they are needed."""

from __future__ import annotations

import os
from pathlib import Path

from plans.problem import Problem
from provisioner.manifest.model import Secret

_LARGEST = 1024 * 1024


def reveal(secret: Secret) -> str:
    """Read a secret's text; the line end with which a file ends is no part of it.

    Raises:
        Problem: the variable is not set, the file cannot be read, or there is nothing in it.

    """
    content = reveal_bytes(secret)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _problem(secret, "is not UTF-8 text") from None
    text = text.rstrip("\r\n") if secret.file else text
    if not text.strip():
        raise _problem(secret, "is empty")
    return text


def reveal_bytes(secret: Secret) -> bytes:
    """Read a secret as it is, for a certificate that may be binary (PFX). Raises `Problem` as `reveal` does."""
    content = _of_file(secret) if secret.file else _of_environment(secret)
    if not content:
        raise _problem(secret, "is empty")
    return content


def _of_environment(secret: Secret) -> bytes:
    value = os.environ.get(secret.env or "")
    if value is None:
        raise _problem(secret, "is not set")
    return value.encode("utf-8", "surrogateescape")


def _of_file(secret: Secret) -> bytes:
    try:
        with Path(secret.file or "").open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _problem(secret, f"cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise _problem(secret, "is larger than 1 MiB, which no secret is")
    return content


def _problem(secret: Secret, what: str) -> Problem:
    if secret.file:
        mend = f"Put the secret into {secret.file}, or name another file in {secret.where}."
        return Problem("A secret cannot be read", f"{secret.where}: the file {secret.file} {what}.", mend)
    mend = f"Set it, for one shell: read -rs {secret.env} && export {secret.env}"
    return Problem("A secret cannot be read", f"{secret.where}: the environment variable {secret.env} {what}.", mend)
