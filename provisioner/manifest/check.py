"""Checks a node against a pydantic model and tells what does not fit in the manifest's words, at the right line."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from inspect import isclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from provisioner.manifest import absent
from provisioner.manifest.mistakes import KeyPath, Mistakes, listed, quoted
from provisioner.manifest.nodes import Node, Unread, found

M = TypeVar("M", bound=BaseModel)

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def check(node: Node, path: KeyPath, model: type[M], mistakes: Mistakes) -> M | None:
    """Give what the model makes of the node; None: it does not fit, and every mistake is noted."""
    blank: list[tuple[Node, KeyPath]] = []
    data = _plain(node, (), blank)
    made: M | None = None
    told: set[KeyPath] = set()
    try:
        made = model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        for mistake in _distinct(node, error.errors(include_url=False, include_input=False)):
            _tell(mistake, path, model, mistakes)
            told.add(mistake[1])
    for empty, below in blank:
        if empty.value is None and below not in told:
            mistakes.add(empty.where, (*path, *below), "has no value", "Give it one, or remove the key.")
    return None if blank else made


def check_type(node: Node, path: KeyPath, types: Collection[str], what: str, mistakes: Mistakes) -> str | None:
    """Give the `type` that a mapping names. None: it names no known one, and the mistake is noted."""
    names = ", ".join(types)
    match node.value:
        case {"type": Node(value=str(type_))} if type_ in types:
            return type_
        case {"type": Node(value=Unread.UNREAD)} | Unread.UNREAD:
            return None
        case {"type": Node(where=where, value=str(type_))}:
            mistakes.add(
                where,
                (*path, "type"),
                f"unknown type of {what} {quoted(type_)}{mistakes.guess(type_, types)}",
                f"Types are {names}.",
            )
        case {"type": Node(where=where) as other}:
            mistakes.add(where, (*path, "type"), f"expected the type of a {what}, found {found(other)}", f"Types are {names}.")
        case dict():
            mistakes.add(node.where, (*path, "type"), "is missing", f"Types are {names}.")
        case _:
            mistakes.add(
                node.where, path, f"expected a mapping with `type`, found {found(node)}", "Write for example `{type: …}`."
            )
    return None


def _plain(node: Node, path: KeyPath, blank: list[tuple[Node, KeyPath]]) -> Any:  # noqa: ANN401 - what json.dumps takes
    """Give bare values; note where there is none, for want of one or because it could not be read."""
    match node.value:
        case dict() as entries:
            return {key: _plain(entry, (*path, key), blank) for key, entry in entries.items()}
        case list() as items:
            return [_plain(item, (*path, position), blank) for position, item in enumerate(items)]
        case None | Unread.UNREAD:
            blank.append((node, path))
            return None
        case scalar:
            return scalar


_Told = tuple[Node, KeyPath, ErrorDetails]


def _distinct(root: Node, errors: list[ErrorDetails]) -> Iterator[_Told]:
    """Bring errors to their nodes; drop those of other branches of a union, and of what is reported already."""
    told: dict[tuple[KeyPath, str], _Told] = {}
    for error in errors:
        node, path = _walk(root, error["loc"])
        if error["type"] == "missing":
            path = (*path, error["loc"][-1])
        if node.value not in (None, Unread.UNREAD) or error["type"] in {"missing", "extra_forbidden"}:
            told.setdefault((path, "" if _is_expectation(error) else error["type"]), (node, path, error))
    paths = {path for path, _ in told}
    for (path, _), mistake in told.items():
        if not any(other[: len(path)] == path and other != path for other in paths):
            yield mistake


def _is_expectation(error: ErrorDetails) -> bool:
    return error["type"] in _KINDS or error["type"] in {"literal_error", "enum"}


def _walk(node: Node, loc: tuple[int | str, ...]) -> tuple[Node, KeyPath]:
    """Follow pydantic's location as far as it names keys and positions; what else is in it names branches of unions."""
    path: list[str | int] = []
    for part in loc:
        match node.value:
            case dict() as entries if isinstance(part, str) and part in entries:
                node = entries[part]
            case list() as items if isinstance(part, int) and part < len(items):
                node = items[part]
            case _:
                continue
        path.append(part)
    return node, tuple(path)


