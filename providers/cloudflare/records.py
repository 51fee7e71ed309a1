"""Cloudflare's records as RRsets and back: pure, without a call.

Cloudflare keeps one object a record, with a TTL, a comment and tags of its own. Two things are read as they are *served*:

- TTL 1 is Cloudflare's `auto`; a resolver sees 300 (https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/),
  and so does the plan. A write that keeps the TTL leaves `auto` alone, and new records of the set take it; a write that sets
  another TTL replaces it, and a later one that goes back to 300 writes 300. `auto` itself is never asked for.
- A CNAME at the apex is flattened (https://developers.cloudflare.com/dns/cname-flattening/): the apex answers with addresses
  and may hold an MX beside. Any other CNAME stands alone, and a set at its name cannot be owned.

SOA and the NS at the apex are Cloudflare's own and not among the records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import (
    Ds,
    Irregular,
    Key,
    Live,
    Mx,
    Name,
    Opaque,
    RRset,
    Tlsa,
    Txt,
    Value,
    ZoneRef,
    ancestors,
    name,
    parse_value,
    rrset,
)
from providers.cloudflare.rows import BatchRows, Row
from providers.zonedata import ZoneData

AUTO = 1
"""The TTL that means Cloudflare's own choice."""
AUTO_SERVED = 300
"""Seconds; what it chooses."""
LONGEST_TTL = 86400
"""Seconds; the API takes no longer one."""
_ADDRESSES = ("A", "AAAA")
_FIELDS = {
    "DS": ("key_tag", "algorithm", "digest_type", "digest"),
    "TLSA": ("usage", "selector", "matching_type", "certificate"),
}
_STRING_OCTETS = 255


