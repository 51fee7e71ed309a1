"""A directory with one zone file, and the provider that has it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key, RRset, ZoneRef, name
from providers.contract import (
    Context,
    Provider,
)
from providers.zonefile import ADAPTER, ZoneFileOptions

MakeSet = Callable[..., RRset]
ZONE = name("example.com")
MX = Key(ZONE, "MX")
NOW = datetime(2024, 6, 15, tzinfo=UTC)
TEXT = "$TTL 3600\n@ SOA ns1 hostmaster 7 7200 3600 1209600 300\n@ MX 10 old ; mail\nwww A 192.0.2.1\n"
EDITED = TEXT.replace(" 7 ", " 8 ").replace("10 old", "0 new.")
NOBODY = 65534


def provider(folder: Path, directory: str = "zones", now: Callable[[], datetime] = lambda: NOW) -> Provider:
    opened: Provider = ADAPTER.open("files", ZoneFileOptions(type="zonefile", directory=directory), Context(folder, now))
    return opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "zones" / "example.com.zone"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


@pytest.fixture
def files(tmp_path: Path, file: Path) -> Provider:
    assert file.exists()
    return provider(tmp_path)


@pytest.fixture
def zone(files: Provider) -> ZoneRef:
    return files.zones([ZONE])[ZONE]


@pytest.fixture
def change(mx: MakeSet) -> Change:
    return Change(mx("example.com", "10 old.example.com."), mx("example.com", "0 new."))


@pytest.fixture
def base(files: Provider, zone: ZoneRef) -> Snapshot:
    return files.read(zone, [MX])


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@contextmanager
def without_privileges() -> Iterator[None]:
    """As somebody whom file permissions stop."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own folders are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "zones").mkdir()
    (folder / "zones" / "example.com.zone").write_text(TEXT)
    yield folder
    for path in (folder / "zones", folder / "zones" / "example.com.zone"):
        path.chmod(0o755)
    shutil.rmtree(folder)
