"""What is wrong with a manifest: every mistake of one run, located, in words for the person who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from plans.problem import Problem
from provisioner.manifest.model import Location

PRINTED = 100
"""How many mistakes a message lists; the rest are counted."""

KeyPath = tuple[str | int, ...]
"""The keys and list positions (from 0) that lead to a value."""

_GUESSES = 200  # comparing words is slow; a table with a wrong column would have thousands of them


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake. `where` has line 0 when a whole file is meant; `key` is empty when no key is."""

    where: Location
    key: str
    text: str
    mend: str

    def __str__(self) -> str:
        place = str(self.where) if self.where.line else str(self.where.file)
        key = f"{self.key}: " if self.key else ""
        return f"{place}  {key}{self.text}{'' if self.text.endswith('?') else '.'} {self.mend}".rstrip()


class ManifestInvalid(Problem):
    """A manifest cannot be used; `mistakes` has all of them, by file and line."""

    def __init__(self, headline: str, mistakes: tuple[Mistake, ...], mend: str) -> None:
        lines = [str(mistake) for mistake in mistakes[:PRINTED]]
        if len(mistakes) > PRINTED:
            lines.append(f"and {len(mistakes) - PRINTED} more")
        super().__init__(headline, "\n".join(lines), mend)
        self.mistakes = mistakes


@dataclass(slots=True)
class Mistakes:
    """Gathers the mistakes of one run. `incomplete`: a file could not be read, so what is missing may stand there."""

    found: list[Mistake] = field(default_factory=list)
    incomplete: bool = False
    _guesses: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def add(self, where: Location, path: KeyPath, text: str, mend: str) -> None:
        """Note one mistake at a key."""
        self.found.append(Mistake(where, key_path(path), text, mend))

    def unreadable(self, where: Location, text: str, mend: str) -> None:
        """Note why a file cannot be read (any further)."""
        self.add(where, (), text, mend)
        self.incomplete = True

    def guess(self, word: str, known: Iterable[str]) -> str:
        """Give `, did you mean 'x'?` where something known resembles the word, else nothing."""
        candidates = tuple(known)
        if (word, candidates) not in self._guesses:
            if len(self._guesses) >= _GUESSES:
                return ""
            by_lower = {candidate.lower(): candidate for candidate in candidates}
            close = difflib.get_close_matches(word.lower(), by_lower, n=1)
            self._guesses[word, candidates] = f", did you mean {quoted(by_lower[close[0]])}?" if close else ""
        return self._guesses[word, candidates]

    def problem(self, file: Path, what: str = "manifest", again: str = "provisioner validate") -> ManifestInvalid:
        """Make the one error that tells them all. `what` the file is, and the command that reads it `again`."""
        mistakes = tuple(sorted(set(self.found)))
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        return ManifestInvalid(f"The {what} {file} has {count}", mistakes, f"Change the lines named above, then run `{again}`.")


def key_path(path: KeyPath) -> str:
    """Write a path as `domains.example.com.tenant`, list positions as `include[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if part.isprintable() and part.strip() == part != "" else quoted(part))
    return text


def quoted(text: str) -> str:
    """Quote what a user wrote, on one line and not at any length."""
    longest = 60
    return repr(text if len(text) <= longest else text[: longest - 1] + "…")


def enumerated(words: Iterable[str], longest: int = 12) -> str:
    """Name the first of many: `a, b, c and 297 more`."""
    every = sorted(words)
    rest = f" and {len(every) - longest} more" if len(every) > longest else ""
    return f"{', '.join(every[:longest])}{rest}"


def listed(words: Iterable[str]) -> str:
    """Enumerate: `a, b or c`."""
    *rest, last = words
    return f"{', '.join(rest)} or {last}" if rest else last
