from collections.abc import Callable
from pathlib import Path

import pytest

from plans.values import Name
from provisioner.manifest import Adapters, ManifestInvalid, load
from provisioner.manifest.files import LARGEST
from provisioner.manifest.model import Manifest

HEAD = "version: 1\ntenants: {t: {export: a.json}}\nproviders: {p: {type: zonefile, directory: z}}\ndefaults: {provider: p}\n"
ONE = "domains: {example.com: {tenant: t}}\n"

Read = Callable[..., Manifest]
Told = Callable[..., list[str]]
Names = Callable[[Manifest], list[Name]]


def test_a_missing_manifest_names_the_command_that_writes_one(tmp_path: Path, adapters: Adapters) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        load(tmp_path / "provisioner.yaml", adapters)

    assert "`provisioner init`" in caught.value.mend
    assert caught.value.detail == f"{tmp_path}/provisioner.yaml  there is no such file."


def test_a_folder_is_no_manifest(tmp_path: Path, adapters: Adapters) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        load(tmp_path, adapters)

    assert caught.value.detail == f"{tmp_path}  this is a folder, not a file. Name a file."


def test_a_file_that_cannot_be_read_is_told_with_the_systems_reason(mistakes: Told, tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")

    assert mistakes(HEAD + "include: ['*.csv']\n") == [
        "loop.csv  the file cannot be read: Too many levels of symbolic links. Look at its path and permissions."
    ]


def test_a_file_that_is_too_large_is_refused(mistakes: Told) -> None:
    assert mistakes(b"#" * (LARGEST + 1)) == [
        "provisioner.yaml  the file is larger than 32 MiB. Divide it into several files and `include` them."
    ]


def test_a_path_below_the_current_directory_is_told_relative_to_it(
    tmp_path: Path, adapters: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "m.yaml").write_text(HEAD + ONE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    absolute = load(tmp_path / "sub" / "m.yaml", adapters)
    relative = load(Path("sub/m.yaml"), adapters)
    monkeypatch.chdir(tmp_path / "sub")
    above = load(Path("../sub/m.yaml"), adapters)

    assert str(absolute.domains[0].where) == str(relative.domains[0].where) == "sub/m.yaml:5"
    assert str(above.domains[0].where) == "../sub/m.yaml:5"
    assert absolute.state == relative.state == above.state == f"sqlite:///{tmp_path}/sub/.provisioner/state.db"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_and_a_byte_order_mark_of_any_editor_are_taken(mark: bytes, end: bytes, read: Read, mistakes: Told) -> None:
    text = mark + (HEAD + ONE).encode().replace(b"\n", end)
    table = mark + end.join([b"tenant;domain", b"", b"t;example.net", b'"t";"example.org"', b""])

    assert len(read(text + b"include: ['*.csv']", **{"a.csv": table}).domains) == 3
    assert mistakes(text + b"tenant: 5" + end)[0].startswith("provisioner.yaml:6  tenant: unknown key")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_may_have_any_order_of_columns_and_quoted_cells(delimiter: str, read: Read, names: Names) -> None:
    rows = [["provider", "domain", "tenant"], ["p", '"example.com"', "t"], ["", " example.net ", '"t"'], ["", "", ""]]
    table = "\n".join(delimiter.join(row) for row in rows)

    assert names(read(HEAD + "include: [a.csv]\n", **{"a.csv": table})) == ["example.com.", "example.net."]


def test_a_spreadsheets_empty_columns_at_the_end_are_no_mistake(read: Read, names: Names) -> None:
    table = "tenant,domain,,\nt,example.com,,\nt,example.net\n"

    assert names(read(HEAD + "include: [a.csv]\n", **{"a.csv": table})) == ["example.com.", "example.net."]


def test_a_table_without_rows_is_no_mistake(read: Read) -> None:
    assert read(HEAD + "include: [a.csv]\n", **{"a.csv": "tenant,domain\n"}).domains == ()


def test_a_row_is_located_where_it_begins_also_behind_blank_lines_and_lines_in_quotes(mistakes: Told) -> None:
    table = 'tenant,domain\n\nt,"exam\nple"\n\nt,com\n'

    told = mistakes(HEAD + "include: [a.csv]\n", **{"a.csv": table})
    assert [line.split("  ")[0] for line in told] == ["a.csv:3", "a.csv:6"]


def test_a_file_matched_twice_is_read_once_and_the_manifest_never_includes_itself(read: Read, names: Names) -> None:
    manifest = read(
        HEAD + "include: ['*.yaml', '**/*.yaml']\n", **{"b/c.yaml": "domains: {c.example: {tenant: t}}\n", "a.yaml": ONE}
    )

    assert names(manifest) == ["example.com.", "c.example."]


def test_an_included_path_may_be_absolute_or_lie_above(tmp_path: Path, read: Read, names: Names) -> None:
    (tmp_path / "shared.yaml").write_text(ONE, encoding="utf-8")
    other = {"shared/a.yaml": "domains: {a.example: {tenant: t}}\n"}

    manifest = read(HEAD + f"include: ['{tmp_path}/shared.yaml', '../shared/*']\n", name="sub/m.yaml", **other)
    assert sorted(names(manifest)) == ["a.example.", "example.com."]


def test_a_list_of_a_hundred_mistakes_ends_in_the_number_of_the_rest(adapters: Adapters, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        HEAD + "domains:\n" + "".join(f"  a{n}.example: {{tenant: none{n}}}\n" for n in range(250)), encoding="utf-8"
    )
    with pytest.raises(ManifestInvalid) as caught:
        load(tmp_path / "m.yaml", adapters)

    assert len(caught.value.mistakes) == 250
    assert caught.value.headline.endswith("has 250 mistakes")
    assert len(caught.value.detail.splitlines()) == 101
    assert caught.value.detail.endswith("\nand 150 more")
    assert [mistake.where.line for mistake in caught.value.mistakes] == list(range(6, 256))


def test_a_long_list_of_known_labels_is_cut(mistakes: Told) -> None:
    tenants = "".join(f"  t{n:03}: {{export: a}}\n" for n in range(300))
    (told,) = mistakes(
        f"version: 1\nproviders: {{p: {{type: zonefile, directory: z}}}}\ntenants:\n{tenants}"
        "domains: {a.example: {tenant: zzzz, provider: p}}\n"
    )

    assert told.endswith("unknown tenant 'zzzz'. Known are " + ", ".join(f"t{n:03}" for n in range(12)) + " and 288 more.")


def test_a_state_whose_folder_could_be_taken_for_a_query_is_refused(mistakes: Told, tmp_path: Path) -> None:
    (tmp_path / "a?b").mkdir()

    assert mistakes("version: 1\n", name="a?b/m.yaml")[0].startswith("a?b/m.yaml")
