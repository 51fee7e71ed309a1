"""MTA-STS: the policy, and the TXT records that announce it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hypothesis import strategies as st

from plans import mta_sts
from plans.facts import StsPolicy
from plans.values import name
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, mutated, relined

_WORDS = Pool(
    [
        *rb"""version: STSv1 mode: enforce testing none mx: *. *.mx.example mail.example. max_age: 86400 31557600 31557601
        v=STSv1; id=20260101; id= ; = : x-ext: a=b; -""".split(),
        b"\r",
        b"\r\n",
        b"\t",
        b" ",
        b"\x00",
        b"\x85",
        b"\xc2\x85",
        b"\xff",
    ]
)
_HOSTS = (name("mail.example"), name("a.mx.example"), name("."), name("x.a.mx.example"))


@contextmanager
def _opened() -> Iterator[Read]:
    yield _read


def _read(octets: bytes) -> bool:
    record = mta_sts.record_id(octets.decode("ascii", "replace").splitlines())
    assert record == "" or (record.isascii() and record.isalnum() and len(record) <= 32)
    policy = mta_sts.read_policy(octets, record, 300)
    if not isinstance(policy, StsPolicy):
        assert policy.why.isprintable()
        return bool(record)
    again = mta_sts.read_policy(_written(policy), record, 300)
    assert isinstance(again, StsPolicy)
    assert replace(again, digest=policy.digest) == policy
    mta_sts.lists(policy, _HOSTS)
    return True


def _written(policy: StsPolicy) -> bytes:
    patterns = "".join(f"mx: {pattern}\n" for pattern in policy.patterns)
    return f"version: STSv1\nmode: {policy.mode}\n{patterns}max_age: {policy.max_age}\n".encode()


def _inputs() -> st.SearchStrategy[bytes]:
    held = samples(READER.name)
    return st.one_of(mutated(held, _WORDS), relined(held, _WORDS))


READER = Reader("mta-sts", _opened, _inputs, ())