def _tell(told: _Told, path: KeyPath, model: type[BaseModel], mistakes: Mistakes) -> None:
    node, below, error = told
    field, owners = _field(model, below)
    context = error.get("ctx", {})
    described = field.description if field and not isinstance(below[-1], int) else None
    mend = _mend(below, field, "Write")
    match error["type"]:
        case "missing":
            text = "is missing"
            mend = _mend(below, field, "Add")
        case "extra_forbidden":
            below, text, mend = _unknown_key(below, model, owners, mistakes)
        case "literal_error" | "enum":
            text = _choice(node, str(context["expected"]), described, mistakes)
        case kind if kind in _KINDS:
            text = f"expected {described or _KINDS[kind]}, found {found(node)}"
        case "string_pattern_mismatch":
            text = f"expected {described}, found other text" if described else "does not have the form that this takes"
        case "string_too_short" if context["min_length"] == 1:
            text = "is empty"
        case kind if kind in _BOUNDS:
            bound, words = _BOUNDS[kind]
            text = f"must be {words} {context[bound]}"
        case "value_error" | "assertion_error":
            text = str(context["error"])
        case _:
            text = re.sub(r"^Input should be", "expected", error["msg"])
            text = text[:1].lower() + text[1:]
    mistakes.add(node.where, (*path, *below), text, mend)


def _unknown_key(
    below: KeyPath, model: type[BaseModel], owners: list[type[BaseModel]], mistakes: Mistakes
) -> tuple[KeyPath, str, str]:
    """Give the path at which a key that no owner takes is told, what is told, and the mend."""
    key = str(below[-1])
    known = [name for owner in owners for name in _fields(owner)]
    if any(getattr(owner, "discreet", False) for owner in owners):
        above = below[:-1]
        text = f"expected a mapping with {listed(f'`{name}`' for name in known)}, found another key"
        return above, text, _mend(above, _field(model, above)[0], "Write")
    if absent.is_absent(key, owners):
        return below, absent.told(key), absent.MEND
    return below, f"unknown key{mistakes.guess(key, known)}", f"Keys are {', '.join(known)}."


def _choice(node: Node, expected: str, described: str | None, mistakes: Mistakes) -> str:
    choices = re.findall(r"'([^']*)'", expected)
    what = f"expected {expected if len(choices) > 1 else described or expected}"
    match node.value:
        case str() as word if len(choices) > 1:
            return f"{what}, found {quoted(word)}{mistakes.guess(word, choices)}"
        case int() | float() as number if not isinstance(number, bool):
            return f"{what}, found {number}"
        case _:
            return f"{what}, found {found(node)}"


def _field(model: type[BaseModel], below: KeyPath) -> tuple[FieldInfo | None, list[type[BaseModel]]]:
    """Give the field that a path ends in or within, and the models that could have it."""
    field: FieldInfo | None = None
    owners, inner = [model], [model]
    for position, part in enumerate(below, 1):
        known = [_fields(owner)[part] for owner in inner if isinstance(part, str) and part in _fields(owner)]
        if known or position == len(below):  # positions in lists and keys of mappings like `dict[str, Model]` lead inwards
            owners, field = (inner, known[0] if known else None) if isinstance(part, str) else (owners, field)
            inner = list(_models_in(field.annotation)) if field else []
    return field, owners


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _mend(below: KeyPath, field: FieldInfo | None, verb: str) -> str:
    """Show the key with an example."""
    key = next((part for part in reversed(below) if isinstance(part, str)), "")
    if field and field.examples:
        return f"{verb} for example `{key}: {_flow(field.examples[0])}`."
    return f"{verb} `{key}: …`." if key else ""


def _flow(value: object) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{key}: {_flow(entry)}' for key, entry in value.items())}}}"
        case list():
            return f"[{', '.join(_flow(item) for item in value)}]"
        case str() if re.fullmatch(r"[\w./:-]+", value):
            return value
        case _:
            return json.dumps(value)
