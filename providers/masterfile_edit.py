"""Changing a master file: the lines of the changed sets and the SOA serial, and not another byte.

The edited file is read again and compared before it is handed out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest

from plans.plan import Change
from plans.values import Key, Name
from providers.contract import Unsupported
from providers.masterfile import GENERIC, SERIAL, Entry, MasterFile, parse
from providers.masterfile_lines import MasterFileError
from providers.masterfile_rewrite import rewrite
from providers.soa_serial import next_serial

_MADE_FROM_THE_ZONE = {"RRSIG", "NSEC", "NSEC3", "ZONEMD"}


def edit(data: bytes, zone: Name, changes: Sequence[Change], now: datetime) -> bytes:
    """Give the file's bytes with every change made and the serial raised once; without a change the bytes as they are.

    What a change replaces is not compared with `before`: that is the caller's guard. `now` is UTC.

    Raises:
        MasterFileError: the bytes are no master file of that zone that we understand in full.
        Unsupported: a change would leave a zone that is wrong, or other records would not stay as they are.

    """
    if not changes:
        return data
    before = parse(data, zone)
    _refuse(before, changes)
    serial = next_serial(int(before.soa.rdata[SERIAL].text), now)
    attempts = [rewrite(before, changes, serial, new_sets_at_end=at_end) for at_end in (False, True)]
    reason = ""
    # Sorting is stable: beside the owner's other records, unless only the end of the file leaves every other line alone.
    for attempt in sorted(attempts, key=lambda attempt: attempt.foreign_lines):
        after = attempt.text.encode("latin-1")
        try:
            difference = unintended(before, parse(after, zone), changes, serial)
        except MasterFileError as error:
            difference = f"line {error.line}: {error.what}"
        if difference is None:
            return after
        reason = difference
    raise _refusal(before, f"the edited file would not hold what is wanted: {reason}", "make this change by hand")


def unintended(before: MasterFile, after: MasterFile, changes: Sequence[Change], serial: int) -> str | None:
    """Name the first difference between two files that the changes and the new serial do not account for."""
    wanted = {change.key: change.after for change in changes}
    for key, rrset in wanted.items():
        values = () if rrset is None else rrset.values
        held = after.by_key.get((key.owner, key.type), [])
        if sorted(entry.value for entry in held) != sorted(values) or any(rrset and entry.ttl != rrset.ttl for entry in held):
            return f"{key} is not as wanted"
    old = _records(before, wanted, serial)
    new = _records(after, wanted, serial=None)
    for was, becomes in zip_longest(old, new):
        if was != becomes:
            owner, _, rdata_type, _ = was or becomes
            return f"{owner} {rdata_type} would change"
    return None


def _records(file: MasterFile, but: Mapping[Key, object], serial: int | None) -> list[tuple[Name, int, str, str]]:
    skipped = {(key.owner, key.type) for key in but}
    return [
        (entry.owner, entry.ttl, entry.type, _with_serial(entry, serial))
        for entry in file.entries
        if (entry.owner, entry.type) not in skipped
    ]


def _with_serial(entry: Entry, serial: int | None) -> str:
    text = str(entry.value)
    if entry.type != "SOA" or serial is None:
        return text
    fields = text.split()
    return " ".join([*fields[:SERIAL], str(serial), *fields[SERIAL + 1 :]])


def require_editable(file: MasterFile) -> None:
    """Refuse a file in which no change whatever could be made. Raises `Unsupported`."""
    for entry in file.entries:
        if entry.type in _MADE_FROM_THE_ZONE:
            what = f"line {entry.line}: its {entry.type} records are made from the zone as it is; a change makes them false"
            raise _refusal(file, what, "point the provider at the unsigned file that this one is made from")
    if file.soa.rdata[0].text == GENERIC:
        what = f"line {file.soa.line}: the SOA record is written in the generic form of RFC 3597"
        raise _refusal(file, what, "write its fields out: MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM")


def _refuse(file: MasterFile, changes: Sequence[Change]) -> None:
    require_editable(file)
    for change in changes:
        if change.after is not None and (reason := file.data.obstacle(change.key)):
            raise _refusal(file, f"{change.key}: {reason}", "mend the zone, or take this name out of the manifest")


def _refusal(file: MasterFile, detail: str, mend: str) -> Unsupported:
    return Unsupported(f"the file of zone {file.zone} cannot be edited", detail, mend)
