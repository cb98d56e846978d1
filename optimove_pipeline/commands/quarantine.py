"""``quarantine``: the rows that broke a rule, from staging, so that nobody who has the warehouse is waited for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from itertools import islice
from typing import Any

from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.partitions import partitions_of
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.feeds import Feed
from optimove_pipeline.partition_keys import partition_key, partition_of
from optimove_pipeline.stages.frames import frames
from optimove_pipeline.stages.validate import QUARANTINE, VALIDATED
from optimove_pipeline.staging import Partition, Staging

HIDDEN = "(personal)"
"""Stands for a value that is only shown where a person asks for it."""

_ADDRESS = re.compile(r"\S+@\S+")
_PERSONAL_RULE = "personal"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to see: at most ``limit`` rows of each partition, those of a ``rule`` or of its family.

    Of one ``feed`` or of all; of the day or hour that ``key`` names, by default each feed's newest.
    """

    feed: str | None = None
    key: str | None = None
    rule: str | None = None
    limit: int = 20
    show_values: bool = False


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row in quarantine: the rules it broke, the column of the first, its value as it came, and the row's key."""

    rule: str
    column: str
    value: str
    key: dict[str, str]


@dataclass(frozen=True, slots=True)
class Broken:
    """The quarantine of a partition: ``quarantined`` of ``rows_in`` rows, by rule, and some of them."""

    feed: str
    partition: str
    rows_in: int
    quarantined: int
    held_back: bool
    by_rule: dict[str, int]
    rows: tuple[BrokenRow, ...]


def broken_of(settings: Settings, wish: Wish) -> list[Broken]:
    """Return the quarantine of each partition wished for; without a feed only of those that have broken rows.

    Raises:
        SettingsError: there is no such feed, or the key names no partition.
    """
    staging = Staging(settings.data_dir / "staging")
    found = [
        _broken(staging, feed, partition, wish)
        for feed in feeds_of(settings, wish.feed)
        for day in quarantined_partitions(settings, feed, wish.key)
        if (partition := staging.find(QUARANTINE, feed.name, day)) is not None
    ]
    return [each for each in found if wish.feed or each.quarantined]


def feeds_of(settings: Settings, name: str | None) -> list[Feed]:
    """Return the data sets and reports of the settings, or the one of that name.

    Raises:
        SettingsError: there is none of that name.
    """
    every: dict[str, Feed] = {each.name: each for each in (*settings.chosen_datasets, *settings.reports.selected())}
    if name is None:
        return [*every.values()]
    if name not in every:
        near = get_close_matches(name, every, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(every)}"
        raise SettingsError(f"{name}: no such data set or report; {hint}")
    return [every[name]]


def quarantined_partitions(settings: Settings, feed: Feed, key: str | None) -> list[date]:
    """Return the partitions of a feed that a key names and that were validated; without a key the newest one.

    Raises:
        SettingsError: the key names no partition.
    """
    held = Staging(settings.data_dir / "staging").days(QUARANTINE, feed.name)
    if key is None:
        return held[-1:]
    try:
        asked = partition_of(key)
    except ValueError:
        raise SettingsError(f"{key}: expected a day such as 2026-11-20, or an hour such as 2026-11-20T14") from None
    wanted = {asked, *(partitions_of(settings, feed.name, asked) if type(asked) is date else ())}
    return [each for each in held if each in wanted]


def as_lines(found: Sequence[Broken], wish: Wish) -> Iterator[str]:
    """Yield what is in quarantine in lines for a person."""
    if not found:
        yield "no broken rows" if wish.feed is None else f"{wish.feed}: nothing was validated that could be broken"
    for each in found:
        held = "; held back" if each.held_back else ""
        yield f"{each.feed} of {each.partition}: {each.quarantined:,} of {each.rows_in:,} rows in quarantine{held}"
        yield from (f"  {count:,} {rule}" for rule, count in each.by_rule.items())
        for row in each.rows:
            key = ", ".join(f"{name} {value}" for name, value in row.key.items())
            yield f"    {row.rule}: {row.column} = {row.value}  ({key})"
    if any(HIDDEN in (row.value, *row.key.values()) for each in found for row in each.rows):
        yield "--show-values shows what is personal."


def _broken(staging: Staging, feed: Feed, partition: Partition, wish: Wish) -> Broken:
    return Broken(
        feed.name,
        partition_key(partition.day),
        partition.metadata["rows_in"],
        partition.rows,
        held_back=staging.find(VALIDATED, feed.name, partition.day) is None,
        by_rule=partition.metadata["by_rule"],
        rows=tuple(islice(_rows(feed, partition, wish), wish.limit)),
    )


def _rows(feed: Feed, partition: Partition, wish: Wish) -> Iterator[BrokenRow]:
    for frame in frames(partition, ["rule", "column", "raw_value", "row"]):
        for rule, column, value, row in frame.iter_rows():
            if _is_of(rule, wish.rule):
                yield _row(feed, rule, column, value, json.loads(row), show=wish.show_values)


def _is_of(rules: str, wanted: str | None) -> bool:
    return wanted is None or any(wanted in {rule, rule.partition(":")[0]} for rule in rules.split(", "))


def _row(feed: Feed, rule: str, column: str, value: str | None, row: dict[str, Any], *, show: bool) -> BrokenRow:
    hidden = not show and (
        any(_is_personal(feed, name) for name in column.split(", ")) or _PERSONAL_RULE in rule or _is_address(value)
    )
    key = {name: row.get(name) for name in feed.key}
    shown = {
        name: HIDDEN if not show and (_is_personal(feed, name) or _is_address(each)) else _text(each)
        for name, each in key.items()
    }
    return BrokenRow(rule, column, HIDDEN if hidden else _text(value), shown)


def _is_personal(feed: Feed, name: str) -> bool:
    """Return whether a column may tell of a single customer: one that no contract knows may, too."""
    column = feed.column(name)
    return column is None or column.personal


def _is_address(value: object) -> bool:
    # A column that has slipped holds what another one should.
    return isinstance(value, str) and _ADDRESS.search(value) is not None


def _text(value: object) -> str:
    return "blank" if value is None else str(value)
