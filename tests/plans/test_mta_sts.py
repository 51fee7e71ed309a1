"""MTA-STS as text: which record announces a policy, what a policy says, and which hosts it names."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.facts import NoAnswer, StsMode, StsPolicy
from plans.mta_sts import LONGEST_AGE, covers, lists, read_policy, record_id
from plans.values import Name, ancestors, name
from tests.strategies import domains


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["v=STSv1; id=20260101T000000;"], "20260101T000000"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1;\tid=1 ; ext=a.b-c"], "1"),
        (["v=STSv1; ext=x; id=1; id=2"], "1"),
        (["v=spf1 -all", "v=STSv1; id=1"], "1"),
        ([], ""),
        (["v=STSv2; id=1"], ""),
        ([" v=STSv1; id=1"], ""),
        (["v=stsv1; id=1"], ""),
        (["v=STSv1 ; id=1"], ""),
        (["v=STSv1; id=1", "v=STSv1; id=1"], ""),
        (["v=STSv1;"], ""),
        (["v=STSv1; id="], ""),
        (["v=STSv1; id=2026-01-01"], ""),
        (["v=STSv1; id=" + "1" * 33], ""),
        (["v=STSv1; ID=1"], ""),
        (["v=STSv1; id=1; nonsense"], ""),
        (["v=STSv1; id=1;; ext=x"], ""),
        (["v=STSv1; id=1\n"], ""),
    ],
)
def test_one_well_formed_record_announces_a_policy(texts: list[str], found: str) -> None:
    assert record_id(texts) == found


@given(st.lists(st.text() | st.text().map(lambda rest: f"v=STSv1;{rest}"), max_size=3))
def test_whatever_the_records_are_an_id_is_one_or_empty(texts: list[str]) -> None:
    found = record_id(texts)
    assert found == "" or (found.isascii() and found.isalnum() and len(found) <= 32)


def read(body: str) -> StsPolicy | NoAnswer:
    return read_policy(body.encode(), "1", 300)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mode", ["enforce", "testing"])
def test_a_policy_is_read_whatever_its_line_ends(end: str, mode: str) -> None:
    body = end.join(["version: STSv1", f"mode:{mode} ", "mx: MX.example.", "", "mx:\t*.mx.example", "max_age: 604800", ""])
    digest = hashlib.sha256(body.encode()).hexdigest()
    assert read(body) == StsPolicy("1", 300, StsMode(mode), ("mx.example", "*.mx.example"), 604800, digest)


def test_the_first_of_a_field_counts_and_unknown_fields_do_not() -> None:
    found = read(
        f"mx: a.example\nmax_age: {LONGEST_AGE}\nmode: none\nx-note: für: alle\nmode: enforce\nversion: STSv1\nmax_age: x"
    )
    assert isinstance(found, StsPolicy)
    assert (found.mode, found.max_age, found.patterns) == (StsMode.NONE, LONGEST_AGE, ("a.example",))


def test_a_policy_that_ends_mta_sts_needs_no_hosts() -> None:
    assert isinstance(read("version: STSv1\nmode: none\nmax_age: 0"), StsPolicy)


GOOD = {"version": "STSv1", "mode": "enforce", "mx": "mx.example", "max_age": "1"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": None}, "the policy's version is not STSv1"),
        ({"version": "stsv1"}, "the policy's version is not STSv1"),
        ({"mode": None}, "the policy's mode is none of enforce, testing, none"),
        ({"mode": "Enforce"}, "the policy's mode is none of enforce, testing, none"),
        ({"max_age": None}, "the policy's max_age is no number of seconds up to 31557600"),
        ({"max_age": "-1"}, "the policy's max_age is no number of seconds up to 31557600"),
        ({"max_age": "٣"}, "the policy's max_age is no number of seconds up to 31557600"),
        ({"max_age": "31557601"}, "the policy's max_age is no number of seconds up to 31557600"),
        ({"mx": None}, "the policy names no mx"),
        ({"mx": None, "mode": "testing"}, "the policy names no mx"),
        ({"mx": "*"}, "an mx of the policy is neither a host name nor one with a first label `*`"),
        ({"mx": "mx.*.example"}, "an mx of the policy is neither a host name nor one with a first label `*`"),
        ({"mx": ".mx.example"}, "an mx of the policy is neither a host name nor one with a first label `*`"),
        ({"mx": ""}, "an mx of the policy is neither a host name nor one with a first label `*`"),
        ({"": "x"}, "line 5 of the policy is no `name: value`"),
        ({"<html> a": "x"}, "line 5 of the policy is no `name: value`"),
    ],
)
def test_a_malformed_policy_is_no_answer(changed: dict[str, str | None], why: str) -> None:
    assert isinstance(read("\n".join(f"{key}: {value}" for key, value in GOOD.items())), StsPolicy)
    body = "\n".join(f"{key}: {value}" for key, value in (GOOD | changed).items() if value is not None)
    assert read(body) == NoAnswer(why)


def test_a_policy_is_utf_8() -> None:
    assert read_policy(b"version: STSv1\xff", "1", 300) == NoAnswer("the policy is not UTF-8 text")


fields = st.tuples(
    st.sampled_from([*GOOD, "ext", "", "\x00"]), st.sampled_from([*GOOD.values(), "none", "*"]) | st.text(max_size=9)
)
policies = st.lists(fields.map(": ".join), max_size=8).map("\n".join)


@given(st.binary(max_size=200) | policies.map(str.encode) | policies.map(lambda body: body.encode("utf-16")))
def test_whatever_a_body_is_it_is_a_policy_or_no_answer(body: bytes) -> None:
    match read_policy(body, "1", 300):
        case NoAnswer(why):
            assert why.isprintable()
        case StsPolicy() as policy:
            assert 0 <= policy.max_age <= LONGEST_AGE
            assert policy.mode is StsMode.NONE or policy.patterns
            assert all(pattern == name(pattern).rstrip(".") for pattern in policy.patterns)


@pytest.mark.parametrize(
    ("pattern", "host", "named"),
    [
        ("mx.example", "mx.example.", True),
        ("mx.example", "a.mx.example.", False),
        ("*.mx.example", "a.mx.example.", True),
        ("*.mx.example", "mx.example.", False),
        ("*.mx.example", "b.a.mx.example.", False),
        ("*.mx.microsoft", "icewolf-li.h-v1.mx.microsoft.", False),
        ("*.h-v1.mx.microsoft", "icewolf-li.h-v1.mx.microsoft.", True),
        ("*.example", r"a\.b.example.", True),
        ("*.b.example", r"a\.b.example.", False),
        ("*.", "a.", False),
        ("", ".", True),
    ],
)
def test_a_wildcard_is_one_label(pattern: str, host: str, named: bool) -> None:
    assert covers(pattern, Name(host)) is named


@given(domains, domains)
def test_a_pattern_names_itself_and_a_wildcard_whatever_is_one_label_below(host: Name, other: Name) -> None:
    above = ancestors(host)[:1]
    assert covers(host.removesuffix("."), host)
    assert covers(f"*.{other}".removesuffix("."), host) is (above == (other,))
    assert not covers(f"*.{host}".removesuffix("."), host)


def test_every_host_must_be_named() -> None:
    policy = StsPolicy("1", 300, StsMode.ENFORCE, ("mx.example", "*.mx.example"))
    assert lists(policy, [])
    assert lists(policy, [Name("mx.example."), Name("a.mx.example.")])
    assert not lists(policy, [Name("mx.example."), Name("other.example.")])
    assert not lists(StsPolicy("1", 300, StsMode.NONE), [Name("mx.example.")])
