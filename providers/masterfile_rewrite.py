"""Writing a master file anew with changed sets: only the tokens and lines that have to change, every other byte as it was.

A record that is replaced keeps its line, its spacing and its comment; a set that shrinks loses whole lines, one that grows gets
lines like its own. What following lines inherited (owner, TTL) from one that goes or changes is written on the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from plans.plan import Change
from plans.values import Key, Name, Txt, Value
from providers.masterfile import GENERIC, SERIAL, Entry, MasterFile
from providers.masterfile_lines import Token


class Rewritten(NamedTuple):
    """A file's new text, and how many records of other sets had to be given the TTL that they inherited before."""

    text: str
    foreign_lines: int


def rewrite(file: MasterFile, changes: Sequence[Change], serial: int, *, new_sets_at_end: bool) -> Rewritten:
    """Make the changes, with sets of new keys after their owner's other records, or at the end of the file."""
    plan = _plan(file, changes, new_sets_at_end=new_sets_at_end)
    writer = _Writer(file, serial)
    position = 0
    for entry in file.entries:
        writer.copy(position, entry.start)
        position = entry.end
        fate = plan.fates.get(entry.start, _Fate(entry.ttl, entry.value))
        if fate.value is None:
            writer.drop(entry)
        else:
            writer.keep(entry, fate.ttl, fate.value, foreign=entry.start not in plan.fates)
        for record in plan.added.get(entry.start, ()):
            writer.add(record, entry)
    writer.copy(position, len(file.text))
    for record in plan.added.get(None, ()):
        writer.add(record, None)
    return Rewritten("".join(writer.out), writer.foreign_lines)


class _Fate(NamedTuple):
    """What becomes of a record of a changed set; the value None: it goes."""

    ttl: int
    value: Value | None


class _Added(NamedTuple):
    """A record to add; `like` is one of its own set, whose layout it takes."""

    key: Key
    ttl: int
    value: Value
    like: Entry | None


class _Plan(NamedTuple):
    """The fates of entries by their `start`; the added records by the `start` of the entry they follow, None for the end."""

    fates: dict[int, _Fate]
    added: dict[int | None, list[_Added]]


def _plan(file: MasterFile, changes: Sequence[Change], *, new_sets_at_end: bool) -> _Plan:
    plan = _Plan({}, {})
    last_of_owner = {entry.owner: entry.start for entry in file.entries}
    # Records that join a set of theirs come first: they may lean on the owner name of the line before.
    for change in sorted(changes, key=lambda change: (not file.by_key.get((change.key.owner, change.key.type)), change.key)):
        entries = file.by_key.get((change.key.owner, change.key.type), [])
        if change.after is None:
            plan.fates.update((entry.start, _Fate(0, None)) for entry in entries)
            continue
        ttl = change.after.ttl
        values, surplus = _pair(entries, change.after.values)
        plan.fates.update((entry.start, _Fate(ttl, values.get(entry.start))) for entry in entries)
        like = next((entry for entry in reversed(entries) if entry.start in values), None)
        after = like.start if like else None if new_sets_at_end else last_of_owner.get(change.key.owner)
        plan.added.setdefault(after, []).extend(_Added(change.key, ttl, value, like) for value in surplus)
    return plan


def _pair(entries: Sequence[Entry], values: Sequence[Value]) -> tuple[dict[int, Value], list[Value]]:
    """Give entries, by their `start`, the values that they shall hold, and the values left over.

    A record that stays keeps its line; then one about the same host or key; the others in order. A text speaks for itself:
    its line, with the comment on it, is never given to another text.
    """
    paired: dict[int, Value] = {}
    left: list[Value] = list(values)
    rules: tuple[Callable[[Value], object], ...] = (lambda value: value, _about, lambda _: None)
    for rule in rules[: 1 if isinstance(values[0], Txt) else None]:
        pool: dict[object, list[Value]] = {}
        for value in reversed(left):
            pool.setdefault(rule(value), []).append(value)
        for entry in entries:
            if entry.start not in paired and (fitting := pool.get(rule(entry.value))):
                paired[entry.start] = fitting.pop()
        left = sorted(value for values in pool.values() for value in values)
    return paired, left


def _about(value: Value) -> object:
    """Give the field that says what a record is about: it stands last in MX (exchange), DS (digest) and TLSA (association)."""
    return str(value).rpartition(" ")[2]


