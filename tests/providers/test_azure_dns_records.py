"""Record sets on their way to Azure's JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.values import Irregular, Name, RRset, Txt, name, rrset
from providers.azure.records import body_of, key_of, relative, stored_set, texts
from tests.strategies import sets

ZONE = name("example.com")
owners = st.sampled_from([ZONE, *(name(f"{label}.example.com") for label in ("a", "*", "_25._tcp.mx", "*.b", "xn--bcher-kva"))])
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=255)


@given(sets(owners), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
def test_what_is_put_is_read_back_with_its_metadata_or_is_irregular(wanted: RRset, metadata: dict[str, str]) -> None:
    try:
        body = body_of(wanted, metadata)
    except UnicodeDecodeError:
        assert not all(string.isascii() for string in texts(wanted))
        return
    found = item_of(wanted, body)
    key = key_of(found, ZONE)
    stored = stored_set(found, key)
    assert (key, stored.etag, stored.metadata) == (wanted.key, "e1", metadata)
    plain = all(0x20 <= octet < 0x7F for string in texts(wanted) for octet in string)
    assert stored.live == wanted if plain else isinstance(stored.live, Irregular)


@given(owners, st.lists(printable, min_size=1, max_size=20, unique=True))
def test_any_printable_text_comes_back_as_it_was(owner: Name, strings: list[str]) -> None:
    wanted = rrset(owner, "TXT", 3600, [Txt.of(string) for string in strings])
    assert stored_set(item_of(wanted, body_of(wanted, {})), wanted.key).live == wanted


def test_a_type_that_is_never_written_has_no_body(rrs: object) -> None:
    assert callable(rrs)
    address: RRset = rrs("example.com", "A", 60, "192.0.2.1")
    with pytest.raises(TypeError, match="never written"):
        body_of(address, {})


def item_of(wanted: RRset, body: dict[str, object]) -> dict[str, object]:
    sent = json.loads(json.dumps(body))
    kind = f"Microsoft.Network/dnszones/{wanted.key.type.lower()}"
    return {"name": relative(wanted.key.owner, ZONE), "type": kind, "etag": "e1", **sent}
