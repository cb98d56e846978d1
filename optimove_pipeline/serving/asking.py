"""What a request for a page asks: its parameters, read strictly."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

from starlette.datastructures import Headers, QueryParams

from optimove_pipeline.serving.problems import Problem
from optimove_pipeline.serving.store import Span, moment_text

USUAL_ROWS = 1_000
NDJSON = "application/x-ndjson"

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_NO_GZIP = re.compile(r"\bgzip\s*;\s*q=0(?:\.0*)?(?:\s|,|$)")


@dataclass(frozen=True, slots=True)
class Ask:
    """A page that is asked for; the bounds of ``span`` are None where none are given."""

    span: Span
    most: int
    cursor: str | None
    ndjson: bool
    gzip: bool


def parameters(query: QueryParams, known: Collection[str]) -> dict[str, str]:
    """Return the parameters of a request.

    Raises:
        Problem: 400: one is none of the known, or is there twice.
    """
    given: dict[str, str] = {}
    for name, value in query.multi_items():
        if name not in known:
            raise Problem(
                400, "unknown_parameter", f"{name[:60]!r} is none of the parameters: {', '.join(known) or 'none'}"
            )
        if name in given:
            raise Problem(400, "repeated_parameter", f"{name} is there twice: give it once")
        given[name] = value
    return given


def ask_of(query: QueryParams, headers: Headers, most_rows: int) -> Ask:
    """Return the page that a request asks for.

    Raises:
        Problem: 400: a parameter is unknown or wrong.
    """
    given = parameters(query, ("updated_from", "updated_to", "limit", "cursor"))
    span = Span(_moment(given, "updated_from"), _moment(given, "updated_to"))
    if span.after is not None and span.before is not None and span.after > span.before:
        raise Problem(400, "reversed_window", "updated_from is later than updated_to: expected the earlier one first")
    accepted = headers.get("accept", "")
    encodings = headers.get("accept-encoding", "").lower()
    return Ask(
        span,
        _limit(given.get("limit"), most_rows),
        given.get("cursor"),
        ndjson=NDJSON in accepted.lower(),
        gzip="gzip" in encodings and not _NO_GZIP.search(encodings),
    )


def asked_day(query: QueryParams) -> date | None:
    """Return the day that a request asks for, if it does.

    Raises:
        Problem: 400: a parameter is unknown or wrong.
    """
    text = parameters(query, ("date",)).get("date")
    try:
        return None if text is None else date.fromisoformat(_strict(_DAY, text))
    except ValueError:
        raise Problem(400, "invalid_date", "date: expected a day such as 2026-11-20") from None


def _strict(pattern: re.Pattern[str], text: str) -> str:
    """Return the text. Raises ``ValueError`` if it has another form; Python takes more of ISO 8601 than we tell."""
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _moment(given: dict[str, str], name: str) -> str | None:
    """Return a moment as places begin with it; one without a zone is in UTC."""
    text = given.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(_strict(_MOMENT, text).upper())
        return moment_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Problem(
            400,
            "invalid_moment",
            f"{name}: expected a day or a moment of ISO 8601, such as 2026-11-20 or 2026-11-20T14:00:00Z; a + is "
            "written %2B in an address",
        ) from None


def _limit(text: str | None, most_rows: int) -> int:
    if text is None:
        return min(USUAL_ROWS, most_rows)
    if not _NUMBER.fullmatch(text) or int(text) > most_rows:
        raise Problem(400, "invalid_limit", f"limit: expected a whole number from 1 to {most_rows}")
    return int(text)
