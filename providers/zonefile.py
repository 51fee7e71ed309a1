"""Zones kept as master files in a directory, one file a zone: `<zone>.zone`, the zone's name lower case, without final dot.

Files are edited and never created. A write happens under a lock beside the file, only if the file is, byte for byte, the one
that was read, and all at once: a new file takes the old one's place.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import re
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import filelock
from pydantic import Field

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Key, Name, RRset, ZoneRef, ancestors, is_canonical
from providers.contract import (
    CONTRACT_VERSION,
    Access,
    Adapter,
    Capabilities,
    Context,
    Options,
    Outcome,
    Rejected,
    Status,
    Unavailable,
    Unsupported,
    ZoneNotFound,
)
from providers.masterfile import MasterFile, parse
from providers.masterfile_edit import edit, require_editable
from providers.masterfile_lines import MAX_OCTETS, MasterFileError
from providers.zonedata import guard, highest_by_type, require_writable

TYPE = "zonefile"
_SUFFIX = ".zone"
_LOCK_SECONDS = 5.0
_FILE_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\Z")
"""Zones whose names hold anything else have no file: no label ever means a path."""
_MENDS = {
    errno.ENOSPC: "free space on the disk, then run again",
    errno.EDQUOT: "free space in the disk quota, then run again",
    errno.EROFS: "the file system is mounted read-only: mount it for writing, then run again",
    errno.EACCES: "let this user read the file and write in its directory, then run again",
    errno.EPERM: "let this user read the file and write in its directory, then run again",
}


class ZoneFileOptions(Options):
    """The manifest's options. A relative `directory` counts from the file that names it."""

    directory: Annotated[str, Field(min_length=1, pattern=r"^[^\x00]+$")]


