"""The company's players: who they are, and every version of each that the company knew.

They are the first customers of the sandbox's tenant, under the same ids and with the same attributes.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType

from optimove_pipeline.sandbox.attributes import ATTRIBUTES, value
from optimove_pipeline.sandbox.campaigns import WEEKDAYS
from optimove_pipeline.sandbox.customers import customer_id, indexes, shuffle
from optimove_pipeline.sandbox.hashing import mix, salt
from optimove_pipeline.sandbox.rows import Row

PLAYERS = 400
_MOST_ACTIVE = 140
_FIRST_VERSION_DAYS = 540

_FIRST = ("Anna", "Zoë", "Łukasz", "María José", "Jean-Luc", "小明", "Oksana", "Aşkın", "Tom", "Siobhán")
_LAST = (
    "Müller",
    "O'Hara",
    "Smith, Jr.",
    "Nowak",
    "de la Cruz",
    "Yılmaz",
    'Van "Dutch" Dyke',
    "Шевченко",
    "王",
    "Lee",
)
_COUNTRIES = {"UK": "GB", "Côte d'Ivoire": "CI"}


def active(seed: int, day: date) -> list[int]:
    """The players, by index, who did something on a day."""
    order = shuffle(PLAYERS, seed, "active players", day)
    return indexes(order, range(round(_MOST_ACTIVE * WEEKDAYS[day.weekday()])))


def edited(seed: int, day: date) -> list[int]:
    """The players, by index, who did nothing on a day, but whom the support desk edited; one for each mistake."""
    first = round(_MOST_ACTIVE * WEEKDAYS[day.weekday()])
    order = shuffle(PLAYERS, seed, "active players", day)
    return indexes(order, range(first, first + len(MISTAKES)))


def first_versions(seed: int, before: date) -> Iterator[Row]:
    """Every player as the company first knew them, at some time in the 18 months before a month's beginning."""
    begin = before.replace(day=1)
    for index in range(PLAYERS):
        day = begin - timedelta(days=1 + mix(index, salt(seed, "first version")) % _FIRST_VERSION_DAYS)
        yield player(seed, index, day)


def versions(seed: int, day: date) -> Iterator[Row]:
    """The versions of players that a day made: of those who were active, and the support desk's mistakes."""
    for index in active(seed, day):
        yield player(seed, index, day)
    for index, mistake in zip(edited(seed, day), MISTAKES, strict=True):
        version = player(seed, index, day)
        yield version | MISTAKES[mistake](version)


def player(seed: int, index: int, day: date) -> Row:
    """A version of a player as of a day; the columns of ``crm.player_changes``."""
    bits = mix(index, salt(seed, "player"))
    known = {name: value(ATTRIBUTES[name], index, day) for name in _ATTRIBUTES}
    joined = date.fromisoformat(str(known["RegistrationDate"]))
    return {
        "player_id": customer_id(index),
        "email": known["Email"],
        "phone": f"+4479{bits % 10**8:08d}" if bits % 7 else None,
        "first_name": _FIRST[bits % 10],
        "last_name": _LAST[bits // 10 % 10],
        "birth_date": known["BirthDate"],
        "sex": known["Gender"] or None,
        "country": _COUNTRIES.get(str(known["Country"]), known["Country"]),
        "city": known["City"] or None,
        "language": known["Language"],
        "joined_on": f"{joined:%d.%m.%Y}",
        "opted_in": bits % 5 != 0,
        "email_ok": bits % 5 != 0 and bits % 3 != 0,
        "sms_ok": (bits % 4 == 0 and bits % 7 != 0) if bits % 6 else None,
        "blocked": bits % 61 == 0,
        "test_account": bits % 97 == 0,
        "balance": Decimal(str(known["Balance"])),
        "changed_at": datetime.combine(day, time(20 + bits % 4, bits // 8 % 60, bits // 512 % 60)),
    }


_ATTRIBUTES = ("Email", "BirthDate", "Gender", "Country", "City", "Language", "RegistrationDate", "Balance")


def _long_email(version: Row) -> Row:
    return {"email": "long." * 50 + str(version["email"])}


def _iso_date(version: Row) -> Row:
    return {"birth_date": f"{version['birth_date']}T00:00:00Z"}


MISTAKES: Mapping[str, Callable[[Row], Row]] = MappingProxyType(
    {
        "email_too_long": _long_email,
        "unknown_gender": lambda _: {"sex": "X"},
        "sentinel_date": lambda _: {"birth_date": "1900-01-01"},
        "iso_date": _iso_date,
        "trailing_blanks": lambda version: {
            "first_name": f"{version['first_name']}  ",
            "email": f"{version['email']} ",
        },
        "hard_name": lambda _: {"last_name": 'Line\nBreak, "Quoted" 🎲'},
    }
)
"""The support desk's mistakes, one of each a day: what it changes in a version."""
