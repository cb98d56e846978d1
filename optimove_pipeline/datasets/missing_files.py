"""Optimove's check of missing files, made here first: is every file that it expects of a day delivered?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from string import Formatter

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.ledger import Entry, Ledger, State
from optimove_pipeline.settings.packages import Packages


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A data set of which a target lacks the day's files, and why that is so, in words."""

    dataset: str
    target: str
    reason: str


def missing_files(
    expected: Sequence[Dataset],
    day: date,
    ledger: Ledger,
    targets: Mapping[str, Collection[str]],
    beginnings: Mapping[str, str],
    tables: Collection[str] = (),
) -> list[MissingFile]:
    """Return which files of a partition are not delivered, by data set and then by target.

    ``targets`` are the names of each data set's targets; without any it is expected nowhere. ``beginnings`` are what
    the names of its files begin with (``beginning_of``). A file is known by that (reference on delivery, section 8,
    point 9), and one without rows counts as present (point 10). Targets that take ``tables`` have rows, and no files.

    Raises:
        SettingsError: the ledger can't be used.
        BusyError: another process kept the ledger for half a minute.
    """
    return [
        MissingFile(dataset.name, target, reason)
        for dataset in expected
        for target in sorted(targets.get(dataset.name, ()))
        for beginning in ["" if target in tables else beginnings[dataset.name]]
        if (reason := _reason(beginning, ledger.newest(target, dataset.name, day)))
    ]


def beginning_of(packages: Packages, dataset: Dataset) -> str:
    """Return what the names of a data set's files begin with, up to what differs from file to file.

    That is the table's name, and whatever a template of one's own has before the date, the time or the number.
    """
    options = packages.of(dataset.name, table=dataset.table, format=dataset.format)
    values = {"table": options.table, "feed": dataset.name}
    beginning = ""
    for text, field, form, _ in Formatter().parse(options.packaging.name):
        beginning += text
        if field not in values:
            break
        beginning += format(values[field], form or "")
    return beginning


def _reason(beginning: str, entries: Sequence[Entry]) -> str:
    """Return why the day's files count as missing; empty if they are there."""
    parts = [entry for entry in entries if entry.part]
    if not parts:
        return "nothing was delivered"
    if left := [entry for entry in parts if entry.state is not State.DELIVERED]:
        return f"{len(left)} of {len(parts)} files are not delivered, the first is {left[0].name} ({left[0].state})"
    if other := [entry.name for entry in parts if not PurePosixPath(entry.name).name.startswith(beginning)]:
        return f"the name of {other[0]} does not begin with {beginning}, which Optimove looks for"
    return ""
