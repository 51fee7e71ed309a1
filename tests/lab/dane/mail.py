"""Mail servers that take mail, and Postfix as somebody who sends it, and who keeps to DANE."""

from __future__ import annotations

import re
import shutil
import smtplib
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from itertools import count
from pathlib import Path

from tests.lab.dane import names
from tests.lab.dane.servers import PATIENCE, Program, until

_SENDER_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/maillog
inet_interfaces = {address}
inet_protocols = ipv4
mydestination =
myhostname = sender.example
mynetworks = 127.0.0.0/8
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
smtp_tls_security_level = dane
smtp_tls_loglevel = 1
smtp_tls_session_cache_database =
smtp_tls_connection_reuse = no
smtp_connection_cache_on_demand = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_address_preference = ipv4
notify_classes =
"""
_SENDER_MASTER = """\
{address}:25 inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
retry unix - - n - - error
error unix - - n - - error
discard unix - - n - - discard
flush unix n - n 1000? 0 flush
scache unix - - n - 1 scache
"""


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server at an address that takes all mail, with STARTTLS, unless it `refuses`; `mails` are the texts that came."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: str, tls: ssl.SSLContext) -> None:
        self.tls, self.mails, self.refuses = tls, list[str](), False
        super().__init__((address, 25), _Session)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up, as those do that only look at the certificate."""


class _Session(socketserver.BaseRequestHandler):
    server: MailServer

    def handle(self) -> None:
        """Hold one session."""
        self.request.sendall(b"220 mx ESMTP\r\n")
        if self._converse(self.request, b"250-mx\r\n250 STARTTLS\r\n"):
            with self.server.tls.wrap_socket(self.request, server_side=True) as protected:
                self._converse(protected, b"250 mx\r\n")

    def _converse(self, wire: socket.socket, hello: bytes) -> bool:
        """Talk until the client leaves, or wants TLS."""
        with wire.makefile("rb", buffering=0) as stream:  # what follows STARTTLS is a handshake's
            while command := stream.readline().strip():
                match command.split()[0].upper():
                    case b"EHLO":
                        wire.sendall(hello)
                    case b"STARTTLS":
                        wire.sendall(b"220 go\r\n")
                        return True
                    case b"RCPT" if self.server.refuses:
                        wire.sendall(b"550 5.1.10 no such recipient\r\n")
                    case b"DATA":
                        wire.sendall(b"354 go\r\n")
                        self.server.mails.append(b"".join(iter(stream.readline, b".\r\n")).decode())
                        wire.sendall(b"250 taken\r\n")
                    case b"QUIT":
                        wire.sendall(b"221 bye\r\n")
                        return False
                    case _:
                        wire.sendall(b"250 ok\r\n")
        return False


@contextmanager
def mail_server(address: str, tls: ssl.SSLContext) -> Iterator[MailServer]:
    """Take mail until the block ends."""
    with MailServer(address, tls) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@dataclass(frozen=True)
class Delivery:
    """What became of one mail: the sender's last word on it, and what it said of TLS on the way."""

    subject: str
    status: str
    tls: tuple[str, ...]

    @property
    def sent(self) -> bool:
        """Whether the mail arrived."""
        return "status=sent" in self.status

    def __str__(self) -> str:
        return "\n".join((*self.tls, self.status))


class Sender:
    """Postfix; it looks up names as `inside` lets whatever it starts."""

    def __init__(self, program: Program, folder: Path, inside: Callable[[list[str]], list[str]]) -> None:
        folder.mkdir()
        folder.chmod(0o755)
        self._log, self._number = folder / "maillog", count(1)
        self._command = [program("postfix"), "-c", str(folder)]
        self._inside = inside
        for part in ("queue", "data"):
            (folder / part).mkdir()
        shutil.chown(folder / "data", "postfix")
        (folder / "main.cf").write_text(_SENDER_MAIN.format(folder=folder, address=names.SENDER))
        (folder / "master.cf").write_text(_SENDER_MASTER.format(address=names.SENDER))

    def start(self) -> None:
        """Start it."""
        ran = subprocess.run(self._inside([*self._command, "start"]), check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr

    def stop(self) -> None:
        """End it."""
        subprocess.run([*self._command, "stop"], check=False, capture_output=True)

    def forget(self) -> None:
        """Begin with nothing remembered: Postfix keeps a denied TLSA for longer than its TTL."""
        ran = subprocess.run([*self._command, "reload"], check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr

    def send(self, domain: str) -> Delivery:
        """Send one mail to somebody at a domain, and wait for what becomes of it."""
        mail = EmailMessage()
        subject = f"number {next(self._number)}."
        mail["From"], mail["To"], mail["Subject"] = "a@sender.example", f"b@{domain}", subject
        mail.set_content("Does this arrive?\n")
        with smtplib.SMTP(names.SENDER, 25, timeout=PATIENCE) as client:
            client.ehlo()
            client.mail("a@sender.example")
            client.rcpt(f"b@{domain}")
            said = client.data(mail.as_bytes())[1].decode()
        found = re.search(r"queued as (\w+)", said)
        assert found, said
        status = re.compile(rf"postfix/(\w+)\[(\d+)\]: {found[1]}: to=.* status=")
        until(f"mail {found[1]} has a status", lambda: bool(status.search(self._log.read_text())), self._log.read_text)
        return _delivery(subject, self._log.read_text().splitlines(), status)


def _delivery(subject: str, log: list[str], status: re.Pattern[str]) -> Delivery:
    at, match = next((n, found) for n, line in enumerate(log) if (found := status.search(line)))
    ours = f"postfix/{match[1]}[{match[2]}]: "
    said = [line.partition(ours)[2] for line in log[:at] if ours in line]
    last = max((n for n, line in enumerate(said) if " status=" in line), default=-1)
    tls = tuple(line for line in said[last + 1 :] if "TLS" in line and "offered" not in line)
    return Delivery(subject, log[at].partition(ours)[2], tls)
