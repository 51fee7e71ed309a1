"""Inputs that are nearly right: real samples with octets, lines and values changed."""

from __future__ import annotations

import copy
import json

from hypothesis import strategies as st

LARGEST = 2**18
"""Octets; what grows worse than its input does shows well before."""

_EDITS = 5
_NUMBERS = st.sampled_from([0, -1, 1.5, 255, 2**16, 2**31, 2**32, 2**63, 10**400, 1e308])
_STRANGE: st.SearchStrategy[object] = st.one_of(
    st.sampled_from(
        ["", ".", "..", "\x00", "\x1b[31m", "\u202e", "\ud800", "é.example", "a" * 64, "a." * 130, "*", "\\000", "0", "[]"]
    ),
    st.none() | st.booleans() | _NUMBERS,
    st.builds(list),
    st.builds(dict),
    st.text(max_size=8),
)


class Pool(tuple[bytes, ...]):
    """Samples or words to draw from. Hypothesis writes out what strategies are made of, which of these would be too much."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{len(self)} samples"

    def one(self, draw: st.DrawFn) -> bytes:
        """Draw one of them."""
        return self[draw(st.integers(0, len(self) - 1))]


NONE = Pool()
_DEEP = (b"[" * 100_000, b'{"a":' * 20_000, b"(" * 10_000, b"- " * 5_000)


@st.composite
def mutated(draw: st.DrawFn, samples: Pool, words: Pool = NONE) -> bytes:
    """Change octets of samples; `words` are what the format is made of."""
    made = samples.one(draw)
    for _ in range(draw(st.integers(0, _EDITS))):
        begin = draw(st.integers(0, len(made)))
        end = min(len(made), begin + draw(st.sampled_from([0, 1, 1, 2, 4, 16, 256])))
        made = made[:begin] + _instead(draw, made[begin:end], samples, words) + made[end:]
    return made[:LARGEST]


def _instead(draw: st.DrawFn, span: bytes, samples: Pool, words: Pool) -> bytes:
    """Give what stands in place of a span: nothing, other octets, a part of another sample, itself often, a word."""
    match draw(st.integers(0, 7 if words else 5)):
        case 0:
            return b""
        case 1 | 2:
            return draw(st.binary(min_size=1, max_size=4))
        case 3:
            other = samples.one(draw)
            begin = draw(st.integers(0, len(other)))
            return other[begin : begin + draw(st.integers(0, 512))]
        case 4:
            return (span * draw(st.sampled_from([2, 3, 70, 5000])))[:LARGEST]
        case 5:
            return draw(st.sampled_from(_DEEP)) if draw(st.integers(0, 3)) == 0 else span
        case _:
            return words.one(draw)


@st.composite
def relined(draw: st.DrawFn, samples: Pool, words: Pool) -> bytes:
    """Put lines of samples, and lines of words, into another order; each may stand in it more than once or not at all."""
    kept = samples.one(draw).splitlines(keepends=True)
    lines = Pool([*kept, b"\n"])
    for _ in range(draw(st.integers(0, _EDITS))):
        at = draw(st.integers(0, len(kept)))
        kept[at : at + draw(st.integers(0, 2))] = [
            b" ".join(words.one(draw) for _ in range(draw(st.integers(1, 8)))) + b"\n"
            if draw(st.booleans())
            else lines.one(draw)
            for _ in range(draw(st.integers(0, 3)))
        ]
    return b"".join(kept)


@st.composite
def altered(draw: st.DrawFn, documents: Pool, words: Pool = NONE) -> bytes:
    """Change values and keys of documents of JSON, at any depth; `words` are values that the format knows."""
    made = json.loads(documents.one(draw))
    for _ in range(draw(st.integers(0, 3))):
        made = _changed(draw, made, words)
    return as_json(made)


def _changed(draw: st.DrawFn, value: object, words: Pool) -> object:
    if isinstance(value, list) and value and draw(st.integers(0, 7)):
        at = draw(st.integers(0, len(value) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del value[at]
            case 1:
                value.insert(at, copy.deepcopy(value[at]))
            case _:
                value[at] = _changed(draw, value[at], words)
        return value
    if isinstance(value, dict) and value and draw(st.integers(0, 7)):
        key = draw(st.sampled_from(sorted(value)))
        match draw(st.integers(0, 7)):
            case 0:
                del value[key]
            case 1:
                value[draw(st.text(max_size=4))] = value.pop(key)
            case _:
                value[key] = _changed(draw, value[key], words)
        return value
    return words.one(draw).decode() if words and draw(st.booleans()) else draw(_STRANGE)


def as_json(document: object) -> bytes:
    """Write a document as the project does: no blanks, lone surrogates as their escapes."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")
