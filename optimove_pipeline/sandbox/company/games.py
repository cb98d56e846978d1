"""The company's games."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from optimove_pipeline.sandbox.rows import Row

FAR_FUTURE = datetime.combine(date(2099, 1, 1), time(12))
"""When the rows happened that are dated wrongly."""

GAMES = 40
_FUTURE_GAME = GAMES - 1
_WORDS = (
    "Book of Ra",
    "Starburst",
    'Lucky "7"',
    "Dragon, Tiger",
    "Lightning Roulette",
    "Überraschung",
    "Mega 🎲",
    "Crash",
)
_KINDS = (
    ("slots", "video"),
    ("slots", "classic"),
    ("table", "roulette"),
    ("live", "blackjack"),
    ("instant", "crash"),
)
_STUDIOS = ("NetPlay", "Red Fox", "Évolution", "In-house")


def games(before: date) -> list[Row]:
    """All games; the last, which nobody plays, says that it changed in a future year."""
    return [_game(number, before) for number in range(GAMES)]


@lru_cache(maxsize=1)
def playable() -> tuple[str, ...]:
    """The codes of the games that are played."""
    return tuple(_code(number) for number in range(_FUTURE_GAME))


def _code(number: int) -> str:
    return f"G{number:03d}"


def _game(number: int, before: date) -> Row:
    category, kind = _KINDS[number % len(_KINDS)]
    changed = datetime.combine(before.replace(day=1) - timedelta(days=1 + 7 * number), time(9, number))
    return {
        "code": _code(number),
        "title": f"{_WORDS[number % len(_WORDS)]} {number // len(_WORDS) + 1}",
        "category": category,
        "kind": kind,
        "studio": _STUDIOS[number % len(_STUDIOS)],
        "changed_at": FAR_FUTURE if number == _FUTURE_GAME else changed,
    }