class _Patch(NamedTuple):
    """New text for a part of the file."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class _Writer:
    """Writes a file from beginning to end and knows what a line would inherit at that point."""

    file: MasterFile
    serial: int
    out: list[str] = field(default_factory=list)
    foreign_lines: int = 0
    _owner: Name | None = None
    _last_ttl: int | None = None
    _named: Entry | None = None
    """The last entry of the file as it was that names its owner."""

    def copy(self, start: int, end: int) -> None:
        if start < end:
            self.out.append(self.file.text[start:end])

    def drop(self, entry: Entry) -> None:
        self._note_name(entry)

    def keep(self, entry: Entry, ttl: int, value: Value, *, foreign: bool) -> None:
        self._note_name(entry)
        patches = [*self._owner_patch(entry), *self._ttl_patch(entry, ttl), *_value_patches(self.file.text, entry, value)]
        if entry is self.file.soa:
            token = entry.rdata[SERIAL]
            patches.append(_Patch(token.start, token.end, str(self.serial)))
        self.foreign_lines += foreign and entry.ttl_token is None and self._inherited(entry) != ttl
        self.out.append(_patched(self.file.text, entry, patches))
        self._owner = entry.owner
        if entry.ttl_token is not None or self._inherited(entry) != ttl:
            self._last_ttl = ttl

    def add(self, record: _Added, after: Entry | None) -> None:
        """Write one record more on a line of its own, after an entry or (None) at the end of the file."""
        if record.like is None:
            line = self._new_line(record, after)
            self._last_ttl = record.ttl
        else:
            stated = record.like.ttl_token is not None or self._inherited(record.like) != record.ttl
            line = _line_like(self.file.text, record.like, record.ttl if stated else None, record.value)
            self._last_ttl = record.ttl if stated else self._last_ttl
        self._owner = record.key.owner
        newline = "\r\n" if "\r\n" in self.file.text else "\n"
        complete = not self.out or self.out[-1].endswith("\n")
        self.out.append(line + newline if complete else newline + line)

    def _new_line(self, record: _Added, after: Entry | None) -> str:
        origin = self.file.last_origin if after is None else after.origin
        owner = "@" if record.key.owner == origin else record.key.owner
        neighbour = after or self.file.entries[-1]
        tabs = "\t" in self.file.text[neighbour.start : neighbour.end]
        return ("\t" if tabs else " ").join([owner, str(record.ttl), "IN", record.key.type, str(record.value)])

    def _note_name(self, entry: Entry) -> None:
        self._named = entry if entry.owner_token is not None else self._named

    def _inherited(self, entry: Entry) -> int | None:
        return self._last_ttl if entry.default_ttl is None else entry.default_ttl

    def _owner_patch(self, entry: Entry) -> Iterator[_Patch]:
        if entry.owner_token is not None or self._owner == entry.owner:
            return
        named = self._named
        if named is not None and named.owner_token is not None and named.origin == entry.origin:
            text = named.owner_token.text
        else:
            text = "@" if entry.owner == entry.origin else entry.owner
        yield _Patch(entry.start, entry.start, text)

    def _ttl_patch(self, entry: Entry, ttl: int) -> Iterator[_Patch]:
        if entry.ttl_token is not None:
            if entry.ttl != ttl:
                yield _Patch(entry.ttl_token.start, entry.ttl_token.end, str(ttl))
        elif self._inherited(entry) != ttl:
            place = _head(entry)[0].start
            yield _Patch(place, place, f"{ttl}{_space_before(self.file.text, place)}")


def _value_patches(text: str, entry: Entry, value: Value) -> Iterator[_Patch]:
    """Give the patches that turn an entry's RDATA into `value`, token by token."""
    if value == entry.value:
        return
    old, new = _fields(entry.value), _fields(value)
    tokens = entry.rdata
    if tokens[0].text == GENERIC:
        yield _Patch(entry.type_token.start, entry.type_token.end, entry.type)
        yield _Patch(tokens[0].start, tokens[0].end, " ".join(new))
        yield from (_removal(text, token) for token in tokens[1:])
        return
    last = len(new) - 1
    for token, before, after in zip(tokens[:last], old, new, strict=False):
        if before != after:
            yield _Patch(token.start, token.end, after)
    if old[last] != new[last]:
        yield from _spread(text, tokens[last:], new[last])


def _fields(value: Value) -> list[str]:
    """Give the fields of RDATA; the strings of a text, in which a space is no boundary, are one."""
    return [str(value)] if isinstance(value, Txt) else str(value).split()


def _spread(text: str, tokens: Sequence[Token], new: str) -> Iterator[_Patch]:
    """Put a field that may stand in several tokens (RFC 4034 §5.3) into the same ones; the last takes the rest."""
    for token in tokens:
        piece = new if token is tokens[-1] else new[: len(token.text)]
        new = new[len(piece) :]
        yield _Patch(token.start, token.end, piece) if piece else _removal(text, token)


def _removal(text: str, token: Token) -> _Patch:
    start = token.start
    while text[start - 1] in " \t":
        start -= 1
    return _Patch(start, token.end, "")


def _patched(text: str, entry: Entry, patches: Iterable[_Patch]) -> str:
    pieces = []
    position = entry.start
    for patch in sorted(patches):
        pieces += [text[position : patch.start], patch.text]
        position = patch.end
    return "".join([*pieces, text[position : entry.end]])


def _line_like(text: str, entry: Entry, ttl: int | None, value: Value) -> str:
    """Write a record on one line as an entry is written, without its comment; the TTL None is left out."""
    generic = entry.rdata[0].text == GENERIC
    line = "" if entry.owner_token is None else entry.owner_token.text
    end = entry.start if entry.owner_token is None else entry.owner_token.end
    for token in _head(entry):
        line += _gap(text, end, token.start)
        if ttl is not None and token is entry.ttl_token:
            line += token.text if entry.ttl == ttl else str(ttl)
        else:
            if ttl is not None and entry.ttl_token is None and token is _head(entry)[0]:
                line += f"{ttl}{_space_before(text, token.start)}"
            line += entry.type if generic and token is entry.type_token else token.text
        end = token.end
    if generic:
        return f"{line} {value}"
    for token, part in zip(entry.rdata, _fields(value), strict=False):
        line += _gap(text, end, token.start) + part
        end = token.end
    return line


def _head(entry: Entry) -> list[Token]:
    """Give TTL, class and type as far as they are written, in their order."""
    return sorted(token for token in (entry.ttl_token, entry.class_token, entry.type_token) if token is not None)


def _gap(text: str, start: int, end: int) -> str:
    between = text[start:end]
    return between if between and not between.strip(" \t") else " "


def _space_before(text: str, place: int) -> str:
    return "\t" if text[place - 1] == "\t" else " "
