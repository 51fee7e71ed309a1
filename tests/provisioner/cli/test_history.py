"""`history`: what was done, by whom, in which run; and whether the journal is as it was written."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import Provisioner
from tests.provisioner.cli.golden import assert_golden

DATABASE = Path(".provisioner/state.db")
HEAD = re.compile(r"^Journal: entry (\d+), hash ([0-9a-f]{64})$", re.MULTILINE)


@pytest.fixture
def applied(provisioner: Provisioner, quickstart: Path) -> str:
    """The quickstart, applied one domain after the other; gives the hash that the last run printed."""
    provisioner("pin", "contoso.example", "contoso-example.o-v1.mx.microsoft")
    hashes = []
    for domain in ("contoso.example", "fabrikam.example"):
        ran = provisioner("apply", "--auto-approve", "--domain", domain)
        assert ran.code == Exit.DONE
        hashes += [found[2] for found in HEAD.finditer(ran.err)]
    assert len(hashes) == 2
    return hashes[-1]


def numbers(provisioner: Provisioner, kind: str) -> list[int]:
    entries = json.loads(provisioner("history", "--json").out)["entries"]
    return [entry["n"] for entry in entries if kind in {"", entry["kind"]}]


def edit(statement: str) -> None:
    with closing(sqlite3.connect(DATABASE)) as connection, connection:
        connection.execute(statement)


def test_every_entry_is_a_line(provisioner: Provisioner, applied: str) -> None:
    ran = provisioner("history")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    told = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<time>", ran.out)
    assert_golden("history.txt", re.sub(r"\b\S+@\S+", "<who>", told))


def test_entries_are_chosen_by_domain_run_and_time(provisioner: Provisioner, applied: str) -> None:
    whole = provisioner("history").out.splitlines()
    contoso = provisioner("history", "--domain", "Contoso.Example").out.splitlines()
    assert contoso == [line for line in whole if "contoso.example" in line]
    assert provisioner("history", "--run", "3").out.splitlines() == [line for line in whole if "  run 3 apply  " in line]
    assert provisioner("history", "--since", "2020-01-01", "--until", "2999-01-01T12:00:00+02:00").out.splitlines() == whole
    assert provisioner("history", "--until", "2020-01-01").out == ""
    assert provisioner("history", "--since", "2999-01-01").out == ""


def test_json_is_one_document(provisioner: Provisioner, applied: str) -> None:
    entries = json.loads(provisioner("history", "--json").out)["entries"]
    assert [entry["n"] for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[-1]["hash"] == applied
    assert entries[0]["kind"] == "pin"
    begun = next(entry for entry in entries if entry["kind"] == "begun")
    assert (begun["subject"], begun["step"], begun["command"]) == ("contoso.example", 1, "apply")
    assert json.loads(provisioner("history", "--json", "--run", "99").out) == {"entries": []}


def test_a_whole_journal_is_said_to_be_whole(provisioner: Provisioner, applied: str) -> None:
    ran = provisioner("history", "--verify")
    count = len(numbers(provisioner, ""))
    assert (ran.code, ran.out) == (Exit.DONE, f"Journal: {count} entries, whole; last hash {applied}\n")
    assert provisioner("history", "--expect", applied).out == ran.out
    assert json.loads(provisioner("history", "--verify", "--json").out) == {"entries": count, "hash": applied, "broken": []}


def test_a_changed_entry_is_named_with_what_to_do(provisioner: Provisioner, applied: str) -> None:
    count, (changed, removed) = len(numbers(provisioner, "")), numbers(provisioner, "begun")
    edit(f"UPDATE journal SET body = '{{}}' WHERE n = {changed}")  # noqa: S608 - a number of ours
    edit(f"DELETE FROM journal WHERE n = {removed}")  # noqa: S608 - the same
    ran = provisioner("history", "--verify")
    assert ran.code == Exit.ERROR
    *told, mend = ran.out.splitlines()
    assert mend.startswith("  Put the last good copy of the state in its place; or look with `provisioner plan`")
    assert told == [
        f"Journal: not as it was written; {count} entries, last hash {applied}",
        f"  entry {changed}: its columns do not give its hash",
        f"  entry {removed}: the entry is missing; {removed + 1} is there instead",
    ]
    assert [one["entry"] for one in json.loads(provisioner("history", "--verify", "--json").out)["broken"]] == [
        changed,
        removed,
    ]


def test_a_cut_off_end_is_found_by_the_hash_that_a_run_printed(provisioner: Provisioner, applied: str) -> None:
    shutil.copytree(".provisioner", "copy")
    provisioner("pin", "fabrikam.example", "fabrikam-example.o-v1.mx.microsoft")
    newest = json.loads(provisioner("history", "--json").out)["entries"][-1]["hash"]
    shutil.rmtree(".provisioner")
    shutil.copytree("copy", ".provisioner")
    assert provisioner("history", "--verify").code == Exit.DONE
    ran = provisioner("history", "--verify", "--expect", newest)
    assert (ran.code, f"no entry has the hash {newest}: the newest ones were cut off" in ran.out) == (Exit.ERROR, True)
    shutil.rmtree(".provisioner")
    gone = provisioner("history", "--expect", applied)
    assert (gone.code, f"no entry has the hash {applied}: there is no state" in gone.out) == (Exit.ERROR, True)
    assert provisioner("history", "--verify").code == Exit.DONE


@pytest.mark.parametrize(
    "arguments",
    [
        ("--verify", "--domain", "contoso.example"),
        ("--expect", "0" * 64, "--run", "1"),
        ("--since", "yesterday"),
        ("--domain", "no..name"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(provisioner: Provisioner, quickstart: Path, arguments: tuple[str, ...]) -> None:
    ran = provisioner("history", *arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
