"""One delivered file judged by Optimove's rules: what is wrong, in which column, how often, and where first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimove_pipeline.sandbox.receiver.names import FileName
from optimove_pipeline.sandbox.receiver.reading import Unreadable, header_of, rows_of
from optimove_pipeline.sandbox.receiver.tables import PERSONAL, TABLES, Table
from optimove_pipeline.sandbox.receiver.values import event_problems, table_problems

MOST_BYTES = 100_000_000
"""A larger file is not read (delivery reference, section 1.1)."""

_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Key = tuple[str, ...]


@dataclass(slots=True)
class Known:
    """What earlier files brought: keys of accepted rows by table, and keys and header of each delivery."""

    accepted: dict[str, set[str]] = field(default_factory=dict)
    delivered: dict[object, set[Key]] = field(default_factory=dict)
    headers: dict[object, tuple[str, ...] | None] = field(default_factory=dict)


@dataclass(slots=True)
class Checked:
    """What was found in a file; of each problem and warning, how often and in which line first."""

    rows: int = 0
    problems: dict[str, tuple[int, int]] = field(default_factory=dict)
    warnings: dict[str, tuple[int, int]] = field(default_factory=dict)


def check_file(path: Path, name: FileName, known: Known) -> Checked:
    """Judge a file, and note in ``known`` what it brings."""
    checked = Checked()
    table = TABLES.get(name.table)
    if table is None:
        _note(checked.problems, f"no table {name.table} was agreed")
    elif path.stat().st_size > MOST_BYTES:
        _note(checked.problems, f"is larger than {MOST_BYTES:,} bytes")
    else:
        try:
            _check(path, name, table, known, checked)
        except Unreadable as problem:
            _note(checked.problems, str(problem))
    return checked


def _check(path: Path, name: FileName, table: Table, known: Known, checked: Checked) -> None:
    header = header_of(path, name)
    for problem in _header_problems(header, table, known.headers.setdefault(name.delivery, header)):
        _note(checked.problems, problem)
    keys, own = known.delivered.setdefault(name.delivery, set()), set[str]()
    currencies = set[str]()
    for line, row in rows_of(path, name):
        checked.rows += 1
        for column, problem in _row_problems(row, name, table):
            _note(checked.problems, f"{column} {problem}", line)
        _check_key(row, table, keys, own, checked, line)
        _check_references(row, table, known, checked, line)
        currencies.add(row.get("Currency") or "")
    if len(currencies - {""}) > 1 and not table.profile:
        _note(checked.problems, "Currency is not one and the same")
    if not checked.problems:
        known.accepted.setdefault(table.name, set()).update(own)


def _header_problems(header: tuple[str, ...] | None, table: Table, first: tuple[str, ...] | None) -> Iterator[str]:
    if header is None:
        return
    yield from (f"has no column {name}" for name in table.required if name not in header)
    if header != first:
        yield "has another header than the delivery's first part"


def _row_problems(row: dict[str, Any], name: FileName, table: Table) -> Iterator[tuple[str, str]]:
    for column in table.required:
        if row.get(column) in (None, ""):
            yield column, "is blank"
    if table.events:
        yield from event_problems(row, name.until)
        return
    for column, value in row.items():
        if not _COLUMN.fullmatch(column):
            yield "a column", "has a name that is not of English letters, digits and _"
        if column in PERSONAL and not table.profile:
            yield column, "tells of a person, which only the profile may"
        if value is not None:
            yield from ((column, problem) for problem in table_problems(column, value, name.until))


def _check_key(row: dict[str, Any], table: Table, keys: set[Key], own: set[str], checked: Checked, line: int) -> None:
    key = tuple(str(row.get(column)) for column in table.key)
    if key in keys:
        _note(checked.problems, f"{', '.join(table.key)} is there twice", line)
    keys.add(key)
    own.add(key[0])


def _check_references(row: dict[str, Any], table: Table, known: Known, checked: Checked, line: int) -> None:
    for references, notes in ((table.references, checked.problems), (table.loose, checked.warnings)):
        for column, other in references.items():
            value = row.get(column)
            if value is not None and str(value) not in known.accepted.get(other, ()):
                _note(notes, f"{column} is not in {other}", line)


def _note(notes: dict[str, tuple[int, int]], what: str, line: int = 0) -> None:
    count, first = notes.get(what, (0, line))
    notes[what] = count + 1, first
