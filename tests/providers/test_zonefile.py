from __future__ import annotations

import hashlib
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key, Name, RRset, ZoneRef, name
from providers.contract import (
    CONTRACT_VERSION,
    Access,
    Context,
    Provider,
    Rejected,
    Status,
    Unavailable,
    Unsupported,
    ZoneNotFound,
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


def test_the_adapter_says_what_it_is() -> None:
    assert ADAPTER.contract == CONTRACT_VERSION
    assert ADAPTER.capabilities.guard == "content hash under a lock"
    assert ADAPTER.capabilities.types == {"MX", "DS", "TLSA", "TXT"}
    assert ADAPTER.capabilities.publishes == "none"


@pytest.mark.parametrize("directory", ["", "a\x00b", None, 5])
def test_a_directory_that_can_be_none_is_no_option(directory: object) -> None:
    with pytest.raises(ValidationError):
        ZoneFileOptions.model_validate({"type": "zonefile", "directory": directory})


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError):
        ZoneFileOptions.model_validate({"type": "zonefile", "directory": "zones", "create": True})


@pytest.mark.parametrize("directory", ["zones", "./zones", "zones/", "x/../zones"])
def test_a_zone_is_named_by_the_directory_as_written_and_its_file(tmp_path: Path, file: Path, directory: str) -> None:
    (tmp_path / "x").mkdir()
    assert provider(tmp_path, directory).zones([ZONE]) == {ZONE: ZoneRef("files", "zonefile", "zones", file.name, ZONE)}


def test_an_absolute_directory_does_not_count_from_the_folder(tmp_path: Path, file: Path) -> None:
    found = provider(tmp_path / "elsewhere", str(file.parent)).zones([ZONE])
    assert found[ZONE].account == str(file.parent)


def test_the_longest_file_name_wins(files: Provider, file: Path) -> None:
    (file.parent / "a.b.example.com.zone").touch()
    found = files.zones([name("x.a.b.example.com"), name("b.example.com")])
    assert [zone.id for zone in found.values()] == ["a.b.example.com.zone", "example.com.zone"]


@pytest.mark.parametrize(
    "trick",
    [
        "\\.\\./\\.\\./etc/passwd.",
        "\\.\\.\\047secret.",
        "\\000.",
        "a\\.b.",
        "a\\\\b.",
        "\\032.",
        "*.",
        ".",
        "a" * 63 + "." + "b" * 63 + "." + "c" * 63 + "." + "d" * 61 + ".",
    ],
)
def test_a_label_is_never_a_path(tmp_path: Path, files: Provider, trick: str) -> None:
    for outside in ("secret.zone", "..secret.zone", ".zone", "a.b.zone"):
        (tmp_path / outside).touch()
    (tmp_path / "zones" / ".zone").touch()
    assert files.zones([name(trick)]) == {}
    zone = ZoneRef("files", "zonefile", "zones", "../secret.zone", name(trick))
    with pytest.raises(ZoneNotFound):
        files.read(zone, [])


