"""Zones are found among files, and files are read and never taken for what they are not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Name, ZoneRef, name
from providers.contract import (
    CONTRACT_VERSION,
    Access,
    Provider,
    Rejected,
    Unavailable,
    ZoneNotFound,
)
from providers.zonefile import ADAPTER, ZoneFileOptions
from tests.providers.zonefile.conftest import MX, TEXT, ZONE, MakeSet, names_in, provider, without_privileges


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
