"""The plan file: JSON Lines, one line for each subject that has steps or findings, sealed by a digest.

    {"schema":0,"plan":{...}}       the header
    {"entry":{...}}                 one subject
    {"end":{"totals":{...},"digest":"..."}}

The digest is the SHA-256 of all bytes before the last line, in hexadecimal: the plan's id. Encoding is canonical: the same plan
gives the same bytes, and bytes that are not what encoding gives are refused. Both ways are streams of lines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from plans.plan import Entry, Header, Step, Totals
from plans.problem import Problem

SCHEMA = 0
"""The form of the plan file that this version writes."""

MAX_LINE = 4 * 2**20
"""Octets; no line of a plan comes near."""

_Line = TypeVar("_Line")


class PlanDamaged(Problem):
    """The bytes are not those of a whole plan as it was written."""


class PlanSchemaUnknown(Problem):
    """A plan written in a form that this version does not read."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The last line: what the plan amounts to, and its id."""

    totals: Totals
    digest: str


class Writer:
    """Encodes a plan line by line; `seal` is there once the end was written."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._hash = hashlib.sha256()
        self._totals = Totals()

    def header(self) -> bytes:
        """Give the first line."""
        return self._count(b'{"schema":%d,"plan":%b}\n' % (SCHEMA, _adapters()[Header].dump_json(self._header)))

    def entry(self, entry: Entry) -> bytes:
        """Give one subject's line; nothing where there is nothing to do and nothing to say."""
        self._totals = self._totals.plus(entry)
        return b"" if entry.in_sync else self._count(encode_entry(entry))

    def end(self) -> bytes:
        """Give the last line."""
        return _encode_seal(self.seal)

    @property
    def seal(self) -> Seal:
        """What was written so far."""
        return Seal(self._totals, self._hash.hexdigest())

    def _count(self, line: bytes) -> bytes:
        self._hash.update(line)
        return line


def encode(header: Header, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Encode a whole plan, line by line."""
    writer = Writer(header)
    yield writer.header()
    yield from filter(None, map(writer.entry, entries))
    yield writer.end()


def encode_entry(entry: Entry) -> bytes:
    """Encode one subject's line."""
    return b'{"entry":%b}\n' % _adapters()[Entry].dump_json(entry)


def encode_part(part: Header | Entry | Step | Totals) -> str:
    """Encode what a plan consists of as the JSON that stands in its lines."""
    return _adapters()[type(part)].dump_json(part).decode()


def decode_entry(line: bytes) -> Entry:
    """Decode one subject's line.

    Raises:
        PlanDamaged: it is not what `encode_entry` gives.

    """
    entry = _validate(Entry, _inner(line, b'{"entry":'), "an entry")
    if encode_entry(entry) != line:
        raise _damaged("A line is not in the form in which plans are written.")
    return entry


def verify(lines: Iterable[bytes]) -> tuple[Header, Seal]:
    """Read a whole plan, and give its header and seal if every byte is as it was written.

    Raises:
        PlanDamaged: it is not.
        PlanSchemaUnknown: it was written in another form.

    """
    header: Header | None = None
    for item in decode(lines):
        if isinstance(item, Header):
            header = item
        elif isinstance(item, Seal) and header:
            return header, item
    raise _damaged("The file ends before the plan does.")


def decode(lines: Iterable[bytes]) -> Iterator[Header | Entry | Seal]:
    """Decode a plan: its header, its entries, its seal. Nothing may be done before the seal was reached.

    Raises:
        PlanDamaged: the bytes are not those of a whole plan.
        PlanSchemaUnknown: it was written in another form.

    """
    source = iter(lines)
    first = next(source, b"")
    header = _decode_header(first)
    yield header
    counting = Writer(header)
    counting.header()
    for line in source:
        if line.startswith(b'{"end":'):
            seal = _validate(Seal, _inner(line, b'{"end":'), "the end")
            if line != _encode_seal(seal) or seal.digest != counting.seal.digest:
                raise _damaged("The digest does not fit the bytes: something was changed or lost.")
            if not _fits(seal.totals, counting.seal.totals) or next(source, None) is not None:
                raise _damaged("The last line does not fit the lines before it.")
            yield seal
            return
        entry = decode_entry(line)
        counting.entry(entry)
        yield entry
    raise _damaged("The file ends before the plan does.")


def _fits(said: Totals, counted: Totals) -> bool:
    """Whether totals say what the lines do, given that subjects in sync have no line."""
    unsaid = {kind: said.kinds[kind] - count for kind, count in counted.kinds.items()}
    without_lines = replace(
        counted,
        subjects=said.subjects,
        in_sync=counted.in_sync + sum(unsaid.values()),
        zones=said.zones,
        mail_hosts=said.mail_hosts,
        tenants=said.tenants,
    )
    return min(unsaid.values()) >= 0 and said == without_lines


def _decode_header(line: bytes) -> Header:
    try:
        said = json.loads(line)
        schema = said["schema"]
        is_plan = isinstance(schema, int) and "plan" in said
    except (ValueError, TypeError, KeyError, RecursionError):
        is_plan, schema = False, None
    if not is_plan:
        raise _damaged("The first line is not that of a plan.")
    if schema != SCHEMA:
        raise PlanSchemaUnknown(
            "The plan was written by another version of provisioner",
            f"Its schema is {schema}; this version reads and writes schema {SCHEMA}.",
            "Make a new plan with this version:  provisioner plan --out FILE",
        )
    prefix = b'{"schema":%d,"plan":' % SCHEMA
    header = _validate(Header, _inner(line, prefix), "the header")
    if line != Writer(header).header():
        raise _damaged("The first line is not in the form in which plans are written.")
    return header


def _inner(line: bytes, prefix: bytes) -> bytes:
    if len(line) > MAX_LINE or not (line.startswith(prefix) and line.endswith(b"}\n")):
        raise _damaged("A line is cut off, or is not in the form in which plans are written.")
    return line[len(prefix) : -2]


def _encode_seal(seal: Seal) -> bytes:
    return b'{"end":%b}\n' % _adapters()[Seal].dump_json(seal)


def _validate(kind: type[_Line], text: bytes, what: str) -> _Line:
    try:
        line: _Line = _adapters()[kind].validate_json(text, strict=True)
    except (ValidationError, RecursionError) as error:
        where = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        path = ".".join(map(str, where)) or "the whole"
        raise _damaged(f"The line of {what} does not say what it should, at {path}.") from error
    return line


@cache
def _adapters() -> dict[object, TypeAdapter[Any]]:
    """Give the adapters of the three kinds of line; made when they are first needed, since that takes a while."""
    return {kind: TypeAdapter(kind) for kind in (Header, Entry, Step, Totals, Seal)}


def _damaged(what: str) -> PlanDamaged:
    return PlanDamaged(
        "The plan file is damaged",
        f"{what} A plan is applied byte for byte as it was approved, or not at all.",
        "Make a new plan:  provisioner plan --out FILE",
    )
