"""Optimove's rules for single values (delivery reference, sections 1.1, 1.3 and 2.4), by the column's name."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from optimove_pipeline.sandbox.receiver.reading import Number
from optimove_pipeline.sandbox.receiver.tables import EVENTS

Judge = Callable[[str, date], str | None]
"""Value and business day → what is wrong with it, or None."""

_DATES = frozenset({"Registration_Date", "Date_Of_Birth", "Game_Date"})
_TIMES = frozenset({"Transaction_Date", "LastUpdated", "Last_Updated"})
_FLAG, _AMOUNT, _COUNT = re.compile(r"(Is|Allow)_"), re.compile(r".*_Amount|Balance"), re.compile(r"Number_Of_")
_DECIMAL = re.compile(r"-?\d+(\.\d{1,4})?")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_EVENT_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} UTC")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]*")
_SENTINELS = ("1900-01-01", "0001-01-01", "1753-01-01", "9999-12-31")
_PLACEHOLDERS = frozenset({"null", "none", "n/a", "nan", "undefined", "\\n"})
_MOST_EMAIL, _MOST_PARAMETER = 250, 255


def table_problems(column: str, value: Any, day: date) -> Iterator[str]:
    """What is wrong with a value of a table other than events; blanks are judged elsewhere."""
    if isinstance(value, bool):
        yield "is a boolean, expected the text Yes or No"
    elif not isinstance(value, str):
        yield "is a list or an object"
    else:
        yield from _text_problems(value)
        problem = _judge(column)(value, day)
        if problem:
            yield problem


def event_problems(row: dict[str, Any], day: date) -> Iterator[tuple[str, str]]:
    """What is wrong with an event's envelope and context: column and problem."""
    if not isinstance(row.get("tenant"), Number):
        yield "tenant", "is no number"
    if row.get("event") not in EVENTS:
        yield "event", "is not configured"
    if not row.get("customer") and not row.get("visitor"):
        yield "customer", "is blank, and so is visitor"
    timestamp = row.get("timestamp")
    if not isinstance(timestamp, str) or not _EVENT_TIME.fullmatch(timestamp) or not _is_time(timestamp[:19]):
        yield "timestamp", "is not of the form YYYY-MM-DD HH:MM:SS.ssssss UTC"
    for problem in table_problems("LastUpdated", row.get("LastUpdated") or "", day):
        yield "LastUpdated", problem
    for problem in _context_problems(row.get("context")):
        yield "context", problem


def _context_problems(context: Any) -> Iterator[str]:
    if context is None:
        return
    if not isinstance(context, dict):
        yield "is no object"
        return
    for name, value in context.items():
        if not _PARAMETER.fullmatch(name):
            yield "has a parameter whose name is not snake_case"
        if isinstance(value, list | dict):
            yield "has a parameter that is no text, number or boolean"
        if isinstance(value, str) and len(value) > _MOST_PARAMETER:
            yield f"has a parameter of more than {_MOST_PARAMETER} characters"


def _text_problems(value: str) -> Iterator[str]:
    if value != value.strip():
        yield "begins or ends with blanks"
    if value.strip().lower() in _PLACEHOLDERS:
        yield "holds a placeholder, expected a blank"
    if _ISO.fullmatch(value):
        yield "is an ISO time with a T"
    if value.startswith(_SENTINELS):
        yield "is a date that stands for none, expected a blank"


def _judge(column: str) -> Judge:
    if column in _SINGLE:
        return _SINGLE[column]
    if column in _DATES:
        return _date
    if column in _TIMES:
        return _time
    return next((judge for pattern, judge in _BY_PATTERN if pattern.match(column)), _anything)


def _date(value: str, day: date) -> str | None:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return "is no date of the form yyyy-MM-dd"
    if len(value) != len("yyyy-MM-dd"):
        return "is no date of the form yyyy-MM-dd"
    return "lies in the future" if found > day + timedelta(days=1) else None


def _time(value: str, day: date) -> str | None:
    if not _TIME.fullmatch(value) or not _is_time(value):
        return "is no time of the form yyyy-MM-dd hh:mm:ss"
    # A day is delivered on the morning after it.
    return "lies in the future" if date.fromisoformat(value[:10]) > day + timedelta(days=1) else None


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _flag(value: str, _: date) -> str | None:
    return None if value in {"Yes", "No"} else "is neither Yes nor No"


def _gender(value: str, _: date) -> str | None:
    return None if value in {"Male", "Female", "Unknown"} else "is none of Male, Female, Unknown"


def _decimal(value: str, _: date) -> str | None:
    return None if _DECIMAL.fullmatch(value) else "is no decimal of at most 4 places"


def _count(value: str, _: date) -> str | None:
    return None if re.fullmatch(r"\d+", value) else "is no whole number"


def _currency(value: str, _: date) -> str | None:
    return None if re.fullmatch(r"[A-Z]{3}", value) else "is no code of three letters"


def _email(value: str, _: date) -> str | None:
    if len(value) > _MOST_EMAIL:
        return f"has more than {_MOST_EMAIL} characters"
    return None if re.fullmatch(r"[^@\s]+@[^@\s]+", value) else "is no e-mail address"


def _anything(_: str, __: date) -> None:
    return None


_SINGLE: dict[str, Judge] = {"Gender": _gender, "Currency": _currency, "Email": _email}
_BY_PATTERN: tuple[tuple[re.Pattern[str], Judge], ...] = ((_FLAG, _flag), (_AMOUNT, _decimal), (_COUNT, _count))
