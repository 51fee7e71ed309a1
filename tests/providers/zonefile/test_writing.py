"""A write happens once, whole, under a lock, or not at all."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import ZoneRef
from providers.contract import (
    Provider,
    Status,
    Unavailable,
    Unsupported,
    ZoneNotFound,
)
from tests.providers.zonefile.conftest import EDITED, MX, NOW, TEXT, ZONE, MakeSet, names_in, provider, without_privileges


def test_a_change_is_written(files: Provider, base: Snapshot, change: Change, file: Path) -> None:
    assert {outcome.status for outcome in files.apply(base, [change]).values()} == {Status.WRITTEN}
    assert file.read_text() == EDITED


def test_the_serial_takes_the_date_of_the_context(tmp_path: Path, file: Path, change: Change) -> None:
    file.write_text(TEXT.replace(" 7 ", " 2024010100 "))
    files = provider(tmp_path, now=lambda: datetime(2031, 2, 3, 4, tzinfo=UTC))
    files.apply(files.read(files.zones([ZONE])[ZONE], [MX]), [change])
    assert " 2031020300 " in file.read_text()


def test_all_changes_of_a_call_are_one_write(files: Provider, zone: ZoneRef, file: Path, change: Change, mx: MakeSet) -> None:
    inode = file.stat().st_ino
    create = Change(None, mx("new.example.com", "0 m."))
    outcomes = files.apply(files.read(zone, [MX, create.key]), [create, change])
    assert {outcome.status for outcome in outcomes.values()} == {Status.WRITTEN}
    assert file.read_text() == EDITED + "new.example.com. 3600 IN MX 0 m.\n"
    assert file.stat().st_ino != inode


def test_a_write_leaves_nothing_beside_the_file_but_the_lock(
    files: Provider, base: Snapshot, change: Change, file: Path
) -> None:
    files.apply(base, [change])
    assert names_in(file.parent) == {"example.com.zone", ".example.com.zone.lock"}


def test_no_change_takes_no_lock(files: Provider, base: Snapshot, file: Path) -> None:
    assert files.apply(base, []) == {}
    assert names_in(file.parent) == {"example.com.zone"}


@pytest.mark.parametrize("edit", [" ", "; a comment\n"])
def test_any_other_byte_in_the_file_is_a_conflict(
    files: Provider, base: Snapshot, change: Change, file: Path, edit: str
) -> None:
    file.write_text(TEXT + edit)
    outcomes = files.apply(base, [change])
    assert {outcome.status for outcome in outcomes.values()} == {Status.CONFLICT}
    assert file.read_text() == TEXT + edit


def test_a_file_that_an_editor_saves_while_we_write_is_a_conflict(tmp_path: Path, file: Path, change: Change) -> None:
    def now() -> datetime:
        file.write_text(TEXT + "; saved\n")
        return NOW

    files = provider(tmp_path, now=now)
    outcomes = files.apply(files.read(files.zones([ZONE])[ZONE], [MX]), [change])
    assert {outcome.status for outcome in outcomes.values()} == {Status.CONFLICT}
    assert file.read_text() == TEXT + "; saved\n"
    assert names_in(file.parent) == {"example.com.zone", ".example.com.zone.lock"}


def test_a_file_that_goes_while_we_write_is_not_found(tmp_path: Path, file: Path, change: Change) -> None:
    def now() -> datetime:
        file.unlink()
        return NOW

    files = provider(tmp_path, now=now)
    base = files.read(files.zones([ZONE])[ZONE], [MX])
    with pytest.raises(ZoneNotFound):
        files.apply(base, [change])
    assert names_in(file.parent) == {".example.com.zone.lock"}


def test_a_refused_edit_names_the_file_and_writes_nothing(files: Provider, zone: ZoneRef, file: Path, change: Change) -> None:
    text = TEXT + "@ NSEC @ SOA\n"
    file.write_text(text)
    with pytest.raises(Unsupported) as caught:
        files.apply(files.read(zone, [MX]), [change])
    assert caught.value.detail.startswith(f"{file}: line 5: its NSEC records")
    assert file.read_text() == text


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_the_mode_is_kept(files: Provider, base: Snapshot, change: Change, file: Path, mode: int) -> None:
    file.chmod(mode)
    files.apply(base, [change])
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_the_owner_is_kept_where_permitted(files: Provider, base: Snapshot, change: Change, file: Path) -> None:
    if os.geteuid() == 0:
        os.chown(file, 1234, 4321)
    before = file.stat()
    files.apply(base, [change])
    assert (file.stat().st_uid, file.stat().st_gid) == (before.st_uid, before.st_gid)


def test_a_link_stays_a_link_and_what_it_names_is_replaced(files: Provider, zone: ZoneRef, file: Path, change: Change) -> None:
    target = file.parent.parent / "real" / "db.example"
    target.parent.mkdir()
    file.rename(target)
    file.symlink_to("../real/db.example")
    files.apply(files.read(zone, [MX]), [change])
    assert file.is_symlink()
    assert target.read_text() == EDITED
    assert names_in(target.parent) == {"db.example", ".db.example.lock"}
    assert names_in(file.parent) == {"example.com.zone"}


def test_a_file_that_cannot_be_written_in_full_stays_as_it_was(
    files: Provider, base: Snapshot, change: Change, file: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
    try:
        with pytest.raises(Unavailable) as caught:
            files.apply(base, [change])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in caught.value.detail
    assert file.read_text() == TEXT
    assert names_in(file.parent) == {"example.com.zone", ".example.com.zone.lock"}


def test_a_directory_that_may_not_be_written_is_unavailable_with_the_mend(shared: Path, change: Change) -> None:
    (shared / "zones").chmod(0o555)
    files = provider(shared)
    base = files.read(files.zones([ZONE])[ZONE], [MX])
    with without_privileges(), pytest.raises(Unavailable) as caught:
        files.apply(base, [change])
    assert "Permission denied" in caught.value.detail
    assert "let this user" in caught.value.mend
    assert names_in(shared / "zones") == {"example.com.zone"}


def test_another_users_file_is_replaced_by_our_own_with_its_mode(shared: Path, change: Change) -> None:
    path = shared / "zones" / "example.com.zone"
    path.chmod(0o644)
    (shared / "zones").chmod(0o777)
    files = provider(shared)
    base = files.read(files.zones([ZONE])[ZONE], [MX])
    with without_privileges():
        assert files.apply(base, [change])[MX].status is Status.WRITTEN
        assert path.stat().st_uid == os.geteuid()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.read_text() == EDITED


PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from plans.plan import Change
from plans.values import Key, Mx, RRset, name
from providers.contract import Context
from providers.zonefile import ADAPTER, ZoneFileOptions

zone, key = name("example.com"), Key(name("example.com"), "MX")
files = ADAPTER.open("files", ZoneFileOptions(type="zonefile", directory="zones"),
                     Context(Path(sys.argv[1]), lambda: datetime.now(UTC)))
base = files.read(files.zones([zone])[zone], [key])
after = RRset(key, 3600, (Mx(int(sys.argv[2]), name("new")),))
print("ready", flush=True)
sys.stdin.readline()
print(files.apply(base, [Change(base.sets[key], after)])[key].status)
"""


