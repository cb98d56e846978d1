"""What Optimove's side says of the deliveries in a sandbox's folder, by file and by day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.receiver.checking import Known, check_file
from optimove_pipeline.sandbox.receiver.names import FileName, is_temporary, parsed
from optimove_pipeline.sandbox.receiver.tables import TABLES

DAYS_BACKWARDS = 180
FACTOR = 0.2
MANIFEST = "_manifest.json"
"""How names of manifests end, which hold no rows."""

_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one file.

    ``file`` is its path below the inbox; table, day, part and version are what its name says, None where it says
    nothing; a month of the initial full load has no day. ``problems`` are why it was rejected, ``warnings`` what was
    seen in one that was accepted; neither holds values of rows.
    """

    file: str
    table: str | None
    day: date | None
    part: int | None
    version: int | None
    rows: int
    bytes: int
    accepted: bool
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReceivedDay:
    """What became of a business day.

    ``complete`` says that every expected table is there, its newest version accepted, and in its usual volume.
    ``missing`` are tables without a file, ``rejected`` those with a file that was not accepted, ``volume`` those with
    too few rows; ``rows`` are the accepted rows by table.
    """

    day: date
    complete: bool
    missing: tuple[str, ...]
    rejected: tuple[str, ...]
    volume: tuple[str, ...]
    rows: Mapping[str, int]


def received(folder: Path) -> list[Received]:
    """Every file that was delivered to the sandbox with this folder, by day and table, judged by Optimove's rules.

    Manifests, and files that say by their name that they are not whole yet, are left out.
    """
    found = [(path, inside, parsed(path.name)) for path, inside in _files(Places(folder))]
    order = {table: place for place, table in enumerate(TABLES)}
    named = sorted(
        ((path, inside, name) for path, inside, name in found if name),
        key=lambda each: (order.get(each[2].table, len(order)), each[2].delivery, each[2].part),
    )
    known = Known()
    judged = [_judged(path, inside, name, known) for path, inside, name in named]
    strangers = [_stranger(path, inside) for path, inside, name in found if name is None]
    return sorted(judged + strangers, key=lambda each: (each.day or date.min, each.table or "", each.file))


def received_days(files: Sequence[Received]) -> list[ReceivedDay]:
    """What became of each day of which a file arrived, by Optimove's two own checks (delivery reference, 4.4).

    Data volume: a table is short with less than 0.2 of the average of its accepted days in the 180 days before.
    """
    newest = _newest(files)
    days = sorted({each.day for each in newest if each.day})
    rows = {day: _rows(newest, day) for day in days}
    return [_day(day, newest, rows) for day in days]


def _files(places: Places) -> Iterator[tuple[Path, Path]]:
    for root in (places.inbox, places.taken):
        for path in sorted(root.rglob("*")):
            inside = path.relative_to(root)
            if path.is_file() and not is_temporary(inside) and not path.name.endswith(MANIFEST):
                yield path, inside


def _judged(path: Path, inside: Path, name: FileName, known: Known) -> Received:
    checked = check_file(path, name, known)
    deep = ("lies deeper than two folders",) if len(inside.parts) - 1 > _DEEPEST else ()
    problems = (*deep, *_told(checked.problems))
    return Received(
        str(inside),
        name.table,
        None if name.full else name.day,
        name.part,
        name.version,
        checked.rows,
        path.stat().st_size,
        not problems,
        problems,
        tuple(_told(checked.warnings)),
    )


def _stranger(path: Path, inside: Path) -> Received:
    why = "has no name of the form Table_YYYYMMDD_HHMMSS_001.csv.gz"
    return Received(
        str(inside), None, None, None, None, 0, path.stat().st_size, accepted=False, problems=(why,), warnings=()
    )


def _told(notes: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    for what, (count, line) in notes.items():
        rows = f"{count} rows, first in line" if count > 1 else "line"
        yield f"{what} ({rows} {line})" if line else what


def _newest(files: Sequence[Received]) -> list[Received]:
    """The files that count: of each delivery the newest version."""
    names = {each.file: parsed(Path(each.file).name) for each in files}
    newest: dict[tuple[object, ...], int] = {}
    for name in names.values():
        if name:
            newest[name.delivery[:3]] = max(name.version, newest.get(name.delivery[:3], 0))
    return [each for each in files if (name := names[each.file]) and name.version == newest[name.delivery[:3]]]


def _rows(files: Sequence[Received], day: date) -> dict[str, int]:
    rows: dict[str, int] = {}
    for each in files:
        if each.day == day and each.accepted and each.table:
            rows[each.table] = rows.get(each.table, 0) + each.rows
    return rows


def _day(day: date, files: Sequence[Received], rows: Mapping[date, Mapping[str, int]]) -> ReceivedDay:
    of_day = [each for each in files if each.day == day and each.table in TABLES]
    missing = tuple(table for table in TABLES if not any(each.table == table for each in of_day))
    rejected = tuple(sorted({str(each.table) for each in of_day if not each.accepted}))
    volume = tuple(table for table in TABLES if _is_short(table, day, rows))
    return ReceivedDay(day, not (missing or rejected or volume), missing, rejected, volume, rows[day])


def _is_short(table: str, day: date, rows: Mapping[date, Mapping[str, int]]) -> bool:
    before = [
        counts[table]
        for other, counts in rows.items()
        if table in counts and 0 < (day - other).days <= DAYS_BACKWARDS
    ]
    return bool(before) and table in rows[day] and rows[day][table] < FACTOR * sum(before) / len(before)
