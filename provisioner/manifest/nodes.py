"""YAML and JSON as a tree of located values.

YAML is read by the core schema of YAML 1.2 (§10.3), in which `off` and `no` are words. What makes one place mean another
(anchors, aliases, merge keys, tags) is refused, so that a line says all that it means. JSON becomes the same events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NoReturn

import yaml

from provisioner.manifest.mistakes import KeyPath, Mistakes
from provisioner.manifest.model import Location

DEEPEST = 50
_LONGEST_NUMBER = 400  # digits; Python itself refuses to parse more than 4300

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
"""What no manifest holds, written or escaped: control characters, other line ends, byte order marks, lone surrogates."""


class Unread(Enum):
    """A value in place of one that cannot be read and is reported already."""

    UNREAD = "unread"


Value = str | int | float | bool | list["Node"] | dict[str, "Node"] | Literal[Unread.UNREAD] | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands: at its key, or for a list's item and the whole file at itself."""

    where: Location
    value: Value

    def child(self, key: str) -> Node:
        """Give the entry of a mapping, or where there is none the node itself."""
        return self.value.get(key, self) if isinstance(self.value, dict) else self


def found(node: Node) -> str:
    """Say what kind of value stands there, never the value itself."""
    match node.value:
        case bool():
            return "true or false"
        case str():
            return "text" if node.value else "empty text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "nothing"


def parse(text: str, file: Path, mistakes: Mistakes) -> Node | None:
    """Read one document. None: it cannot be read, and the mistake is noted; else smaller mistakes may have been."""
    is_json = file.suffix.lower() == ".json"
    try:
        events = _json_events(text) if is_json or _looks_like_json(text) else _yaml_events(text)
        return _Composer(file, mistakes, events).document()
    except _Unreadable as why:
        mistakes.unreadable(Location(file, why.line), why.text, why.mend)
        return None


class _Unreadable(Exception):
    """Reading ends at this line."""

    def __init__(self, line: int, text: str, mend: str) -> None:
        super().__init__(line, text, mend)
        self.line = line
        self.text = text
        self.mend = mend


class _Composer:
    """Makes nodes from parser events."""

    def __init__(self, file: Path, mistakes: Mistakes, events: Iterator[Any]) -> None:
        self._file = file
        self._mistakes = mistakes
        self._events = events

    def document(self) -> Node:
        event = next(self._events)
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            if getattr(event, "version", None) not in {None, (1, 2)}:
                raise _Unreadable(self._at(event).line, "manifests are YAML 1.2", "Remove the %YAML line.")
            event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _Unreadable(1, "the file is empty", "Write the manifest into it, or remove it.")
        root = self._node(event, self._at(event), ())
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                raise _Unreadable(
                    self._at(event).line, "a second document begins here", "Put it into a file of its own and `include` that."
                )
        if root.value is None:
            raise _Unreadable(1, "the file is empty", "Write the manifest into it, or remove it.")
        return root

    def _node(self, event: Any, where: Location, path: KeyPath) -> Node:  # noqa: ANN401 - events of two parsers, without types
        # What follows these signs is never repeated: it may be a password that lacks its quotes.
        if isinstance(event, yaml.AliasEvent):
            self._refuse(where, path, "`*` refers to a value elsewhere", "Write the value out, or put text in quotes.")
            return Node(where, Unread.UNREAD)
        if event.anchor:
            self._refuse(
                where, path, "`&` begins an anchor", "Write the value out wherever it is meant, or put text in quotes."
            )
        if event.tag:
            self._refuse(where, path, "`!` begins a tag", "Remove it, or put text in quotes.")
        if isinstance(event, yaml.ScalarEvent) and (event.anchor or event.tag):
            return Node(where, Unread.UNREAD)
        if isinstance(event, yaml.ScalarEvent):
            return Node(where, self._scalar(event, where, path))
        if len(path) >= DEEPEST:
            raise _Unreadable(
                where.line, f"values are nested more than {DEEPEST} deep", "Look for brackets or indentation too many."
            )
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(where, self._sequence(path))
        return Node(where, self._mapping(path))

    def _scalar(self, event: Any, where: Location, path: KeyPath) -> Value:  # noqa: ANN401 - as above
        text: str = event.value
        if CONTROL.search(text):
            self._refuse(where, path, "an escape stands for a control character", "Remove it.")
            return Unread.UNREAD
        if event.style:  # quoted, or a block of text
            return text
        if len(text) > _LONGEST_NUMBER and text[0] in "-+.0123456789":
            self._refuse(where, path, "the value is too long for a number", "Put it in quotes if it is text.")
            return Unread.UNREAD
        return _resolve(text)

    def _sequence(self, path: KeyPath) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, self._at(event), (*path, len(items))))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            where = self._at(event)
            key = self._key(event, where, path)
            value = self._node(next(self._events), where, (*path, "?" if key is None else key))
            if key is None:
                continue
            if key in entries:
                first = entries[key].where
                self._mistakes.add(where, (*path, key), f"stands here a second time; the first is at {first}", "Remove one.")
            else:
                entries[key] = value
        return entries

    def _key(self, event: Any, where: Location, path: KeyPath) -> str | None:  # noqa: ANN401 - as above
        key = self._node(event, where, (*path, "?") if isinstance(event, yaml.CollectionStartEvent) else path)
        match key.value:
            case "<<" if not event.style:
                self._refuse(where, path, "`<<` is a merge key", "Write the values out.")
            case str():
                return key.value
            case list() | dict():
                self._refuse(where, path, f"{found(key)} cannot be a key", "Put the key in quotes if it is text.")
            case Unread.UNREAD:
                pass
            case _:
                self._refuse(where, path, f"a key is text, and this one is {found(key)}", "Put it in quotes.")
        return None

    def _refuse(self, where: Location, path: KeyPath, text: str, mend: str) -> None:
        self._mistakes.add(where, path, text, mend)
        self._mistakes.incomplete = True

    def _at(self, event: Any) -> Location:  # noqa: ANN401 - as above
        return Location(self._file, event.start_mark.line + 1, event.start_mark.column + 1)


