"""The customer attributes of the tenant: what they hold, and on which day a customer's value changes.

A customer's value changes every ``period`` days, on a day that depends on the customer's index modulo the
period alone. So the customers whose value changed on a day are an arithmetic progression.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from optimove_pipeline.sandbox.hashing import mix, salt

STAGES = ("New", "Active", "FromChurn", "Churn")
STAGE_PERIOD = 40
_STAGE_OF_TENTH = (0, 1, 1, 1, 1, 1, 2, 3, 3, 3)
_NEWCOMERS = 97  # one customer in so many is new on a day

Make = Callable[[int, int, int], str | None]
"""Index of the customer, 32 random bits of customer and attribute, number of changes so far → value."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One customer attribute; ``period`` is the days between changes of one customer, 0 if it never changes."""

    name: str
    description: str
    period: int
    make: Make


def value(attribute: Attribute, index: int, day: date) -> str | None:
    """What the attribute holds for a customer at the end of a day; always text or null."""
    bits = mix(index, salt("attribute", attribute.name))
    return attribute.make(index, bits, changes(attribute.period, index, day))


def changes(period: int, index: int, day: date) -> int:
    """How often a value with this period had changed by the end of the day."""
    return (day.toordinal() + index % period) // period if period else 0


def changed(attribute: Attribute, customers: int, day: date) -> range:
    """The customers whose value on the day differs from the day before, newcomers aside."""
    if not attribute.period:
        return range(0)
    return range(-day.toordinal() % attribute.period, customers, attribute.period)


def newcomers(customers: int, day: date) -> range:
    """The customers that the day before did not know."""
    return range(day.toordinal() % _NEWCOMERS, customers, _NEWCOMERS)


def stage(index: int, day: date) -> int:
    """The lifecycle stage's id (1 to 4), which is a function of the index modulo ``STAGE_PERIOD``."""
    return _STAGE_OF_TENTH[(index % 10 + changes(STAGE_PERIOD, index, day)) % 10] + 1


def _one_of(*choices: str | None) -> Make:
    return lambda _, bits, changes: choices[(bits + changes) % len(choices)]


def _alias(index: int, bits: int, _: int) -> str:
    words = ("BuddyZZ", "Pax", "Yo", 'Nick "Ace" ', "Łódź", "Müller, J.", "O'Hara", "小明", "Zoë 🎲", "Mighty")
    return f"{words[bits % len(words)]}{index % 1000}"


def _stage_name(index: int, _: int, changes: int) -> str:
    return STAGES[_STAGE_OF_TENTH[(index % 10 + changes) % 10]]


def _date_after(first: date, days: int) -> Make:
    return lambda _, bits, __: date.fromordinal(first.toordinal() + bits % days).isoformat()


def _amount(scale: int, step: int) -> Make:
    def make(_: int, bits: int, changes: int) -> str:
        cents = bits % scale + (changes * step) % scale
        return f"{cents // 100}.{cents % 100:02d}"

    return make


def _last_login(index: int, _: int, changes: int) -> str:
    return date.fromordinal(changes * 7 - index % 7).isoformat()


def _age(_: int, bits: int, __: int) -> str | None:
    return str(18 + bits % 70) if bits % 11 else None


def _push_token(_: int, bits: int, __: int) -> str | None:
    return f"{bits:08x}" if bits % 3 else None


_ALL = (
    Attribute("Alias", "Name that the customer goes by", 0, _alias),
    Attribute("Country", "Country of residence", 0, _one_of("UK", "UA", "DE", "ES", "TR", "US", "Côte d'Ivoire")),
    Attribute("Email", "E-mail address", 0, lambda index, _, __: f"customer{index}@example.com"),
    Attribute("City", "City, region", 0, _one_of("London", "São Paulo, SP", "New York, NY", "東京", "Kraków", "")),
    Attribute("Language", "Language of messages", 0, _one_of("en", "de", "es", "tr", "uk", "zh-Hant")),
    Attribute("RegistrationDate", "Day of registration", 0, _date_after(date(2015, 1, 1), 3000)),
    Attribute("BirthDate", "Day of birth", 0, _date_after(date(1940, 1, 1), 23000)),
    Attribute("Age", "Customer age", 0, _age),
    Attribute("Gender", "Gender, if told", 0, _one_of("F", "M", "", None)),
    Attribute(
        "OptimailUnsubscribed",
        "Brands that the customer unsubscribed from",
        60,
        _one_of(None, "SuperBrand", "Super Brand, Mega Brand"),
    ),
    Attribute("LifecycleStage", "Lifecycle stage", STAGE_PERIOD, _stage_name),
    Attribute("VIP_Level", "Level in the loyalty programme", 90, _one_of("Bronze", "Silver", "Gold", "Diamond")),
    Attribute("FavouriteGame", "Most played game", 45, _one_of("Poker", 'Slots "Book of Ra"', "Roulette", None)),
    Attribute(
        "AgentNotes",
        "Free text of the call centre",
        0,
        _one_of("", None, 'said "call me"\nthen hung up', "a\ttab, a comma; a semicolon", "back\\slash", "Grüße 🎲"),
    ),
    Attribute("LastLoginDate", "Day of the last login", 7, _last_login),
    Attribute("LifetimeDeposits", "Sum of deposits", 20, _amount(900_000, 2_575)),
    Attribute("Balance", "Money on the account", 10, _amount(50_000, 1_205)),
    Attribute("PreferredChannel", "Channel of choice", 75, _one_of("Email", "SMS", "Push", "")),
    Attribute("Currency", "Currency of the account", 0, _one_of("GBP", "EUR", "USD", "UAH")),
    Attribute("SmsConsent", "May be sent SMS", 80, _one_of("true", "false")),
    Attribute("EmailConsent", "May be sent e-mail", 80, _one_of("false", "true")),
    Attribute("PushToken", "Address of the device", 0, _push_token),
    Attribute("AffiliateID", "Acquisition affiliate", 0, lambda _, bits, __: f"{bits % 500:05d}"),
    Attribute("FavouriteBrands", "Brands, comma separated", 50, _one_of("SuperBrand", "Super Brand, Mega Brand")),
    Attribute("ChurnRisk", "Probability of churn", 30, lambda _, bits, changes: f"0.{(bits + changes) % 100:02d}"),
)

ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType({attribute.name: attribute for attribute in _ALL})
"""All attributes by their real field name."""
