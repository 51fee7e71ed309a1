"""The manifest: YAML and JSON, a CSV table and a YAML file that it includes, in one input with a line between them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

from provisioner.manifest import ManifestInvalid, load
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, altered, mutated, relined

BETWEEN = b"\n=====\n"
FILES = ("provisioner.yaml", "table.csv", "more.yaml")
_VOCABULARY = Pool(
    """
    version state include credentials tenants providers domains defaults graph type id credential export cloud provider
    strategy endpoint env file token secret client_id zonefile directory client-secret azure-cli all phased direct verify dns
    manual exchange route gateway exchange-online mx mail_hosts preference certificate next takeover from until parent
    dnssec dane manage keep off policy soak 1h approvals default approvers separate carry resolver forward trust_anchor
    contoso.com a.o-v1.mx.microsoft a.mail.protection.outlook.com münchen.example xn--mnchen-3ya.example *.example.com
    2026-12-31 2026-02-30 1 0x1 0o7 1.5 .inf true null ~ << & * ! ? - | > % @ ` ' " { } [ ] , : # --- ... \\x85 tenant domain
""".encode().split()
)
_WORDS = Pool([*_VOCABULARY, b"\t", b"\n  ", b"\r", b"\xc2\x85", b"\xef\xbb\xbf", b"\xff", BETWEEN])


@contextmanager
def _opened() -> Iterator[Read]:
    with tempfile.TemporaryDirectory() as folder:

        def read(octets: bytes) -> bool:
            parts = octets.split(BETWEEN)
            for file, part in zip(FILES, [*parts, b"", b""], strict=False):
                Path(folder, file).write_bytes(part)
            return load(Path(folder, FILES[0])) == load(Path(folder, FILES[0]))

        yield read


def _inputs() -> st.SearchStrategy[bytes]:
    held = samples(READER.name)
    changed = altered(Pool(one for one in held if one.startswith(b"{")), _VOCABULARY)
    return st.one_of(mutated(held, _WORDS), relined(held, _WORDS), changed)


READER = Reader("manifest", _opened, _inputs, (ManifestInvalid,), 40)
