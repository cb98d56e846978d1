"""Optimove's check of a day's rows, made before anything is sent, with an upper bound besides.

Optimove compares a day with the average and stops the company's campaigns where it is too small; a day sent twice
over passes there (reference on delivery, section 4.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import get_args

from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.settings.datasets import Volume, Weekday

LEAST_OF_A_WEEKDAY = 4
"""Days of the same weekday from which these alone are compared with."""

_WEEKDAYS: tuple[str, ...] = get_args(Weekday)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a day's rows pass, and the ``reason`` in words; ``blocks`` is whether a day that does not is held back.

    ``average`` is what the rows were compared with, over so many ``days``; None and 0 where there was nothing.
    """

    passed: bool
    blocks: bool
    reason: str
    average: float | None = None
    days: int = 0


@dataclass(frozen=True, slots=True)
class _Average:
    rows: float
    days: int
    what: str


def judge(rows: int, day: date, history: Mapping[date, int], volume: Volume) -> Verdict:
    """Return whether a day may have so many rows, by the rows of the days before it (``Ledger.rows_by_day``).

    Days are compared with those of ``days_backwards``, with the same weekday alone once there are four of it. An hour
    (a datetime) is compared with the same hour of other days. Weekdays that are ignored are neither judged nor
    compared with. Without an average a day needs one row.
    """
    weekday = _weekday(day)
    if weekday in volume.ignored_weekdays:
        return _verdict(volume, f"{_named(day)} is not judged: {weekday} is ignored", passed=True)
    average = _average(day, history, volume) if volume.compare_average else None
    if average is None:
        why = "there is nothing yet to compare with" if volume.compare_average else "compare_average is off"
        return _verdict(volume, f"{_counted(rows)} on {_named(day)}: {why}, so one is needed", passed=rows >= 1)
    return _compared(rows, day, average, volume)


def _compared(rows: int, day: date, average: _Average, volume: Volume) -> Verdict:
    few = rows < volume.factor * average.rows
    many = average.rows > 0 and rows > volume.most * average.rows
    share = f", {rows / average.rows:.0%} of" if average.rows else ", against"
    if few:
        end = f"too few: at least {volume.factor:.0%} are needed"
    elif many:
        end = f"too many: at most {volume.most:.0%} are let pass; was something sent twice?"
    else:
        end = f"between {volume.factor:.0%} and {volume.most:.0%}"
    reason = f"{_counted(rows)} on {_named(day)}{share} the average of {average.rows:,.0f} over {average.what}: {end}"
    return _verdict(volume, reason, average, passed=not few and not many)


def _average(day: date, history: Mapping[date, int], volume: Volume) -> _Average | None:
    past = {each: rows for each, rows in history.items() if _is_comparable(day, each, volume)}
    same = {each: rows for each, rows in past.items() if _weekday(each) == _weekday(day)}
    span = f"of the last {volume.days_backwards} days"
    if volume.by_weekday and len(same) >= LEAST_OF_A_WEEKDAY:
        what = f"{len(same)} {_weekday(day).title()}s {span}"
        return _Average(sum(same.values()) / len(same), len(same), what)
    if not past:
        return None
    return _Average(sum(past.values()) / len(past), len(past), f"{len(past)} {span}")


def _is_comparable(day: date, other: date, volume: Volume) -> bool:
    if type(day) is not type(other) or _weekday(other) in volume.ignored_weekdays:
        return False
    if isinstance(day, datetime) and isinstance(other, datetime) and day.hour != other.hour:
        return False
    return 1 <= (_date(day) - _date(other)).days <= volume.days_backwards


def _verdict(volume: Volume, reason: str, average: _Average | None = None, *, passed: bool) -> Verdict:
    rows, days = (average.rows, average.days) if average else (None, 0)
    return Verdict(passed, volume.blocks, reason, rows, days)


def _date(partition: date) -> date:
    return partition.date() if isinstance(partition, datetime) else partition


def _weekday(partition: date) -> str:
    return _WEEKDAYS[partition.weekday()]


def _named(day: date) -> str:
    return f"{partition_key(day)} ({_weekday(day).title()})"


def _counted(rows: int) -> str:
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"
