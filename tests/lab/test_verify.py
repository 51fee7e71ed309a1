"""`verify` and `discover --tlsa` as they are typed, with mail servers on the port on which they really are."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from provisioner.cli import run
from provisioner.exits import Exit
from tests.emulators.smtp import MailServer
from tests.provisioner.seen_bench import BACKUP, CONTOSO_ZONE, MAIL, NEW, OWN, RECORD, WRONG, Bench, seen_bench

PORT = 25


@contextmanager
def mail_servers(folder: Path, *addresses: str) -> Iterator[None]:
    server = MailServer(OWN.server(folder))

    class Session(socketserver.BaseRequestHandler):
        request: socket.socket

        def handle(self) -> None:
            self.request.settimeout(5)
            server.talk(self.request)

    class Listener(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

    with ExitStack() as until_then:
        for address in addresses:
            listener = until_then.enter_context(Listener((address, PORT), Session))
            thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            until_then.callback(thread.join)
            until_then.callback(listener.shutdown)
        yield


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    if os.geteuid() != 0:
        pytest.skip("only root may listen on port 25")
    monkeypatch.chdir(tmp_path)
    with seen_bench(tmp_path) as made, mail_servers(tmp_path, MAIL, BACKUP):
        yield made


def test_domains_with_dane_are_verified(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "--details"]) == Exit.DONE
    out = capsys.readouterr().out
    assert f"  + good: DANE  verified: {NEW}.\n" in out
    assert "  + good: DANE  verified: mx.contoso.example.\n" in out
    assert out.endswith("Verified 3 domains: 3 good.\n")


def test_a_record_that_holds_mail_back_is_a_fault(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.serve(CONTOSO_ZONE.replace(RECORD, WRONG))
    assert run(["verify"]) == Exit.PENDING
    assert "  x fault: DANE  failed: mail is held back at mx.contoso.example.\n" in capsys.readouterr().out


def test_what_a_host_presents_is_proposed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["discover", "--tlsa", "mx.contoso.example"]) == Exit.DONE
    out = capsys.readouterr().out
    assert f"#   _25._tcp.mx.contoso.example. IN TLSA {RECORD}\n" in out
    assert out.endswith("mail_hosts:\n  mx.contoso.example: {certificate: {file: mx.contoso.example.pem}}\n")
