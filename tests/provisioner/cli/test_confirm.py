"""`confirm`, as it is typed, where port 25 is closed: on loopback nothing listens there, and that looks the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from plans.dane import tlsa_of
from plans.values import name
from provisioner.cli.clock import now
from provisioner.exits import Exit
from provisioner.manifest import load
from provisioner.report.confirm_text import looking_lines
from provisioner.report.lines import plain
from provisioner.state import State
from tests.emulators.authority import issue
from tests.provisioner.cli.conftest import Provisioner, Ran, without_journal
from tests.provisioner.cli.golden import assert_golden
from tests.provisioner.cli.terminal import terminal
from tests.provisioner.seen_bench import CONTOSO_ZONE, OWN, RECORD, Bench, seen_bench

HOST = "mx.contoso.example"
NEXT = issue(HOST)
KEY, NEXT_KEY = RECORD.split()[-1], tlsa_of(NEXT.public_key).association
MANIFEST = f"""version: 1
tenants: {{contoso: {{export: graph.json}}}}
resolver: {{hints: hints, port: %d, trust_anchor: anchor}}
providers: {{files: {{type: zonefile, directory: zones}}}}
domains: {{}}
mail_hosts: {{{HOST}: {{provider: files, certificate: {{file: mx.pem}}}}}}
"""
BARE_ZONE = re.sub(r"^_25.*\n", "", CONTOSO_ZONE, flags=re.MULTILINE)
ZONE_FILE = Path("zones/contoso.example.zone")
HINT = f"whoever sees it from elsewhere may say so:  provisioner confirm {HOST}\n"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A signed zone whose mail host has no TLSA yet, and the manifest that asks for one."""
    with seen_bench(tmp_path) as made:
        monkeypatch.chdir(tmp_path)
        made.serve(BARE_ZONE)
        made.manifest(MANIFEST)
        ZONE_FILE.parent.mkdir()
        ZONE_FILE.write_text(f"$ORIGIN contoso.example.\n$TTL 300\n{BARE_ZONE}")
        Path("mx.pem").write_bytes(OWN.pem)
        Path("next.pem").write_bytes(NEXT.pem)
        yield made


def with_next(bench: Bench) -> None:
    bench.manifest(MANIFEST.replace("{file: mx.pem}", "{file: mx.pem}, next: {file: next.pem}"))


def apply(provisioner: Provisioner) -> Ran:
    return provisioner("apply", "first.plan", "--auto-approve")


def is_written() -> bool:
    return KEY in ZONE_FILE.read_text()


