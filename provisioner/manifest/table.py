"""Domains from a CSV table (RFC 4180), as spreadsheets write it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from provisioner.manifest.mistakes import Mistakes, listed, quoted
from provisioner.manifest.model import Location
from provisioner.manifest.nodes import Node

REQUIRED = ("tenant", "domain")
COLUMNS = (*REQUIRED, "provider", "route", "exchange")


def rows(text: str, file: Path, mistakes: Mistakes) -> list[tuple[str, Node]]:
    """Read a table: each row's domain, and what it says of it in the form that `domains:` has in YAML."""
    lines = text.split("\n")
    header_line = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=header_line.count)
    cells = _cells(lines, delimiter, file, mistakes)
    columns = _header(next(cells, (1, [])), file, mistakes)
    if columns is None:
        return []
    entries: list[tuple[str, Node]] = []
    for line, row in cells:
        where = Location(file, line)
        if any(row[len(columns) :]):
            too_many = f"the row has {len(row)} cells and the header {len(columns)}"
            mistakes.add(where, (), too_many, f"Quote a cell that holds {quoted(delimiter)}.")
            continue
        said = {column: Node(where, cell) for column, cell in zip(columns, row, strict=False) if cell}
        domain = said.pop("domain", None)
        if domain is None:
            mistakes.add(where, ("domain",), "the cell is empty", "Write the domain's name, or remove the row.")
        else:
            entries.append((str(domain.value), Node(where, dict(said))))
    return entries


def _cells(lines: list[str], delimiter: str, file: Path, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
    """Give rows that hold anything, with the line on which each begins; cells without the blanks around them."""
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for row in reader:
            stripped = [cell.strip() for cell in row]
            if any(stripped):
                yield begin, stripped
            begin = reader.line_num + 1
    except csv.Error as error:
        mistakes.unreadable(
            Location(file, begin), f"from here on this is no CSV: {error}", "Look for a quote that is not closed."
        )


def _header(first: tuple[int, list[str]], file: Path, mistakes: Mistakes) -> list[str] | None:
    """Check the header. None: rows cannot be told by it."""
    line, row = first
    where = Location(file, line)
    before = len(mistakes.found)
    while row and not row[-1]:
        row.pop()
    for position, column in enumerate(row):
        if column not in COLUMNS:
            text = f"unknown column {quoted(column)}{mistakes.guess(column, COLUMNS)}"
            mistakes.unreadable(where, text, f"Columns are {', '.join(COLUMNS)}.")
        elif column in row[:position]:
            mistakes.unreadable(where, f"the column {quoted(column)} stands twice", "Remove one.")
    for column in REQUIRED:
        if column not in row:
            mend = (
                f"Begin the file with `{','.join(COLUMNS)}`; cells are separated by {listed(('a comma', 'semicolon', 'tab'))}."
            )
            mistakes.unreadable(where, f"the header has no column {quoted(column)}", mend)
    return row if len(mistakes.found) == before else None
