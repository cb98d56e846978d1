"""When a failed call is tried again."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from optimove_pipeline.optimove.options import ApiOptions

RETRY_AFTER_MARGIN = 1.0
"""Seconds added to the server's wish, since its clock and ours need not agree to the second."""

_JITTER = random.SystemRandom()


def back_off(attempt: int, *, rate_limited: bool, options: ApiOptions) -> float:
    """Return the seconds to wait after failed attempt number ``attempt`` (from 1) without a ``Retry-After``.

    Doubles from its base to the cap; up to half as much again is added, so that callers don't return together.
    """
    base = options.rate_limited_seconds if rate_limited else options.back_off_seconds
    delay = min(base * 2.0 ** min(attempt - 1, 64), options.back_off_cap_seconds)
    return delay * _JITTER.uniform(1, 1.5)


def retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, in seconds or as an HTTP date, with a margin; else None.

    A date counts from the answer's own ``Date`` where there is one, as clocks differ.
    """
    wish = headers.get("Retry-After", "").strip()
    if not wish:
        return None
    if wish.isascii() and wish.isdigit():
        return float(wish) + RETRY_AFTER_MARGIN
    until = _http_date(wish)
    if until is None:
        return None
    now = _http_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds()) + RETRY_AFTER_MARGIN


def _http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