_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBERS = (
    (re.compile(r"[-+]?[0-9]+\Z"), int),
    (re.compile(r"0o[0-7]+\Z"), lambda text: int(text, 0)),
    (re.compile(r"0x[0-9a-fA-F]+\Z"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"), float),
    (re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"), lambda text: float(text.replace(".", ""))),
)


def _resolve(text: str) -> str | int | float | bool | None:
    """Read a plain scalar by the core schema (YAML 1.2.2 §10.3.2)."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in "-+.0123456789":
        for pattern, number in _NUMBERS:
            if pattern.match(text):
                return number(text)
    return text


def _yaml_events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise _plain_words(error, text) from error
    except (ValueError, OverflowError) as error:  # the parser in Python, for an escape beyond Unicode
        raise _Unreadable(1, "an escape stands for no character", "Look for a `\\` in double quotes.") from error


_WORDS = (
    ("escape", "a `\\` in double quotes begins no known escape", "Use single quotes."),
    ("quoted scalar", "a quote is opened here and never closed", "Close it."),
    ("cannot start any token", "a value cannot begin with this character", "Put the value in quotes."),
    ("values are not allowed", "a `:` stands where no key can be", "Look at the indentation, or put the text in quotes."),
    ("expected ':'", "a key has no `:`", "Write `key: value`, with a space after the colon."),
    ("expected ',' or '}'", "a `,` or `}` is missing", "Close the `{` of line {opened}, or write the comma."),
    ("expected ',' or ']'", "a `,` or `]` is missing", "Close the `[` of line {opened}, or write the comma."),
    ("flow mapping", "a `{` is opened here and never closed", "Close it with `}`."),
    ("flow sequence", "a `[` is opened here and never closed", "Close it with `]`."),
    ("flow node", "a value is missing between brackets", "Look for a `,` or a bracket too many."),
    ("block scalar", "a block of text is indented wrongly", "Indent every line of it alike."),
    ("tag", "a tag cannot be read", "Remove it, or put the value in quotes if it begins with `!`."),
    ("block", "the indentation does not fit the lines above", "Indent keys of one mapping alike, with spaces."),
    ("directive", "a line that begins with `%` is a directive", "Remove it."),
)


def _plain_words(error: yaml.MarkedYAMLError, text: str) -> _Unreadable:
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark
    lines = text.rstrip().split("\n")
    at = min(mark.line if mark else 0, len(lines) - 1)  # the end of the file counts to its last line
    indentation = re.match(r"[ \t]*", lines[at])
    if indentation and "\t" in indentation[0]:
        return _Unreadable(at + 1, "the line is indented with a tab, which YAML does not take", "Indent with spaces.")
    said = f"{problem} {context}"
    opened = min(error.context_mark.line, at) + 1 if error.context_mark else at + 1
    for sign, plain, mend in _WORDS:
        if sign in said:
            line = opened if "opened here" in plain else at + 1
            return _Unreadable(line, plain, mend.replace("{opened}", str(opened)))
    return _Unreadable(at + 1, f"this is no YAML ({said.strip()})", "Look at this line and the one above.")


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s"{}\[\],:]+|\n')


def _looks_like_json(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        _check_json(text)
    except _Unreadable:
        return False
    return True


def _check_json(text: str) -> None:
    def refuse(word: str) -> NoReturn:
        line = text[: text.find(word)].count("\n") + 1
        raise _Unreadable(line, f"{word} is no JSON", "Write a number.")

    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=refuse)
    except json.JSONDecodeError as error:
        why = error.msg[:1].lower() + error.msg[1:]
        raise _Unreadable(error.lineno, f"this is no JSON: {why}", "Look at this line and the one above.") from error
    except RecursionError as error:
        raise _Unreadable(1, f"values are nested more than {DEEPEST} deep", "Look for brackets too many.") from error


def _json_events(text: str) -> Iterator[Any]:
    """Give JSON as the events of the YAML parser, in whose core schema its numbers and words mean the same."""
    if not text.strip():
        raise _Unreadable(1, "the file is empty", "Write the manifest into it, or remove it.")
    _check_json(text)
    line, begin = 0, 0
    for token in _TOKEN.finditer(text):
        word = token[0]
        mark = yaml.Mark("", token.start(), line, token.start() - begin, None, 0)
        match word[0]:
            case "\n":
                line, begin = line + 1, token.end()
            case "{":
                yield yaml.MappingStartEvent(None, None, implicit=True, start_mark=mark)
            case "}":
                yield yaml.MappingEndEvent(mark)
            case "[":
                yield yaml.SequenceStartEvent(None, None, implicit=True, start_mark=mark)
            case "]":
                yield yaml.SequenceEndEvent(mark)
            case '"':
                yield yaml.ScalarEvent(None, None, (False, True), json.loads(word), mark, style='"')
            case _:
                yield yaml.ScalarEvent(None, None, (True, False), word, mark)