def timeless(said: str) -> str:
    said = said.replace(KEY, "<key>").replace(NEXT_KEY, "<next key>").replace(KEY[:16], "<key>")
    return re.sub(r"\b\S+@[^\s,.]+", "<who>", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<time>", said))


def test_the_first_set_is_written_once_somebody_said_that_they_saw_the_key(provisioner: Provisioner, bench: Bench) -> None:
    assert provisioner("plan", "--out", "first.plan").code == Exit.DONE
    waits = apply(provisioner)
    assert (waits.code, is_written()) == (Exit.WAITING, False)
    assert f": 127.0.59.5: Connection refused; {HINT}" in waits.out
    asked = provisioner("confirm", HOST)
    said = provisioner("confirm", "MX.Contoso.Example.", "--yes", "--reason", "seen from home")
    assert (asked.code, asked.out, said.code) == (Exit.UNAPPROVED, "", Exit.DONE)
    without_journal(said.err)
    written = apply(provisioner)
    assert (written.code, is_written()) == (Exit.WAITING, True)
    assert "serves no set" in written.out
    bench.serve(f"{BARE_ZONE}_25._tcp.mx 3600 TLSA {RECORD}\n")
    assert apply(provisioner).code == Exit.DONE
    told = "".join(f"$ {what}\n{out}" for what, out in [
        ("confirm, without a terminal", asked.err),
        ("confirm --yes", said.out),
        ("history", provisioner("history", "--domain", HOST).out),
    ])  # fmt: skip
    assert "seen since" not in told + waits.out + written.out
    assert_golden("confirm.txt", timeless(told))
    assert provisioner("history", "--verify").code == Exit.DONE


def test_the_word_for_another_key_opens_nothing(provisioner: Provisioner, bench: Bench) -> None:
    assert provisioner("plan", "--out", "first.plan").code == Exit.DONE
    with_next(bench)
    assert NEXT_KEY in provisioner("confirm", HOST, "--next", "--yes").out
    waits = apply(provisioner)
    assert (waits.code, is_written()) == (Exit.WAITING, False)
    assert f"is for another key, {NEXT_KEY[:16]}; {HINT}" in waits.out
    Path("key.pem").write_bytes(OWN.public_pem)
    assert KEY in provisioner("confirm", HOST, "--certificate", "key.pem", "--yes").out
    assert (apply(provisioner).code, is_written()) == (Exit.WAITING, True)


def test_a_word_that_is_a_day_old_or_taken_back_opens_nothing(provisioner: Provisioner, bench: Bench) -> None:
    assert provisioner("plan", "--out", "first.plan").code == Exit.DONE
    yesterday = now() - timedelta(days=1)
    with State.open(load(Path("provisioner.yaml")).state, lambda: yesterday) as state:
        state.confirm(state.begin_run("confirm", "0.1.0"), name(HOST), KEY, ["127.0.59.5", "127.0.59.6"])
    waits = apply(provisioner)
    assert (waits.code, f", has lapsed; {HINT}" in waits.out) == (Exit.WAITING, True)
    assert provisioner("confirm", HOST, "--yes").code == Exit.DONE
    taken_back = provisioner("confirm", HOST, "--withdraw")
    assert (taken_back.code, taken_back.out) == (
        Exit.DONE, f"Withdrawn. Nobody's word counts any more for what {HOST} presents.\n"
    )  # fmt: skip
    waits = apply(provisioner)
    assert (waits.code, f"refused; {HINT}" in waits.out, is_written()) == (Exit.WAITING, True, False)
    assert provisioner("confirm", HOST, "--withdraw").out == f"Nothing was confirmed of {HOST}.\n"
    entries = json.loads(provisioner("history", "--json").out)["entries"]
    assert [one["kind"] for one in entries if one["body"].get("host")] == ["confirmed", "confirmed", "withdrawn"]


def test_at_a_terminal_a_person_is_asked_and_only_yes_is_taken(bench: Bench) -> None:
    for answer, code in (("y", Exit.UNAPPROVED), ("yes", Exit.DONE)):
        with terminal(["confirm", HOST]) as at:
            at.await_text("Only 'yes' is taken for it: ")
            assert "-connect 127.0.59.6:25 " in at.shown
            assert KEY in at.shown
            at.type(f"{answer}\n")
            assert at.end() == code
            assert ("Nothing was recorded" in at.shown) is (code != Exit.DONE)
    with State.open(load(Path("provisioner.yaml")).state, now) as state:
        assert len(list(state.history())) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("mx2.contoso.example",), Exit.USAGE, f"names these under mail_hosts: {HOST}."),
        (("not a host",), Exit.USAGE, "is no mail host"),
        ((HOST, "--next"), Exit.USAGE, "has no next certificate"),
        ((HOST, "--next", "--withdraw"), Exit.USAGE, "One of --next, --certificate and --withdraw"),
        ((HOST, "--next", "--certificate", "mx.pem"), Exit.USAGE, "One of --next, --certificate and --withdraw"),
        ((HOST, "--certificate", "none.pem"), Exit.ERROR, "none.pem: the file cannot be read"),
        ((HOST, "--certificate", "elsewhere.pem"), Exit.ERROR, f"the certificate is for mx.elsewhere.example, not for {HOST}"),
        ((HOST, "--certificate", "ended.pem"), Exit.ERROR, f"the certificate for {HOST} ended "),
        ((HOST, "--certificate", "key.pem"), Exit.ERROR, "here begins a private key"),
    ],
)
def test_what_cannot_be_confirmed_is_told_and_nothing_is_recorded(
    provisioner: Provisioner, bench: Bench, arguments: tuple[str, ...], code: Exit, told: str
) -> None:
    Path("elsewhere.pem").write_bytes(issue("mx.elsewhere.example").pem)
    Path("ended.pem").write_bytes(issue(HOST, not_after=now() - timedelta(days=1)).pem)
    Path("key.pem").write_bytes(OWN.private_pem)
    ran = provisioner("confirm", *arguments, "--yes")
    assert (ran.code, ran.out, told in ran.err) == (code, "", True), ran.err
    assert not Path(".provisioner").exists()


def test_a_host_without_an_address_presents_nothing(provisioner: Provisioner, bench: Bench) -> None:
    bench.serve(re.sub(r"^mx A.*\n", "", BARE_ZONE, flags=re.MULTILINE))
    ran = provisioner("confirm", HOST, "--yes")
    assert (ran.code, f"{HOST} has no address" in ran.err) == (Exit.ERROR, True)


def test_an_ipv6_address_stands_in_brackets() -> None:
    _, command, *_ = map(plain, looking_lines(name(HOST), "ab" * 32, Path("mx.pem"), ["2001:db8::1"]))
    assert "-connect '[2001:db8::1]:25' -servername mx.contoso.example </dev/null" in command
