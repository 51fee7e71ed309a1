"""The file of approvals beside a plan."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

from provisioner.approval import record
from provisioner.approval.problems import ApprovalMissing
from provisioner.report.approvals_text import approval_lines
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, altered, mutated, relined
from tests.strategies import votes

_VOCABULARY = Pool(b"approval rejection 2026-03-01T12:00:00Z 2026-03-01T12:00:00+01:00 0001-01-01T00:00:00Z 9999-12-31".split())
_WORDS = Pool([*_VOCABULARY, b'"kind":', b"null", b"\r\n", b"\n", b"\x0b", b"\x85", b"\xff", b"{}"])


@contextmanager
def _opened() -> Iterator[Read]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.jsonl.approvals")

        def read(octets: bytes) -> bool:
            file.write_bytes(octets)
            found = record.read(file)
            assert b"".join(map(record.encode, found)) == octets
            list(approval_lines("a" * 64, "ann", found))
            return True

        yield read


def _inputs() -> st.SearchStrategy[bytes]:
    held = samples(READER.name)
    lines = Pool(line for one in held for line in one.splitlines() if line.startswith(b'{"plan"'))
    changed = altered(lines, _VOCABULARY).map(lambda line: line + b"\n")
    whole = st.lists(votes.map(record.encode), max_size=3).map(b"".join)
    return st.one_of(whole, changed, mutated(held, _WORDS), relined(held, _WORDS))


READER = Reader("approvals", _opened, _inputs, (ApprovalMissing,))
