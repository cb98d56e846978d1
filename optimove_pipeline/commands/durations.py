"""Lengths of time as a person says them."""

from __future__ import annotations

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def told(seconds: float) -> str:
    """Return a length of time in two figures at most.

    >>> [told(seconds) for seconds in (0.2, 42, 95, 3600, 9000, 60 * 3600)]
    ['1 s', '42 s', '2 min', '1 h', '2 h 30 min', '2 d 12 h']
    """
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / _MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    if seconds < _DAY:
        return _two(minutes, 60, "h", "min")
    return _two(round(seconds / _HOUR), 24, "d", "h")


def _two(amount: int, size: int, large: str, small: str) -> str:
    whole, rest = divmod(amount, size)
    return f"{whole} {large}{f' {rest} {small}' if rest else ''}"
