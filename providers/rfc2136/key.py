"""A TSIG key (RFC 8945) as BIND's `tsig-keygen` prints it.

key "name" { algorithm hmac-sha256; secret "…"; };
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import dns.exception
import dns.name
import dns.tsig

from providers.contract import AuthFailed

ALGORITHMS = {
    "hmac-sha1": dns.tsig.HMAC_SHA1,
    "hmac-sha224": dns.tsig.HMAC_SHA224,
    "hmac-sha256": dns.tsig.HMAC_SHA256,
    "hmac-sha384": dns.tsig.HMAC_SHA384,
    "hmac-sha512": dns.tsig.HMAC_SHA512,
}
"""By their names in the file; HMAC-MD5 must not be used (RFC 8945 §6), and of shortened digests no key of ours is made."""

_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/)|"(?P<quoted>[^"\n]*)"|(?P<mark>[{};])|(?P<bare>[^\s{};"\#]+)""", re.DOTALL
)
_END = "the end"
_MEND = "Make it anew and grant it at the server:  tsig-keygen -a hmac-sha256 NAME"


@dataclass(frozen=True, slots=True)
class _Token:
    """A word or mark and its line; `secret` tells that it must not be shown."""

    text: str
    line: int
    mark: bool = False


def parse_key(text: str, where: str) -> dns.tsig.Key:
    """Read the one key of a key file's text; `where` is the file or the variable, for messages.

    Raises:
        AuthFailed: it is no key file with exactly one key; the message names the line and never shows the secret.

    """
    reader = _Reader(text, where)
    reader.expect("key")
    key_name, name_line = reader.word("the key's name"), reader.line
    reader.expect("{")
    fields: dict[str, str] = {}
    while (field := reader.word("algorithm, secret or }", closing=True)) != "}":
        if field not in {"algorithm", "secret"}:
            reader.fail("a key has `algorithm` and `secret`, and nothing else")
        if field in fields:
            reader.fail(f"`{field}` stands here a second time")
        fields[field] = reader.word(f"the {field}")
        if field == "algorithm" and fields[field].lower() not in ALGORITHMS:
            reader.fail(f"the algorithm is none of {', '.join(ALGORITHMS)}")
        if field == "secret":
            _decoded(fields[field], reader)
        reader.expect(";")
    for missing in {"algorithm", "secret"} - fields.keys():
        reader.fail(f"the key has no `{missing}`")
    reader.end()
    try:
        owner = dns.name.from_text(key_name)
    except (dns.exception.DNSException, UnicodeError):
        reader.fail("the key's name is no domain name", name_line)
    return dns.tsig.Key(owner, _decoded(fields["secret"], reader), ALGORITHMS[fields["algorithm"].lower()])


class _Reader:
    """The words and marks of a key file, one after the other; `line` is that of the last one."""

    def __init__(self, text: str, where: str) -> None:
        self._where = where
        self.line = 1
        self._tokens = self._split(text)

    def _split(self, text: str) -> Iterator[_Token]:
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            line = text.count("\n", 0, at) + 1
            if found is None:
                self.fail("a quote is not closed, or what stands here belongs into no key file", line)
            at = found.end()
            if found["skip"] is None:
                yield _Token(found["quoted"] or found["mark"] or found["bare"] or "", line, found["mark"] is not None)
        yield _Token(_END, text.count("\n") + 1, mark=True)

    def _next(self) -> _Token:
        token = next(self._tokens)
        self.line = token.line
        return token

    def word(self, what: str, *, closing: bool = False) -> str:
        """Give the next word, or a closing brace where that may stand."""
        token = self._next()
        if token.mark and not (closing and token.text == "}"):
            self.fail(f"{what} is missing")
        return token.text

    def expect(self, text: str) -> None:
        """Go past a word or mark that must stand here."""
        if self._next().text != text:
            self.fail(f"`{text}` is missing")

    def end(self) -> None:
        """Go past the end of the key and of the file."""
        self.expect(";")
        if self._next().text != _END:
            self.fail("one key is wanted, and something follows it")

    def fail(self, what: str, line: int | None = None) -> NoReturn:
        """Say what is wrong, and in which line."""
        raise AuthFailed("The TSIG key cannot be understood", f"{self._where}:{line or self.line}: {what}.", _MEND) from None


def _decoded(secret: str, reader: _Reader) -> bytes:
    try:
        octets = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not octets:
        reader.fail("the secret is no base64")
    return octets