def test_of_processes_that_write_from_one_base_exactly_one_does(tmp_path: Path, file: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    statuses = [writer.communicate()[0].strip() for writer in writers]
    assert sorted(statuses) == ["conflict", "conflict", "conflict", "written"]
    assert file.read_text() == TEXT.replace(" 7 ", " 8 ").replace("10 old", f"{statuses.index('written')} new.")


def test_of_threads_that_write_from_one_base_exactly_one_does(files: Provider, base: Snapshot, mx: MakeSet, file: Path) -> None:
    old = mx("example.com", "10 old.example.com.")
    changes = [Change(old, mx("example.com", f"{number} new.")) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda change: files.apply(base, [change])[MX].status, changes))
    assert outcomes.count(Status.WRITTEN) == 1
    assert outcomes.count(Status.CONFLICT) == 11
    assert f"MX {outcomes.index(Status.WRITTEN)} new." in file.read_text()


LOCKER = """
import sys, filelock
with filelock.FileLock(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(lock: Path) -> Iterator[subprocess.Popen[str]]:
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    try:
        yield holder
    finally:
        holder.communicate("done\n")


def test_a_lock_that_another_run_keeps_is_unavailable(files: Provider, base: Snapshot, change: Change, file: Path) -> None:
    lock = file.with_name(".example.com.zone.lock")
    with held_by_another_process(lock), pytest.raises(Unavailable) as caught:
        files.apply(base, [change])
    assert caught.value.headline.endswith("is locked by another run")
    assert str(lock) in caught.value.detail
    assert caught.value.retry_is_safe
    assert file.read_text() == TEXT
    assert files.apply(base, [change])[MX].status is Status.WRITTEN


def test_a_lock_that_cannot_be_made_is_unavailable(files: Provider, base: Snapshot, change: Change, file: Path) -> None:
    file.with_name(".example.com.zone.lock").mkdir()
    with pytest.raises(Unavailable, match="cannot be locked"):
        files.apply(base, [change])
    assert file.read_text() == TEXT
