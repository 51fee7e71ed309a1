from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.values import (
    MAX_TTL,
    Ds,
    Irregular,
    Key,
    Mx,
    Name,
    Opaque,
    RRset,
    Tlsa,
    Txt,
    ZoneRef,
    ancestors,
    is_at_or_below,
    is_canonical,
    labels,
    name,
    parse_value,
    rrset,
)
from tests.strategies import domains, sets

SHA256 = "ab" * 32


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("contoso.example", "contoso.example."),
        ("Contoso.EXAMPLE.", "contoso.example."),
        ("bücher.example", "xn--bcher-kva.example."),
        ("BÜCHER.example", "xn--bcher-kva.example."),
        ("xn--bcher-kva.example", "xn--bcher-kva.example."),
        ("_25._tcp.mx.example", "_25._tcp.mx.example."),
        ("*.example", "*.example."),
        (r"a\.b.example", r"a\.b.example."),
        (r"\065.example", "a.example."),
        (".", "."),
    ],
)
def test_names_are_brought_to_one_form(written: str, canonical: str) -> None:
    assert name(written) == canonical
    assert is_canonical(canonical)


@pytest.mark.parametrize(
    "written", ["", "  ", "a..example", "x" * 64 + ".example", ".".join(["x" * 60] * 5), "a\ud800.example"]
)
def test_what_is_no_name_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(ValueError, match="domain name"):
        name(written)
    assert not is_canonical(written)


@given(domains)
def test_a_canonical_name_stays_as_it_is(domain: Name) -> None:
    assert name(domain) == domain
    assert name(domain.upper().rstrip(".")) == domain


def test_the_names_above_a_name_come_nearest_first() -> None:
    assert ancestors(name("a.b.example")) == ("b.example.", "example.")
    assert labels(name(r"a\.b.example")) == (r"a\.b", "example")
    assert is_at_or_below(name("a.b.example"), name("b.example"))
    assert is_at_or_below(name("b.example"), name("b.example"))
    assert not is_at_or_below(name("ab.example"), name("b.example"))
    assert not is_at_or_below(name(r"a\.b.example"), name("b.example"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Key(Name("Contoso.example."), "MX"),
        lambda: Key(Name("contoso.example"), "MX"),
        lambda: Key(name("contoso.example"), "mx"),
        lambda: Mx(65536, name("mx.example")),
        lambda: Mx(-1, name("mx.example")),
        lambda: Mx(0, Name("MX.example.")),
        lambda: Ds(1, 13, 2, "ab"),
        lambda: Ds(1, 13, 2, SHA256.upper()),
        lambda: Ds(65536, 13, 2, SHA256),
        lambda: Tlsa(3, 1, 1, "ab"),
        lambda: Tlsa(3, 1, 0, "abc"),
        lambda: Tlsa(256, 1, 1, SHA256),
        lambda: Txt("unquoted"),
        lambda: Txt('"a"  "b"'),
        lambda: Txt('"open'),
        lambda: Txt.of("x" * 256),
        lambda: Txt.of("caf\u00e9"),
        lambda: Txt.of("two\nlines"),
        lambda: RRset(Key(name("a.example"), "MX"), 60, ()),
        lambda: RRset(Key(name("a.example"), "MX"), MAX_TTL + 1, (Mx(0, name("mx.example")),)),
        lambda: RRset(Key(name("a.example"), "MX"), 60, (Opaque("0 mx.example."),)),
        lambda: RRset(Key(name("a.example"), "A"), 60, (Mx(0, name("mx.example")),)),
        lambda: RRset(Key(name("a.example"), "MX"), 60, (Mx(1, name("a.example")), Mx(0, name("b.example")))),
        lambda: RRset(Key(name("a.example"), "MX"), 60, (Mx(1, name("a.example")), Mx(1, name("a.example")))),
        lambda: ZoneRef("files", "zonefile", "zones", "a.zone", Name("A.")),
    ],
)
def test_what_is_not_canonical_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()


@given(sets(), st.randoms())
def test_the_order_in_which_values_come_does_not_matter(one: RRset, random: Random) -> None:
    shuffled = list(one.values) * 2
    random.shuffle(shuffled)
    assert rrset(one.key.owner.upper(), one.key.type.lower(), one.ttl, shuffled) == one


@given(sets())
def test_a_printed_value_is_read_back_as_itself(one: RRset) -> None:
    assert tuple(parse_value(one.key.type, str(value)) for value in one.values) == one.values


def test_relative_names_in_data_count_from_the_origin() -> None:
    assert parse_value("MX", "10 Mx1", name("contoso.example")) == Mx(10, name("mx1.contoso.example"))
    assert parse_value("MX", "10 mx1") == Mx(10, name("mx1"))
    assert parse_value("MX", "0 .") == Mx(0, Name("."))
    assert Mx(0, Name(".")).is_null
    assert parse_value("CNAME", "www", name("contoso.example")) == Opaque("www.contoso.example.")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("MX", "mx.example."),
        ("MX", "70000 mx.example."),
        ("MX", "10"),
        ("DS", "1 13 2 abc"),
        ("TLSA", "3 1 1 zz"),
        ("NOPE", "x"),
        ("A", "::"),
    ],
)
def test_what_is_no_data_of_the_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="data"):
        parse_value(kind, text)


def test_values_say_themselves_in_presentation_format() -> None:
    assert str(Key(name("contoso.example"), "MX")) == "contoso.example. MX"
    assert str(Mx(0, name("mx.example"))) == "0 mx.example."
    assert str(Ds(12345, 13, 2, SHA256)) == f"12345 13 2 {SHA256}"
    assert str(Tlsa(3, 1, 1, SHA256)) == f"3 1 1 {SHA256}"
    assert str(Opaque("192.0.2.1")) == "192.0.2.1"
    assert str(Txt.of('MS="1"; \\')) == '"MS=\\"1\\"; \\\\"'
    assert Irregular(Key(name("a.example"), "MX"), "an alias").reason == "an alias"