class ZoneFiles:
    """The zones of one directory."""

    def __init__(self, label: str, options: ZoneFileOptions, context: Context) -> None:
        self._label = label
        self._account = posixpath.normpath(options.directory)
        self._directory = context.folder / options.directory
        self._now = context.now

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give the zone of every file that is named for one, by name. Raises `Unavailable`."""
        held = sorted(zone for file in self._listing() if (zone := _zone_of(file)) is not None)
        return (self._reference(zone) for zone in held)

    def access(self, zone: ZoneRef) -> Access:
        """Say whether this user may read and write a zone's file, and whether we could edit it. Raises `ZoneNotFound`."""
        path = self._path(zone)
        try:
            file = self._parsed(zone, path, self._bytes(zone, path))
        except (Rejected, Unavailable) as error:
            return Access(readable=False, writable=False, detail=error.detail)
        try:
            require_editable(file)
        except Unsupported as error:
            return Access(readable=True, writable=False, detail=f"{path}: {error.detail}; {error.mend}")
        target = Path(os.path.realpath(path))
        needed = (target.parent, target, _lock_file(target))
        if missing := [str(one) for one in needed if one.exists() and not _may_write(one)]:
            return Access(readable=True, writable=False, detail=f"this user may not write {', '.join(missing)}")
        return Access(readable=True, writable=True)

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Find each name's zone among the files of the directory. Raises `Unavailable`."""
        files = self._listing()
        found = {}
        for name in names:
            held = (zone for zone in (name, *ancestors(name)) if _file_name(zone) in files)
            if zone := next(held, None):
                found[name] = self._reference(zone)
        return found

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read keys of one zone's file. Raises `ZoneNotFound`, `Rejected` and `Unavailable`."""
        path = self._path(zone)
        data = self._bytes(zone, path)
        return self._parsed(zone, path, data).data.snapshot(zone, keys, _hash(data))

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Give the set as it is: a file holds what is written. Raises `Unsupported`."""
        require_writable(zone, wanted)
        return wanted

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        """Give the highest TTL of each type in one zone's file. Raises `ZoneNotFound`, `Rejected` and `Unavailable`."""
        path = self._path(zone)
        file = self._parsed(zone, path, self._bytes(zone, path))
        return highest_by_type((entry.type, entry.ttl) for entry in file.entries)

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:  # noqa: ARG002 - the contract's
        """Name no server: whoever serves the files knows."""
        return frozenset()

    def signer(self) -> None:
        """Sign nothing: whoever serves the files does."""

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make all changes in one write, with one new serial, or none of them."""
        zone = base.zone
        path = self._path(zone)
        for change in changes:
            if change.after is not None:
                require_writable(zone, change.after)
        if not changes:
            return {}
        # A link stays a link: what it names is locked and replaced.
        target = Path(os.path.realpath(path))
        with self._locked(zone, target):
            data = self._bytes(zone, target)
            if _hash(data) != base.token:
                return _all_conflicts(changes)
            live = self._parsed(zone, path, data).data.live
            if (refused := guard(base, live, changes)) is not None:
                return refused
            try:
                edited = edit(data, zone.name, changes, self._now())
            except Unsupported as error:
                raise Unsupported(error.headline, f"{path}: {error.detail}", error.mend) from error
            with self._failing_as_unavailable(zone, target, "written"):
                written = _replace(target, edited, unless=lambda: self._bytes(zone, target) != data)
        return {change.key: Outcome(Status.WRITTEN) for change in changes} if written else _all_conflicts(changes)

    def _listing(self) -> set[str]:
        try:
            return {path.name for path in self._directory.iterdir()}
        except OSError as error:
            raise Unavailable(
                f"the zone files of provider {self._label} cannot be listed",
                f"{self._directory}: {error.strerror}",
                "mend `directory` of the provider in the manifest, or create the directory",
            ) from error

    def _reference(self, zone: Name) -> ZoneRef:
        return ZoneRef(self._label, TYPE, self._account, f"{zone.removesuffix('.')}{_SUFFIX}", zone)

    def _path(self, zone: ZoneRef) -> Path:
        file_name = _file_name(zone.name)
        if file_name is None or zone != self._reference(zone.name):
            raise ZoneNotFound(
                f"zone {zone.name} is not the one that provider {self._label} holds",
                f"{zone.type} {zone.account}/{zone.id} was asked for; {self._label} is {TYPE} {self._account}",
                "make a new plan with this manifest",
            )
        return self._directory / file_name

    def _bytes(self, zone: ZoneRef, path: Path) -> bytes:
        with self._failing_as_unavailable(zone, path, "read"), open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            return file.read(MAX_OCTETS + 1)

    def _parsed(self, zone: ZoneRef, path: Path, data: bytes) -> MasterFile:
        try:
            return parse(data, zone.name)
        except MasterFileError as error:
            headline = f"the file of zone {zone.name} cannot be understood"
            raise Rejected(headline, f"{path}:{error.line}: {error.what}", error.mend) from error

    @contextmanager
    def _failing_as_unavailable(self, zone: ZoneRef, path: Path, done: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ZoneNotFound(
                f"zone {zone.name} is no longer at provider {self._label}",
                f"{path} does not exist",
                "put the file back, or take the zone's domains out of the manifest; files are never created",
            ) from error
        except OSError as error:
            raise Unavailable(
                f"the file of zone {zone.name} cannot be {done}",
                f"{path}: {error.strerror}",
                _MENDS.get(error.errno or 0, "mend what stands at that path, then run again"),
            ) from error

    @contextmanager
    def _locked(self, zone: ZoneRef, target: Path) -> Iterator[None]:
        lock = filelock.FileLock(_lock_file(target), timeout=_LOCK_SECONDS)
        with self._failing_as_unavailable(zone, target, "locked"):
            target.stat()
            try:
                lock.acquire()
            except filelock.Timeout as error:
                raise Unavailable(
                    f"the file of zone {zone.name} is locked by another run",
                    f"{lock.lock_file} was held for {_LOCK_SECONDS:.0f} seconds",
                    "wait until the other run is done, then run again",
                ) from error
        try:
            yield
        finally:
            lock.release()


def _file_name(zone: Name) -> str | None:
    stem = zone.removesuffix(".")
    return f"{stem}{_SUFFIX}" if _FILE_NAME.match(stem) else None


def _zone_of(file_name: str) -> Name | None:
    zone = Name(f"{file_name.removesuffix(_SUFFIX)}.")
    return zone if _file_name(zone) == file_name and is_canonical(zone) else None


def _lock_file(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


def _may_write(path: Path) -> bool:
    """Ask the system for the user that writes will be made by; a directory is written by entering it."""
    wanted = os.W_OK | os.X_OK if path.is_dir() else os.W_OK
    return os.access(path, wanted, effective_ids=os.access in os.supports_effective_ids)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _all_conflicts(changes: Sequence[Change]) -> dict[Key, Outcome]:
    return {change.key: Outcome(Status.CONFLICT, "the file changed since it was read") for change in changes}


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _replace(target: Path, data: bytes, unless: Callable[[], bool]) -> bool:
    """Put a new file in the target's place, with its mode and, where permitted, its owner; False where `unless` holds.

    Raises `OSError` only where the old file still stands; no other file is left then.
    """
    before = target.stat()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            for user, group in ((-1, before.st_gid), (before.st_uid, -1)):
                with suppress(PermissionError):
                    os.fchown(descriptor, user, group)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
            os.fsync(descriptor)
        # An editor knows nothing of our lock: the last look is as late as it can be.
        if unless():
            return False
        temporary.replace(target)
    finally:
        with suppress(OSError):
            temporary.unlink()
    # From here on it is written; where the directory cannot be synced only a loss of power could still undo it.
    with suppress(OSError):
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    return True


ADAPTER = Adapter(
    contract=CONTRACT_VERSION,
    options=ZoneFileOptions,
    capabilities=Capabilities(guard="content hash under a lock", types=frozenset(MANAGED_TYPES), publishes="none", lists=True),
    open=ZoneFiles,
)
