"""The company's games."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from optimove_pipeline.sandbox.rows import Row

GAMES = 40
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
    """All games."""
    return [_game(number, before) for number in range(GAMES)]


@lru_cache(maxsize=1)
def codes() -> tuple[str, ...]:
    """The codes of all games."""
    return tuple(_code(number) for number in range(GAMES))


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
        "changed_at": changed,
    }
