"""`import`: a table becomes entries for `domains:`, or every mistake in it is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.exits import Exit
from provisioner.manifest.mistakes import Mistakes
from provisioner.manifest.nodes import parse
from provisioner.report.domain_yaml import word
from tests.provisioner.cli.conftest import Provisioner

TABLE = """tenant,domain,provider,route,exchange
fabrikam,www.wingtip.example,aws,,
contoso,Contoso.Example.,,exchange-online,
contoso,bücher.example,files,,buecher-example.o-v1.mx.microsoft
"""
ENTRIES = """domains:
  contoso.example: {tenant: contoso, route: exchange-online}
  www.wingtip.example: {tenant: fabrikam, provider: aws}
  xn--bcher-kva.example: {tenant: contoso, provider: files, exchange: buecher-example.o-v1.mx.microsoft}
"""
MANIFEST = """version: 1
include: [fleet/*.yaml]
tenants: {contoso: {export: c.json}, fabrikam: {export: f.json}}
providers: {aws: {type: zonefile, directory: a}, files: {type: zonefile, directory: z}}
defaults: {provider: files}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_becomes_sorted_entries_without_any_manifest(provisioner: Provisioner) -> None:
    Path("fleet.csv").write_text(TABLE)
    ran = provisioner("import", "fleet.csv")
    assert (ran.code, ran.out) == (Exit.DONE, ENTRIES)
    assert ran.err.startswith("3 domains. Put the lines below `domains:` into the manifest")
    assert ran.err.endswith("\nNext: provisioner validate\n")


@pytest.mark.parametrize(
    "octets",
    [
        b"\xef\xbb\xbf" + TABLE.replace(",", ";").replace("\n", "\r\n").encode(),
        TABLE.replace(",", "\t").replace("\n", "\r").encode(),
    ],
)
def test_what_a_spreadsheet_saves_is_read_as_the_manifest_reads_it(provisioner: Provisioner, octets: bytes) -> None:
    Path("fleet.csv").write_bytes(octets)
    assert provisioner("import", "fleet.csv").out == ENTRIES


def test_the_file_that_is_written_is_included_as_it_is(provisioner: Provisioner) -> None:
    Path("fleet.csv").write_text(TABLE)
    ran = provisioner("import", "fleet.csv", "--out", "fleet/customers.yaml")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert ran.out == (
        "Written. fleet/customers.yaml has 3 domains. Name it in the manifest: include: [fleet/customers.yaml], "
        "counted from the manifest's folder.\nNext: provisioner validate\n"
    )
    assert Path("fleet/customers.yaml").read_text() == ENTRIES
    Path("provisioner.yaml").write_text(MANIFEST)
    assert provisioner("validate").out == "Valid. provisioner.yaml: 2 tenants, 2 providers, 3 domains.\n"


def test_the_lines_that_are_printed_are_pasted_as_they_are(provisioner: Provisioner) -> None:
    Path("fleet.csv").write_text(TABLE)
    printed = provisioner("import", "fleet.csv").out
    Path("provisioner.yaml").write_text(MANIFEST.replace("include: [fleet/*.yaml]\n", "") + printed)
    assert "3 domains" in provisioner("validate").out


@pytest.mark.parametrize(("out", "stands"), [("old.yaml", "old.yaml"), ("old.yaml/below.yaml", "old.yaml"), ("link", "link")])
def test_nothing_is_ever_overwritten(provisioner: Provisioner, out: str, stands: str) -> None:
    Path("fleet.csv").write_text(TABLE)
    Path("old.yaml").write_text("mine")
    Path("link").symlink_to("nowhere")
    ran = provisioner("import", "fleet.csv", "--out", out)
    assert (ran.code, ran.out) == (Exit.ERROR, "")
    assert f"Error: The file {out}" in ran.err
    assert stands in ran.err.splitlines()[1]
    assert Path("old.yaml").read_text() == "mine"
    assert not Path("nowhere").exists()


def test_a_place_that_cannot_be_written_is_told(provisioner: Provisioner) -> None:
    Path("fleet.csv").write_text(TABLE)
    ran = provisioner("import", "fleet.csv", "--out", "x" * 300)
    assert ran.code == Exit.ERROR
    assert "cannot be written" in ran.err


def test_every_mistake_is_told_with_its_line_and_nothing_is_printed(provisioner: Provisioner) -> None:
    Path("fleet.csv").write_text(
        "tenant,domain,provider,route,exchange\n"
        "contoso,https://contoso.example/,,,\n"
        ",fabrikam.example,,,\n"
        "contoso,wingtip.example,,,\n"
        "contoso,,,,\n"
        "contoso,WINGTIP.example,,,\n"
        "contoso,pinned.example,,,mx.gateway.example\n"
        "contoso,gateway.example,,gateway,\n"
        "contoso,a.example,files,,,surplus\n"
    )
    ran = provisioner("import", "fleet.csv", "--out", "fleet.yaml")
    assert (ran.code, ran.out) == (Exit.ERROR, "")
    lines = ran.err.splitlines()
    assert lines[0] == "Error: The table fleet.csv has 7 mistakes"
    assert [line.split()[0] for line in lines[1:-1]] == [f"fleet.csv:{number}" for number in (2, 3, 5, 6, 7, 8, 9)]
    assert "did you mean 'contoso.example'?" in lines[1]
    assert "the first is at fleet.csv:4" in lines[4]
    assert lines[-1].endswith("`provisioner import fleet.csv`.")
    assert not Path("fleet.yaml").exists()


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (None, "fleet.csv  the file cannot be read: No such file or directory."),
        (b"PK\x03\x04\xff\xff", "is not UTF-8"),
        (b"tenant,domaine\n", "unknown column 'domaine', did you mean 'domain'?"),
        (b'tenant,domain\ncontoso,"a.example\n', "fleet.csv:2  from here on this is no CSV"),
        (b"tenant,domain\ncontoso,a b.example\n", "Error: The table fleet.csv has 1 mistake\n"),
    ],
)
def test_a_file_that_is_no_table_of_domains_is_told(provisioner: Provisioner, octets: bytes | None, told: str) -> None:
    if octets is not None:
        Path("fleet.csv").write_bytes(octets)
    ran = provisioner("import", "fleet.csv")
    assert (ran.code, ran.out) == (Exit.ERROR, "")
    assert told in ran.err


def test_a_table_without_rows_is_a_document_without_domains(provisioner: Provisioner) -> None:
    Path("fleet.csv").write_text("tenant,domain\n")
    ran = provisioner("import", "fleet.csv")
    assert (ran.code, ran.out) == (Exit.DONE, "domains: {}\n")
    assert ran.err.startswith("0 domains.")


@pytest.mark.parametrize("text", ["contoso", "365.example", "off", "Contoso Ltd", "ünïted", "1e3.example", "a@b"])
def test_what_reads_as_text_needs_no_quotes(text: str) -> None:
    assert word(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1", '"1"'),
        ("0x1f", '"0x1f"'),
        ("1e3", '"1e3"'),
        ("true", '"true"'),
        ("Null", '"Null"'),
        ("a: b", '"a: b"'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("\u202e", '"\\U0000202e"'),
    ],
)
def test_what_would_read_as_something_else_is_quoted(text: str, written: str) -> None:
    assert word(text) == written


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"), min_size=1))
def test_any_word_is_read_back_as_it_was(text: str) -> None:
    mistakes = Mistakes()
    root = parse(f"domains:\n  {word(text)}: {{tenant: {word(text)}, provider: x}}\n", Path("any.yaml"), mistakes)
    assert not mistakes.found
    assert root is not None
    (key, entry), *rest = root.child("domains").value.items()  # type: ignore[union-attr]  # it is a mapping
    assert (key, entry.child("tenant").value, rest) == (text, text, [])
