"""The state artifact: what is read of it can be taken over, and written again."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from plans.codec import encode_entry
from plans.problem import Problem
from provisioner.state import State, artifact
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, altered, mutated
from tests.fuzz.plan_file import moved

NOW = datetime(2026, 11, 24, tzinfo=UTC)
_VOCABULARY = Pool(
    b"""begun settled met done failed closed contoso.com. contoso.com zone domain mail-host tenant written
    2026-11-24T00:00:00.000000Z 2026-11-24T00:00:00+00:00 9999-12-31T23:59:59.999999Z original""".split()
)


@contextmanager
def _opened() -> Iterator[Read]:
    with tempfile.TemporaryDirectory() as folder:
        file, again = Path(folder, "artifact.jsonl"), Path(folder, "again.jsonl")

        def read(octets: bytes) -> bool:
            file.write_bytes(octets)
            found = artifact.read(file)
            assert found is not None
            database = Path(folder, "state.db")
            try:
                with State.open(f"sqlite:///{database}", lambda: NOW) as state:
                    artifact.take_over(state, state.begin_run("apply", "0"), found)
                    assert state.verify() == ()
                    artifact.write(state, again)
                taken = artifact.read(again)
                assert taken is not None
                assert dict(taken.pins) == dict(found.pins)
            finally:
                for left in Path(folder).glob("state.db*"):
                    left.unlink()
            return True

        yield read


@st.composite
def _changed(draw: st.DrawFn, held: Pool) -> bytes:
    """Change a line, and make the digest fit again."""
    told = held.one(draw).splitlines()[:-1]
    at = draw(st.integers(0, len(told) - 1))
    told[at] = draw(altered(Pool([told[at]]), _VOCABULARY))
    return _sealed(told)


def _sealed(lines: list[bytes]) -> bytes:
    before = b"".join(line + b"\n" for line in lines)
    return before + b'{"end":{"digest":"%b"}}\n' % hashlib.sha256(before).hexdigest().encode()


def _whole() -> bytes:
    """Give an artifact as this version writes it: what is kept in a file would be another version's some day."""
    at = "2026-11-01T00:0{}:00.000000Z".format
    events = [
        {"at": at(1), "body": {"does": "replace"}, "kind": "begun", "step": 0},
        {"at": at(2), "body": {"outcome": "written"}, "kind": "settled", "step": 0},
        {"at": at(3), "body": {"condition": "all is well"}, "kind": "met", "step": 0},
    ]
    line = encode_entry(moved()).decode()
    rollout = {"events": events, "kind": "domain", "line": line, "opened": at(0), "plan_id": "a", "subject": "contoso.com."}
    pin = {"domain": "contoso.com.", "exchange": "contoso-com.o-v1.mx.microsoft."}
    told = ({"schema": artifact.SCHEMA}, {"rollout": rollout}, {"pin": pin})
    return _sealed([json.dumps(one, sort_keys=True, separators=(",", ":")).encode() for one in told])


def _inputs() -> st.SearchStrategy[bytes]:
    held = Pool([_whole()])
    return st.one_of(_changed(held), _changed(held), mutated(Pool([*held, *samples(READER.name)])))


READER = Reader("artifact", _opened, _inputs, (Problem,), 30)
