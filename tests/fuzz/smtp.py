"""SMTP: a mail server that says what is drawn. What it says to a greeting, EHLO, STARTTLS and QUIT stands in one input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import strategies as st

from provisioner.probe.smtp import session
from tests.emulators.smtp import HOST, MailServer
from tests.emulators.talking import running
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, mutated, relined

BETWEEN = b"\n=====\n"
_SECONDS = 0.3
"""That a session may take. The server closes its side once it has said all, so that few take so long."""
_WORDS = Pool(
    [
        *rb"""220 221 250 250- 421 554 2 299 STARTTLS StartTLS 8BITMIME SIZE mx.example ESMTP - 000 999 220-""".split(),
        b"\r\n",
        b"\n",
        b"\r",
        b"\x00",
        b"\xff",
        b"\x1b[2J",
        b" ",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x16\x03\x03",
        BETWEEN,
    ]
)


@contextmanager
def _opened() -> Iterator[Read]:
    with running(MailServer()) as server:

        def read(octets: bytes) -> bool:
            said = [*octets.split(BETWEEN), b"", b"", b"", b""]
            server.greeting, server.hello, server.start, server.handshake = ((one or None,) for one in said[:4])
            found = session(server.target(), HOST, _SECONDS)
            assert found.why.isprintable()
            assert not found.chain
            return bool(found.accepts)

        yield read


def _inputs() -> st.SearchStrategy[bytes]:
    held = samples(READER.name)
    return st.one_of(mutated(held, _WORDS), relined(held, _WORDS))


READER = Reader("smtp", _opened, _inputs, (), 60)