def test_a_missing_directory_is_unavailable_and_not_empty(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        provider(tmp_path, "nowhere").zones([ZONE])
    assert str(tmp_path / "nowhere") in caught.value.detail
    assert caught.value.retry_is_safe


def test_a_file_in_the_directorys_place_is_unavailable(tmp_path: Path, file: Path) -> None:
    assert file.exists()
    with pytest.raises(Unavailable):
        provider(tmp_path, "zones/example.com.zone").zones([ZONE])


@pytest.mark.parametrize("stray", ["notes.txt", "UPPER.example.zone", "a..b.zone", ".zone", f"{'a' * 64}.zone", "x.zone.bak"])
def test_the_catalogue_has_every_file_that_is_named_for_a_zone(files: Provider, file: Path, stray: str) -> None:
    for other in (stray, "example.net.zone", "a.example.com.zone", ".example.com.zone.lock"):
        (file.parent / other).touch()
    assert list(files.catalogue()) == [
        ZoneRef("files", "zonefile", "zones", f"{zone}.zone", name(zone))
        for zone in ("a.example.com", "example.com", "example.net")
    ]


def test_the_catalogue_of_a_missing_directory_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be listed"):
        provider(tmp_path, "nowhere").catalogue()


def test_access_to_a_file_that_can_be_read_and_edited(files: Provider, zone: ZoneRef, file: Path) -> None:
    assert files.access(zone) == Access(readable=True, writable=True)
    assert file.read_text() == TEXT
    assert names_in(file.parent) == {"example.com.zone"}


def test_access_to_a_broken_file_names_the_line(files: Provider, zone: ZoneRef, file: Path) -> None:
    file.write_text(TEXT + "\n$INCLUDE more\n")
    expected = Access(readable=False, writable=False, detail=f"{file}:6: '$INCLUDE' is not supported")
    assert files.access(zone) == expected


def test_access_to_a_signed_file_is_for_reading(files: Provider, zone: ZoneRef, file: Path) -> None:
    file.write_text(TEXT + "@ NSEC @ SOA\n")
    access = files.access(zone)
    assert (access.readable, access.writable) == (True, False)
    assert access.detail.startswith(f"{file}: line 5: its NSEC records are made from the zone")
    assert access.detail.endswith("point the provider at the unsigned file that this one is made from")


def test_access_to_a_file_that_went_is_no_zone(files: Provider, zone: ZoneRef, file: Path) -> None:
    file.unlink()
    with pytest.raises(ZoneNotFound):
        files.access(zone)


def test_the_token_is_the_hash_of_the_bytes(base: Snapshot, mx: MakeSet) -> None:
    assert base.token == hashlib.sha256(TEXT.encode()).hexdigest()
    assert base.sets == {MX: mx("example.com", "10 old.example.com.")}


def test_a_broken_file_is_rejected_with_file_and_line(files: Provider, zone: ZoneRef, file: Path) -> None:
    file.write_text(TEXT + "\n$INCLUDE more\n")
    with pytest.raises(Rejected) as caught:
        files.read(zone, [MX])
    assert caught.value.detail == f"{file}:6: '$INCLUDE' is not supported"
    assert "named-compilezone" in caught.value.mend


def test_a_file_that_went_is_no_zone(files: Provider, zone: ZoneRef, base: Snapshot, change: Change, file: Path) -> None:
    file.unlink()
    with pytest.raises(ZoneNotFound, match=r"example\.com\.zone does not exist"):
        files.read(zone, [MX])
    with pytest.raises(ZoneNotFound, match=r"example\.com\.zone does not exist"):
        files.apply(base, [change])
    assert names_in(file.parent) == set()
    assert files.zones([ZONE]) == {}


def test_a_link_to_nothing_is_a_zone_that_is_not_found_and_hides_no_parent(files: Provider, file: Path) -> None:
    (file.parent / "sub.example.com.zone").symlink_to("gone")
    found = files.zones([name("sub.example.com")])
    with pytest.raises(ZoneNotFound):
        files.read(found[name("sub.example.com")], [])


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_regular_file_is_unavailable_at_once(
    files: Provider, zone: ZoneRef, base: Snapshot, change: Change, file: Path, kind: str
) -> None:
    file.unlink()
    if kind == "directory":
        file.mkdir()
    else:
        os.mkfifo(file)
    for attempt in (lambda: files.read(zone, [MX]), lambda: files.apply(base, [change])):
        with pytest.raises(Unavailable) as caught:
            attempt()
        assert str(file) in caught.value.detail


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


def test_a_directory_that_may_not_be_written_is_unavailable_with_the_mend(shared: Path, change: Change) -> None:
    (shared / "zones").chmod(0o555)
    files = provider(shared)
    base = files.read(files.zones([ZONE])[ZONE], [MX])
    with without_privileges(), pytest.raises(Unavailable) as caught:
        files.apply(base, [change])
    assert "Permission denied" in caught.value.detail
    assert "let this user" in caught.value.mend
    assert names_in(shared / "zones") == {"example.com.zone"}


def test_a_file_that_may_not_be_read_is_unavailable(shared: Path) -> None:
    (shared / "zones" / "example.com.zone").chmod(0)
    files = provider(shared)
    zone = files.zones([ZONE])[ZONE]
    with without_privileges(), pytest.raises(Unavailable, match="Permission denied"):
        files.read(zone, [MX])


def test_access_to_a_file_that_may_not_be_read(shared: Path) -> None:
    path = shared / "zones" / "example.com.zone"
    path.chmod(0)
    files = provider(shared)
    zone = files.zones([ZONE])[ZONE]
    with without_privileges():
        assert files.access(zone) == Access(readable=False, writable=False, detail=f"{path}: Permission denied")


@pytest.mark.parametrize(
    ("closed", "mode"), [("zones", 0o555), ("zones/example.com.zone", 0o444), ("zones/.example.com.zone.lock", 0o444)]
)
def test_access_names_what_may_not_be_written(shared: Path, closed: str, mode: int) -> None:
    for path in (shared / "zones" / ".example.com.zone.lock", shared / "zones" / "example.com.zone"):
        path.touch()
        path.chmod(0o666)
    (shared / "zones").chmod(0o777)
    files = provider(shared)
    zone = files.zones([ZONE])[ZONE]
    with without_privileges():
        assert files.access(zone) == Access(readable=True, writable=True)
    (shared / closed).chmod(mode)
    with without_privileges():
        expected = Access(readable=True, writable=False, detail=f"this user may not write {shared / closed}")
        assert files.access(zone) == expected


def test_access_through_a_link_is_that_to_what_it_names(shared: Path) -> None:
    target, path = shared / "real.zone", shared / "zones" / "example.com.zone"
    path.rename(target)
    path.symlink_to("../real.zone")
    (shared / "zones").chmod(0o777)
    files = provider(shared)
    zone = files.zones([ZONE])[ZONE]
    with without_privileges():
        access = files.access(zone)
    assert (access.readable, access.writable) == (True, False)
    assert access.detail == f"this user may not write {shared}, {target}"


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


def test_a_zone_of_another_manifest_is_not_taken_for_ours(files: Provider, zone: ZoneRef, file: Path) -> None:
    for other in (
        ZoneRef("files", "zonefile", "other", zone.id, ZONE),
        ZoneRef("cf", "zonefile", zone.account, zone.id, ZONE),
        ZoneRef("files", "cloudflare", zone.account, zone.id, ZONE),
        ZoneRef("files", "zonefile", zone.account, f"../zones/{file.name}", ZONE),
        ZoneRef("files", "zonefile", zone.account, zone.id, Name("example.net.")),
    ):
        with pytest.raises(ZoneNotFound, match="make a new plan"):
            files.read(other, [MX])
