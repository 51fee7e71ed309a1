"""The journal, for a person and for a program: its entries, and whether it is whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.moment import told
from provisioner.state import Broken, Head, HistoryEntry
from provisioner.state.journal import ORIGINAL

_WORDS = ("does", "outcome", "detail", "condition", "exchange", "key", "addresses", "reason", "principal", "note")
_MEND = "Put the last good copy of the state in its place; or look with `provisioner plan` what the zones hold, and begin anew."


def history_lines(entries: Iterable[HistoryEntry]) -> Iterator[Line]:
    """Render one line for each entry: time, run and command, who, about what, which step, what happened, what came of it."""
    for entry in entries:
        yield line(
            Part(told(entry.at), Tone.FAINT),
            f"  run {entry.run} {entry.command}  {entry.who}  ",
            Part(_subject(entry), Tone.STRONG),
            "" if entry.step is None else f"  step {entry.step + 1}",
            f"  {entry.kind}",
            _said(entry),
        )


def _subject(entry: HistoryEntry) -> str:
    about = entry.subject or entry.body.get("domain") or entry.body.get("zone") or entry.body.get("host") or ""
    return str(about).rstrip(".")


def _said(entry: HistoryEntry) -> str:
    """Say what an entry holds beyond its kind; what is for the machine alone is left to JSON."""
    words = [entry.body.get(key) for key in _WORDS]
    known = f"as of {entry.body[ORIGINAL]}" if ORIGINAL in entry.body else None
    plan_id = str(entry.plan_id or entry.body.get("plan") or "")
    plan = f"plan {plan_id[:12]}" if plan_id and entry.step is None else None
    return "".join(f"  {word}" for word in (plan, *words, known) if word)


def history_document(entries: Iterable[HistoryEntry]) -> Iterator[str]:
    """Give entries as one JSON document, piece by piece."""
    yield '{"entries": ['
    for number, entry in enumerate(entries):
        yield f"{',' if number else ''}\n{json.dumps(_object(entry))}"
    yield "]}\n"


def _object(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "n": entry.n,
        "at": entry.at.isoformat(),
        "run": entry.run,
        "who": entry.who,
        "command": entry.command,
        "subject": entry.subject and str(entry.subject),
        "subject_kind": entry.subject and entry.subject.kind,
        "rollout": entry.rollout,
        "plan": entry.plan_id,
        "kind": entry.kind,
        "step": None if entry.step is None else entry.step + 1,
        "body": dict(entry.body),
        "hash": entry.hash,
    }


def verified_lines(head: Head, broken: Sequence[Broken]) -> Iterator[Line]:
    """Render whether the journal is whole, or what is wrong with it and what to do."""
    if not broken:
        yield line(Part(f"Journal: {_entries(head)}, whole", Tone.GOOD), f"; last hash {head.hash}")
        return
    yield line(Part("Journal: not as it was written", Tone.STOPPED), f"; {_entries(head)}, last hash {head.hash}")
    for one in broken:
        yield line(f"  entry {one.n}: {one.what}" if one.n else f"  {one.what}")
    yield line("  ", Part(_MEND, Tone.FAINT))


def verified_document(head: Head, broken: Sequence[Broken]) -> str:
    """Give the same as one JSON document."""
    faults = [{"entry": one.n or None, "what": one.what} for one in broken]
    return json.dumps({"entries": head.n, "hash": head.hash, "broken": faults}, indent=1) + "\n"


def _entries(head: Head) -> str:
    return "1 entry" if head.n == 1 else f"{head.n} entries"
