"""How Route 53 spells names and values, and in which order it lists them."""

from __future__ import annotations

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from hypothesis import given
from hypothesis import strategies as st

from plans.values import Key, Name, Txt, ancestors, parse_value, rrset
from providers.route53.text import parsed_name, requested_name, set_of, sort_key, spelled, stored_name
from tests.emulators.route53_zone import in_list, stored

labels = st.binary(min_size=1, max_size=12)
names = st.lists(labels, min_size=1, max_size=5).map(lambda held: Name(dns.name.Name([*held, b""]).canonicalize().to_text()))
texts = st.lists(st.binary(max_size=40), min_size=1, max_size=3).map(
    lambda strings: parse_value("TXT", " ".join('"' + "".join(f"\\{octet:03d}" for octet in one) + '"' for one in strings))
)


@given(names)
def test_a_name_comes_back_as_it_was(asked: Name) -> None:
    assert parsed_name(stored_name(asked)) == asked
    assert parsed_name(requested_name(asked)) == asked


@given(names)
def test_names_are_spelled_as_the_emulator_stores_them(asked: Name) -> None:
    """Two implementations, made apart."""
    assert stored(requested_name(asked)) == stored_name(asked)
    assert in_list(stored_name(asked)) == sort_key(asked)


@given(names, names)
def test_a_names_key_begins_those_of_all_below_it_and_of_no_other(one: Name, other: Name) -> None:
    for above in ancestors(one):
        assert sort_key(one).startswith(sort_key(above))
    below = one == other or other in ancestors(one)
    assert sort_key(one).startswith(sort_key(other)) == below


@given(texts)
def test_a_text_comes_back_as_it_was(value: Txt) -> None:
    item = {"Name": "example.com.", "Type": "TXT", "TTL": 5, "ResourceRecords": [{"Value": spelled(value)}]}
    assert spelled(value).isascii()
    assert set_of(Key(Name("example.com."), "TXT"), [item]) == rrset("example.com", "TXT", 5, [value])


def test_what_is_special_is_octal() -> None:
    assert stored_name(Name(r"*.a\.b\032c._tcp.example.com.")) == r"\052.a\056b\040c._tcp.example.com."
    assert requested_name(Name(r"*.a\.b.example.com.")) == r"*.a\056b.example.com."
    assert spelled(Txt(r'"\195\164 \"\\065"')) == r'"\303\244 \"\\065"'
    assert parsed_name(r"\137dmarc.Example.COM.") == "_dmarc.example.com."
