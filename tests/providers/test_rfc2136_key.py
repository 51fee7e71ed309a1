"""BIND key files: what is read of them, and what is said of those that are none."""

from __future__ import annotations

import base64

import dns.name
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.contract import AuthFailed
from providers.rfc2136.key import ALGORITHMS, parse_key

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_key_as_tsig_keygen_prints_it(algorithm: str) -> None:
    key = parse_key(f'key "provisioner-mail" {{\n\talgorithm {algorithm};\n\tsecret "{SECRET}";\n}};\n', "update.key")
    assert key == dns.tsig.Key("provisioner-mail.", SECRET, ALGORITHMS[algorithm])


def test_quotes_order_case_and_comments_are_free() -> None:
    text = f"# ours\n// and theirs\nkey Mail.Example {{ /* both\n kinds */ secret {SECRET};algorithm HMAC-SHA512; # end\n}};"
    key = parse_key(text, "update.key")
    assert key == dns.tsig.Key("mail.example.", SECRET, dns.tsig.HMAC_SHA512)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "`key` is missing"),
        ("zone", 1, "`key` is missing"),
        ("key {", 1, "the key's name is missing"),
        ('key "a"\n;', 2, "`{` is missing"),
        (f'key "a" {{\nsecret "{SECRET}";\n}};', 3, "no `algorithm`"),
        ('key "a" {\nalgorithm hmac-sha256;\n};', 3, "no `secret`"),
        ('key "a" {\nalgorithm hmac-md5;\n};', 2, "algorithm is none of"),
        ('key "a" {\nalgorithm hmac-sha256;\nsecret "!SECRET!";\n};', 3, "no base64"),
        ('key "a" {\nalgorithm hmac-sha256;\nsecret "";\n};', 3, "no base64"),
        ('key "a" {\nalgorithm hmac-sha256;\nsecret "SECRET\n};', 3, "a quote is not closed"),
        ('key "a" {\nalgorithm hmac-sha256\nsecret', 3, "`;` is missing"),
        ('key "a" {\nalgorithm hmac-sha256;\nalgorithm', 3, "a second time"),
        ('key "a" {\nserver\n', 2, "and nothing else"),
        ('key "a" {\n\n', 3, "algorithm, secret or } is missing"),
        ('key "a" {\nalgorithm ;', 2, "the algorithm is missing"),
        (f'key "a" {{ algorithm hmac-sha256; secret "{SECRET}"; }}\n', 2, "`;` is missing"),
        (f'key "a" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\nkey', 2, "something follows"),
        (f'key "a..b" {{\nalgorithm hmac-sha256;\nsecret "{SECRET}"; }};', 1, "no domain name"),
        (f'\nkey "a" {{ algorithm hmac-sha256; secret "{SECRET}"; }}; /* open', 2, ""),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_the_secret(text: str, line: int, said: str) -> None:
    with pytest.raises(AuthFailed) as failed:
        parse_key(text, "keys/update.key")
    assert failed.value.detail.startswith(f"keys/update.key:{line}: ")
    assert said in failed.value.detail
    assert "SECRET" not in str(failed.value)
    assert SECRET not in str(failed.value)
    assert failed.value.__cause__ is None


@given(st.binary(min_size=1, max_size=64), st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9]{1,9}){0,3}", fullmatch=True))
def test_every_secret_and_name_is_read(secret: bytes, owner: str) -> None:
    text = f'key "{owner}" {{ algorithm hmac-sha256; secret "{base64.b64encode(secret).decode()}"; }};'
    assert parse_key(text, "update.key") == dns.tsig.Key(dns.name.from_text(owner), secret)


@given(st.text(max_size=60))
def test_any_other_text_is_an_error_that_a_user_can_read(text: str) -> None:
    with pytest.raises(AuthFailed):
        parse_key(text, "update.key")
