"""`verify` and `discover --tlsa`, as they are typed; port 25 is closed here, which is what the manifest's hosts are told by."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.message
import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import PROGRAM, Provisioner
from tests.provisioner.seen_bench import FIRST, NEW, PLAIN_ZONE, Bench, seen_bench


@pytest.fixture(autouse=True)
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with seen_bench(tmp_path) as made:
        monkeypatch.chdir(tmp_path)
        yield made


def test_domains_that_are_as_they_should_be(provisioner: Provisioner) -> None:
    ran = provisioner("verify", "plain.example", "GATE.contoso.example.")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert ran.out == (
        "gate.contoso.example  (tenant contoso)  good\nplain.example  (tenant contoso)  good\n\nVerified 2 domains: 2 good.\n"
    )


def test_what_cannot_be_seen_from_here(provisioner: Provisioner) -> None:
    ran = provisioner("verify")
    assert ran.code == Exit.ERROR
    assert ran.out.startswith("contoso.example  (tenant contoso)  undetermined\n  ? undetermined: TLSA ")
    assert ran.out.endswith("Verified 3 domains: 1 undetermined, 2 good.\n")
    assert "  undetermined  DANE            1  contoso.example\n" in ran.out


def test_a_fault_and_all_that_was_looked_at(provisioner: Provisioner, bench: Bench) -> None:
    bench.serve(ds=f"contoso DS 1 13 2 {'ab' * 32}\n")
    ran = provisioner("verify", "--details")
    assert ran.code == Exit.PENDING
    assert ran.out.startswith("contoso.example  (tenant contoso)  fault\n  x fault: chain  contoso.example. is bogus: ")
    assert f"  + good: MX  0 {NEW}.\n" in ran.out
    assert "  + good: MTA-STS  there is no policy\n" in ran.out


def test_the_same_for_a_program(provisioner: Provisioner, bench: Bench) -> None:
    bench.serve(plain=PLAIN_ZONE.replace("MX 0 plain-example", "MX 0 else"))
    ran = provisioner("verify", "--json", "plain.example")
    assert ran.code == Exit.PENDING
    document = json.loads(ran.out)
    assert document["counts"] == {"fault": 1, "undetermined": 0, "notice": 0, "good": 0}
    (domain,) = document["domains"]
    assert [(check["check"], check["standing"]) for check in domain["checks"]][-4:-2] == [
        ("MX", "fault"),
        ("TLSA else.mail.protection.outlook.com", "good"),
    ]


def test_no_domain_fits(provisioner: Provisioner) -> None:
    ran = provisioner("verify", "*.fabrikam.example")
    assert ran.code == Exit.ERROR
    assert "No domain is left to verify" in ran.err


def test_a_record_that_would_steer_the_terminal_is_shown_as_text(provisioner: Provisioner, bench: Bench) -> None:
    bench.serve(plain=PLAIN_ZONE.replace("MX 0 plain-example", "MX 0 \\027[2J\\007else"))
    for ran in (provisioner("verify", "plain.example"), provisioner("verify", "--json", "plain.example")):
        assert ran.code == Exit.PENDING
        assert not {"\x1b", "\x07"} & set(ran.out + ran.err)
        assert "\\027[2j" in ran.out


def test_a_pin_in_the_state_is_heeded(provisioner: Provisioner, bench: Bench) -> None:
    assert provisioner("pin", "plain.example", "plain-example.o-v1.mx.microsoft").code == Exit.DONE
    ran = provisioner("verify", "plain.example")
    assert ran.code == Exit.PENDING
    assert "wanted is 0 plain-example.o-v1.mx.microsoft." in ran.out
    assert "  i notice: Graph  Graph still answers plain-example.mail.protection.outlook.com; the pinned" in ran.out


def test_a_run_that_is_interrupted_tells_what_it_did_not_look_at(bench: Bench) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hold(_reply: dns.message.Message) -> None:
        asked.set()
        go_on.wait(30)

    bench.dns.spoil(FIRST, hold)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*PROGRAM, "verify"], stdout=pipe, stderr=pipe, text=True, env={**os.environ, "PYTHONPATH": ""}
    ) as run:
        try:
            assert asked.wait(30)
            run.send_signal(signal.SIGINT)
            out, err = run.communicate(timeout=30)
        finally:
            go_on.set()
    assert run.returncode == Exit.INTERRUPTED
    assert "  ? undetermined: all  the run was told to stop before this was looked at" in out
    assert "Not every domain was looked at." in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--tlsa", "mx.contoso.example", "--tenant", "contoso"), Exit.USAGE, "--tlsa asks a mail host alone"),
        (("--tlsa", "mx_1..example"), Exit.USAGE, "is no mail host"),
        (("--tlsa", "nowhere.contoso.example"), Exit.ERROR, "nowhere.contoso.example has no address"),
        (("--tlsa", "mx.contoso.example"), Exit.ERROR, "Not every address presents the same key"),
    ],
)
def test_a_host_of_which_no_record_can_be_proposed(
    provisioner: Provisioner, arguments: tuple[str, ...], code: Exit, words: str
) -> None:
    ran = provisioner("discover", *arguments)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert "mail_hosts:" not in ran.out


def test_help_names_the_exit_codes(provisioner: Provisioner) -> None:
    assert "2 a fault" in provisioner("verify", "--help").out
