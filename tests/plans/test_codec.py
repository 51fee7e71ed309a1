from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import codec
from plans.conditions import ProviderHolds
from plans.desired import Cloud, GraphAnswer, MailExchange, Source, Subject
from plans.plan import Change, Entry, Filters, Header, Rollout, Step, Totals
from plans.policy import Finding, Risk, Severity
from plans.values import Mx, ZoneRef, name, rrset
from tests.strategies import entries, headers

NOW = datetime(2026, 11, 24, 2, 24, 10, tzinfo=UTC)
HEADER = Header(NOW, NOW + timedelta(hours=24), Filters(("*.example",), ()), (Source("contoso", "graph/contoso.json"),))


def example_entry(domain: str = "contoso.example") -> Entry:
    owner = name(domain)
    before = rrset(owner, "MX", 3600, [Mx(0, name("contoso-example.mail.protection.outlook.com"))])
    after = rrset(owner, "MX", 3600, [Mx(0, name("contoso-example.o-v1.mx.microsoft"))])
    zone = ZoneRef("files", "zonefile", "zones", "contoso.example.zone", name("contoso.example"))
    step = Step(Risk.REPLACE_MX, Change(before, after), zone, (), (ProviderHolds(zone, after.key, after),))
    mail = (MailExchange(owner, name("contoso-example.o-v1.mx.microsoft"), 0, 3600),)
    answer = GraphAnswer(owner, HEADER.sources[0], Cloud.GLOBAL, NOW, mail)
    finding = Finding(Severity.WARNING, "host-form-unknown", Subject(owner), "odd", "look")
    return Entry(Subject(owner), "contoso", (finding,), (answer,), Rollout(Subject(owner), (step,), ("then",)))


EXAMPLE = tuple(codec.encode(HEADER, [example_entry(), example_entry("fabrikam.example")]))


@given(headers, st.lists(entries(), max_size=4))
def test_a_plan_is_read_back_as_it_was(header: Header, written: list[Entry]) -> None:
    lines = list(codec.encode(header, written))
    items = list(codec.decode(lines))
    assert items[0] == header
    assert items[1:-1] == [entry for entry in written if not entry.in_sync]
    found, seal = codec.verify(lines)
    assert found == header
    assert seal == items[-1]
    assert seal.totals.subjects == sum(bool(entry.managed or entry.stopped or entry.rollout) for entry in written)
    assert list(codec.encode(header, written)) == lines


def test_the_id_is_the_digest_of_the_bytes_before_the_last_line() -> None:
    import hashlib  # noqa: PLC0415 - only here

    assert codec.verify(EXAMPLE)[1].digest == hashlib.sha256(b"".join(EXAMPLE[:-1])).hexdigest()


def test_subjects_in_sync_are_counted_and_have_no_line() -> None:
    quiet = Entry(Subject(name("quiet.example")), "contoso")
    lines = list(codec.encode(HEADER, [quiet, example_entry(), quiet]))
    assert len(lines) == 3
    assert codec.verify(lines)[1].totals == Totals(subjects=3, in_sync=2, steps=1, change=1, warnings=1, rollouts=1)


def whole() -> bytes:
    return b"".join(EXAMPLE)


def split(text: bytes) -> Sequence[bytes]:
    return text.splitlines(keepends=True)


def test_every_single_changed_byte_is_found() -> None:
    text = whole()
    for position in range(len(text)):
        changed = bytes([text[position] ^ 1])
        with pytest.raises((codec.PlanDamaged, codec.PlanSchemaUnknown)):
            codec.verify(split(text[:position] + changed + text[position + 1 :]))


def test_every_cut_is_found() -> None:
    text = whole()
    for length in range(len(text)):
        with pytest.raises(codec.PlanDamaged):
            codec.verify(split(text[:length]))


@pytest.mark.parametrize("added", [b"\n", b"x", b"{}\n", EXAMPLE[1], EXAMPLE[-1]])
def test_anything_behind_the_end_is_found(added: bytes) -> None:
    with pytest.raises(codec.PlanDamaged):
        codec.verify(split(whole() + added))


def test_lines_left_out_or_exchanged_are_found() -> None:
    for lines in ([EXAMPLE[0], *EXAMPLE[2:]], [EXAMPLE[0], EXAMPLE[2], EXAMPLE[1], EXAMPLE[3]], EXAMPLE[1:]):
        with pytest.raises(codec.PlanDamaged):
            codec.verify(lines)


def test_totals_that_do_not_fit_the_lines_are_found() -> None:
    seal = codec.verify(EXAMPLE)[1]
    said = codec.encode_part(seal.totals)
    for wrong in (
        said.replace('"steps":2', '"steps":1'),
        said.replace('"subjects":2', '"subjects":1'),
        said.replace('"subjects":2', '"subjects":3'),
        said.replace('"zones":0', '"zones":1'),
        said.replace('"tenants":0', '"tenants":2')
        .replace('"subjects":2', '"subjects":3')
        .replace('"in_sync":0', '"in_sync":1'),
    ):
        assert wrong != said
        end = EXAMPLE[-1].replace(said.encode(), wrong.encode())
        with pytest.raises(codec.PlanDamaged):
            codec.verify([*EXAMPLE[:-1], end])


def test_a_plan_of_another_schema_is_named_as_such() -> None:
    first = EXAMPLE[0].replace(b'"schema":0', b'"schema":7')
    with pytest.raises(codec.PlanSchemaUnknown, match="schema is 7"):
        codec.verify([first, *EXAMPLE[1:]])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"junk",
        b"[]\n",
        b"{}\n",
        b'{"schema":true}\n',
        b'{"schema":"0","plan":{}}\n',
        b'{"schema":0,"plan":{}}\n',
        b"[" * 100_000 + b"\n",
        b"PK\x03\x04\xff\xfe\n",
        b'{"schema":0,"plan":' + b" " * (codec.MAX_LINE + 1) + b"}\n",
    ],
)
def test_what_is_no_plan_is_refused(text: bytes) -> None:
    with pytest.raises(codec.PlanDamaged):
        codec.verify(split(text))


@given(st.lists(st.binary(max_size=200)))
def test_any_bytes_at_all_are_refused_or_a_plan(lines: list[bytes]) -> None:
    with pytest.raises((codec.PlanDamaged, codec.PlanSchemaUnknown)):
        codec.verify(lines)


def test_a_plan_that_means_nonsense_is_refused_even_with_a_fitting_digest() -> None:
    nonsense = EXAMPLE[1].replace(b'"ttl":3600', b'"ttl":-1')
    with pytest.raises(codec.PlanDamaged):
        codec.decode_entry(nonsense)


def test_the_times_of_a_plan_are_utc() -> None:
    with pytest.raises(ValueError, match="UTC"):
        Header(NOW.astimezone(timezone(timedelta(hours=1))), NOW, Filters(), ())


def test_the_same_plan_gives_the_same_bytes_under_any_hash_seed() -> None:
    code = "import sys; from tests.plans.test_codec import whole; sys.stdout.buffer.write(whole())"
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        for seed in ("1", "2")
    ]
    assert outputs[0].stdout == outputs[1].stdout == whole()
