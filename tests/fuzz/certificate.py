"""Certificates: PEM with text around it, and damaged DER in sound PEM."""

from __future__ import annotations

import base64
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from plans.problem import Problem
from plans.values import name
from provisioner.desired.certificate import read_certificate
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, mutated

HOST = name("mx1.gateway.example")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----\n([^-]*)-----END [A-Z ]+-----\n")
_WORDS = Pool(
    [
        *rb"""-----BEGIN -----END CERTIFICATE----- PUBLIC KEY----- PRIVATE RSA TRUSTED ----- MII = == AAAA""".split(),
        b"\r\n",
        b"\n",
        b"\xef\xbb\xbf",
        b"\x00",
        b"\xff",
    ]
)


@contextmanager
def _opened() -> Iterator[Read]:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The library tells of what it will refuse some day, such as the serial number 0; that is no error of the reader's.
        warnings.filterwarnings("ignore", module=r"provisioner\.desired\.certificate")
        file = Path(folder, "mx1.pem")

        def read(octets: bytes) -> bool:
            file.write_bytes(octets)
            found = read_certificate(file, HOST, NOW)
            assert all(one.isprintable() for one in found.names)
            blocks = [block for block in _BLOCK.findall(octets) if block[0] in {b"CERTIFICATE", b"PUBLIC KEY"}]
            if len(blocks) == 1:  # what stands around it counts for nothing
                file.write_bytes(_armored(blocks[0][0], base64.b64decode(blocks[0][1])))
                assert read_certificate(file, HOST, NOW) == found
            return True

        yield read


def _armored(label: bytes, der: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label, base64.encodebytes(der), label)


@st.composite
def _damaged(draw: st.DrawFn, held: Pool) -> bytes:
    """Change octets of the DER of one block; the armor stays sound."""
    blocks = [(label, base64.b64decode(body)) for label, body in _BLOCK.findall(held.one(draw))]
    if not blocks:
        return held.one(draw)
    at = draw(st.integers(0, len(blocks) - 1))
    blocks[at] = blocks[at][0], draw(mutated(Pool(der for _, der in blocks)))
    return b"".join(_armored(*block) for block in blocks)


def _inputs() -> st.SearchStrategy[bytes]:
    held = samples(READER.name)
    return st.one_of(mutated(held, _WORDS), _damaged(held))


READER = Reader("certificate", _opened, _inputs, (Problem,), 120)