class Records:
    """What of a zone's records concerns some keys. Others are let go as they come: memory grows with the keys alone."""

    def __init__(self, apex: Name, keys: Collection[Key]) -> None:
        self._apex = apex
        self._keys = frozenset(keys)
        self._asked = {key.owner for key in keys}
        self._watched = self._asked.union(*(ancestors(owner) for owner in self._asked)) | {apex}
        self._rows: dict[Key, list[Row]] = {}
        self._types: dict[Name, set[str]] = {apex: {"SOA", "NS"}}
        self._below: set[Name] = set()

    def add(self, rows: Iterable[Row]) -> None:
        """Take records in. Raises `ValueError` where one has no domain name."""
        for row in rows:
            owner = name(row.name)
            if owner in self._watched:
                self._types.setdefault(owner, set()).add(row.type)
                if (key := Key(owner, row.type)) in self._keys:
                    self._rows.setdefault(key, []).append(row)
            # One record below a name is enough to show that the name exists.
            if unproved := self._asked.intersection(ancestors(owner)) - self._below:
                self._types.setdefault(owner, set()).add(row.type)
                self._below |= unproved

    def data(self) -> ZoneData:
        """Give the zone as it answers."""
        apex = self._types[self._apex]
        answered = (apex - {"CNAME"}).union(_ADDRESSES) if "CNAME" in apex else apex
        return ZoneData(self._apex, self._types | {self._apex: answered}, self._stored)

    def rows(self, key: Key) -> Sequence[Row]:
        """Give a key's records, in an order that is always the same."""
        return sorted(self._rows.get(key, ()), key=lambda row: row.id)

    def mark(self, key: Key) -> str:
        """Give a mark of a key's records that changes whenever one of them does."""
        facts = [[row.id, row.ttl, row.content, row.priority, row.data, row.proxied, row.modified_on] for row in self.rows(key)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def token(self) -> str:
        """Give the marks of all keys, for a snapshot."""
        return json.dumps({str(key): self.mark(key) for key in sorted(self._keys)}, separators=(",", ":"))

    def snapshot(self, zone: ZoneRef) -> Snapshot:
        """Give what stands at the keys."""
        return self.data().snapshot(zone, self._keys, self.token())

    def since(self, token: str) -> Callable[[Key], Live]:
        """Give what tells what stands at a key; where a record is another one than in the token, a set that equals no other."""
        data, marks = self.data(), _marks_of(token)
        edited = "a record was edited or made anew"
        return lambda key: data.live(key) if marks.get(str(key)) == self.mark(key) else Irregular(key, edited)

    def _stored(self, key: Key) -> RRset | Irregular | None:
        if key.owner == self._apex and (special := self._special_at_apex(key.type)):
            return Irregular(key, special)
        rows = self.rows(key)
        return _set_of(key, rows) if rows else None

    def _special_at_apex(self, rdata_type: str) -> str | None:
        if rdata_type in {"SOA", "NS"}:
            return "it is Cloudflare's own and not among the zone's records"
        if rdata_type in {*_ADDRESSES, "CNAME"} and "CNAME" in self._types[self._apex]:
            return "the CNAME at the apex is flattened: Cloudflare answers with the addresses that it leads to"
        return None


def served_ttl(row: Row) -> int:
    """Give the TTL (seconds) with which a record is served; one that is flattened is not served with a higher one.

    https://developers.cloudflare.com/dns/cname-flattening/cname-flattening-diagram/
    """
    return AUTO_SERVED if row.ttl == AUTO or row.proxied else row.ttl


def value_of(row: Row) -> Value:
    """Give a record's RDATA. Raises `ValueError` where it cannot be told for certain."""
    match row.type:
        case "MX":
            return _mx(row)
        case "DS" | "TLSA":
            return parse_value(row.type, _from_data(row) if row.data else row.content or "")
        case "TXT":
            return _txt(row.content)
        case _:
            return Opaque(str(parse_value(row.type, row.content or "")))


def fields_of(value: Value) -> dict[str, Any]:
    """Give the fields of a record that hold its RDATA."""
    match value:
        case Mx(preference=preference, exchange=exchange):
            return {"content": bare(exchange), "priority": preference}
        case Ds():
            parts = (value.key_tag, value.algorithm, value.digest_type, value.digest.upper())
            return {"data": dict(zip(_FIELDS["DS"], parts, strict=True))}
        case Tlsa():
            numbers = (value.usage, value.selector, value.matching_type, value.association.upper())
            return {"data": dict(zip(_FIELDS["TLSA"], numbers, strict=True))}
        case Txt(text=text):
            return {"content": text}
        case Opaque():
            msg = f"{value} is read and never written"
            raise TypeError(msg)
        case _:
            assert_never(value)


def bare(of: Name) -> str:
    """Give a name as Cloudflare writes it: without its final dot, but for the root."""
    return of.removesuffix(".") or "."


@dataclass(frozen=True, slots=True)
class Batch:
    """One call's changes by record id, and the sets that should stand afterwards.

    Records are reused, so that a set that goes on is never empty, in whichever order its records reach Cloudflare's servers.
    A patch leaves comment, tags and settings as they are.
    """

    deletes: tuple[Row, ...]
    patches: tuple[dict[str, Any], ...]
    posts: tuple[dict[str, Any], ...]

    @property
    def body(self) -> dict[str, Any]:
        """The request's body."""
        parts = {"deletes": [{"id": row.id} for row in self.deletes], "patches": [*self.patches], "posts": [*self.posts]}
        return {part: rows for part, rows in parts.items() if rows}


def batch_of(records: Records, changes: Iterable[Change]) -> Batch:
    """Make the batch for changes whose keys stand as they say."""
    deletes: list[Row] = []
    patches: list[dict[str, Any]] = []
    posts: list[dict[str, Any]] = []
    for change in changes:
        rows = records.rows(change.key)
        if change.after is None:
            deletes += rows
            continue
        held = {row.id: value_of(row) for row in rows}
        missing = [value for value in change.after.values if value not in held.values()]
        loose = [row for row in rows if held[row.id] not in change.after.values]
        same_ttl = change.before is not None and change.before.ttl == change.after.ttl
        common = {"name": bare(change.key.owner), "type": change.key.type}
        if not same_ttl:
            kept = [row for row in rows if held[row.id] in change.after.values and row.ttl != change.after.ttl]
            patches += [{"id": row.id, **common, "ttl": change.after.ttl} for row in kept]
        for row, value in zip(loose, missing, strict=False):
            patches.append({"id": row.id, **common, "ttl": row.ttl if same_ttl else change.after.ttl, **fields_of(value)})
        ttl = rows[0].ttl if same_ttl else change.after.ttl
        posts += [{**common, "ttl": ttl, **fields_of(value)} for value in missing[len(loose) :]]
        deletes += loose[len(missing) :]
    return Batch(tuple(deletes), tuple(patches), tuple(posts))


def doubts(batch: Batch, answer: BatchRows, changes: Iterable[Change]) -> Mapping[Key, str]:
    """Compare a batch's answer with what it should have done: for each key whose records are others, say which."""
    found: dict[Key, str] = {}
    deleted = {row.id: row for row in answer.deletes or ()}
    for row in batch.deletes:
        if (now := deleted.get(row.id)) is None or _substance(now) != _substance(row):
            told = "does not say what it was" if now is None else f"was edited at the last moment and held {_told(now)}"
            found[Key(name(row.name), row.type)] = f"record {row.id}, which was deleted, {told}"
    written = {(row.id, _substance(row)) for row in answer.patches or ()} | {
        (None, _substance(row)) for row in answer.posts or ()
    }
    after = {change.key: change.after for change in changes}
    for sent in (*batch.patches, *batch.posts):
        key = Key(name(sent["name"]), sent["type"])
        if not any(identity == sent.get("id") and _is_one_of(one, sent["ttl"], after[key]) for identity, one in written):
            found[key] = "the answer does not show the records that were sent"
    return found


def _marks_of(token: str) -> Mapping[str, str]:
    try:
        marks = json.loads(token)
    except ValueError:
        return {}
    return marks if isinstance(marks, dict) else {}


_Substance = tuple[Key, int, Value]


def _substance(row: Row) -> _Substance | None:
    """Give what a record says; None where that cannot be told."""
    try:
        return Key(name(row.name), row.type), row.ttl, value_of(row)
    except ValueError:
        return None


def _is_one_of(one: _Substance | None, ttl: int, wanted: RRset | None) -> bool:
    return one is not None and wanted is not None and one[:2] == (wanted.key, ttl) and one[2] in wanted.values


def _told(row: Row) -> str:
    substance = _substance(row)
    return f"{substance[2]} (TTL {substance[1]})" if substance else f"{row.name} {row.type} {row.content}"


def _set_of(key: Key, rows: Sequence[Row]) -> RRset | Irregular:
    ttls = sorted({served_ttl(row) for row in rows})
    if len(ttls) > 1:
        return Irregular(key, f"mixed TTLs: {', '.join(map(str, ttls))}")
    if key.type != "TXT" and any(row.is_locked for row in rows):  # to a text only another one is added
        return Irregular(key, "it is locked: a service of Cloudflare's, such as Email Routing, keeps it")
    if any(row.proxied for row in rows):
        return Irregular(key, "it is proxied: Cloudflare answers with addresses of its own")
    values: list[Value] = []
    for row in rows:
        try:
            values.append(value_of(row))
        except ValueError as error:
            return Irregular(key, f"record {row.id} cannot be understood: {error}")
    return rrset(key.owner, key.type, ttls[0], values)


def _mx(row: Row) -> Mx:
    priority = row.priority if row.priority is not None else (row.data or {}).get("priority")
    if not isinstance(priority, int) or row.content is None:
        msg = "it has no priority or no content"
        raise ValueError(msg)
    return Mx(priority, name(row.content))


def _from_data(row: Row) -> str:
    parts = [(row.data or {}).get(part) for part in _FIELDS[row.type]]
    if not all(isinstance(part, int) or (isinstance(part, float) and part.is_integer()) for part in parts[:3]):
        msg = f"its numbers are none: {parts[:3]}"
        raise ValueError(msg)
    return " ".join([*(str(int(number)) for number in parts[:3] if number is not None), str(parts[3])])


def _txt(content: str | None) -> Value:
    if not content:
        msg = "it has no content"
        raise ValueError(msg)
    if not content.startswith('"'):
        return _unquoted(content)
    return parse_value("TXT", content)


def _unquoted(content: str) -> Txt:
    """Read text as it was once stored, without quotes; one with characters that quotes would change has two readings."""
    if not (content.isascii() and content.isprintable()) or set(content) & {'"', "\\"}:
        msg = "it is not quoted, and holds characters that then may mean two things"
        raise ValueError(msg)
    strings = [content[start : start + _STRING_OCTETS] for start in range(0, len(content), _STRING_OCTETS)]
    return Txt(" ".join(f'"{string}"' for string in strings))
