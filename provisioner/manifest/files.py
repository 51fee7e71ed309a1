"""Files that a manifest is made of, as text: bounded, UTF-8, free of control characters, lines ended by LF."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from provisioner.manifest.mistakes import ManifestInvalid, Mistake, Mistakes, quoted
from provisioner.manifest.model import Location
from provisioner.manifest.nodes import CONTROL, Node

LARGEST = 32 * 1024 * 1024
"""Octets that one file may have; ten thousand domains take about one mebioctet."""

SUFFIXES = {".yaml", ".yml", ".json", ".csv"}


def shown(file: Path) -> Path:
    """Write a path as a user would type it: relative if it lies below the current directory."""
    here = Path.cwd()
    return file.relative_to(here) if file.is_absolute() and file.is_relative_to(here) else file


def require(manifest: Path) -> None:
    """Raise `ManifestInvalid` with the way out if there is no manifest at all."""
    if not manifest.exists():
        what = Mistake(Location(manifest, 0), "", "there is no such file", "")
        raise ManifestInvalid(
            "There is no manifest", (what,), "Run `provisioner init` to write one, or name another with `--manifest FILE`."
        )


def text(file: Path, mistakes: Mistakes) -> str | None:
    """Read one file. None: it cannot be read, and the mistake is noted."""
    data = octets(file, mistakes)
    return None if data is None else decoded(data, file, mistakes)


def octets(file: Path, mistakes: Mistakes) -> bytes | None:
    """Read one file as it is. None: it cannot be read, and the mistake is noted."""
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except IsADirectoryError:
        mistakes.unreadable(Location(file, 0), "this is a folder, not a file", "Name a file.")
        return None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        mistakes.unreadable(Location(file, 0), f"the file cannot be read: {why}", "Look at its path and permissions.")
        return None
    if len(data) > LARGEST:
        mend = "Divide it into several files and `include` them."
        mistakes.unreadable(Location(file, 0), f"the file is larger than {LARGEST // 1024**2} MiB", mend)
        return None
    return data


def decoded(data: bytes, file: Path, mistakes: Mistakes) -> str | None:
    """Give the text of a file that was read. None: it holds no text, and the mistake is noted."""
    try:
        written = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        mistakes.unreadable(Location(file, line), f"octet 0x{data[error.start]:02x} is not UTF-8", "Save the file as UTF-8.")
        return None
    unified = written.replace("\r\n", "\n").replace("\r", "\n")
    if control := CONTROL.search(unified):
        line = unified.count("\n", 0, control.start()) + 1
        mistakes.unreadable(Location(file, line), f"the control character U+{ord(control[0]):04X} stands here", "Remove it.")
        return None
    return unified


def included(manifest: Path, globs: Iterable[Node], mistakes: Mistakes) -> list[Path]:
    """Give the files that globs name, sorted, each once; a file never includes itself."""
    folder = manifest.parent
    seen = {os.path.realpath(manifest)}
    files: list[Path] = []
    for position, pattern in enumerate(globs):
        path = ("include", position)
        matches = sorted(glob.glob(str(pattern.value), root_dir=folder, recursive=True))  # noqa: PTH207 - takes any path
        if not matches:
            mend = f"Globs count from {quoted(str(folder))}; remove it, or write the file."
            mistakes.add(pattern.where, path, f"{quoted(str(pattern.value))} matches no file", mend)
            mistakes.incomplete = True
        for file in (folder / match for match in matches):
            if os.path.realpath(file) in seen:
                continue
            seen.add(os.path.realpath(file))
            if fault := _unfit(file):
                mistakes.add(pattern.where, path, f"{file} {fault}", "Narrow the glob, for example to `*.yaml`.")
            else:
                files.append(file)
    return sorted(files)


def _unfit(file: Path) -> str | None:
    """Say why a file that a glob names is not read. Mistakes repeat keys that they find, so a link may not lead anywhere."""
    target = Path(os.path.realpath(file))
    if file.is_dir() or not target.exists():  # reading says what is wrong
        return None
    if file.suffix.lower() not in SUFFIXES:
        return "is neither YAML, JSON nor CSV by its name"
    if target.suffix.lower() not in SUFFIXES or not target.is_file():
        return "is a link to something that is neither YAML, JSON nor CSV" if file.is_symlink() else "is no file"
    return None
