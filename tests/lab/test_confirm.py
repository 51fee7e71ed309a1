"""What `confirm` prints is typed as it stands: OpenSSL gives the digest that is compared."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from plans.dane import tlsa_of
from plans.values import name
from provisioner.report.confirm_text import looking_lines
from provisioner.report.lines import plain
from tests.emulators.authority import issue
from tests.emulators.smtp import MailServer
from tests.emulators.talking import running

HOST = "mx.contoso.example"


def test_the_command_prints_the_digest_beside_it(program: Callable[[str], str], tmp_path: Path) -> None:
    program("openssl")
    issued = issue(HOST)
    key = tlsa_of(issued.public_key).association
    with running(MailServer(issued.server(tmp_path)), "127.0.59.77") as server:
        _, command, _, digest = map(plain, looking_lines(name(HOST), key, tmp_path / "mx.pem", ["127.0.59.77"]))
        here = command.replace("127.0.59.77:25", f"127.0.59.77:{server.port}")
        ran = subprocess.run(["/bin/sh", "-c", here], check=True, capture_output=True, text=True, timeout=60)
    assert digest.strip() == key
    assert ran.stdout.split()[-1] == key
