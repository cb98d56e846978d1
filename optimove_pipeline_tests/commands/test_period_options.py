"""The options of a command that say which days it is for."""

from __future__ import annotations

from datetime import date

import click
import pytest
from click.testing import CliRunner

from optimove_pipeline.commands.period_options import period_options
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.periods import DateRange, LastDays, Predefined, TimePeriod

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 3)


def asked(*arguments: str) -> TimePeriod:
    """The period of a command that is called with these options."""
    told: list[TimePeriod] = []

    @click.command()
    @period_options
    @click.option("--other", is_flag=True)
    def command(*, time_period: TimePeriod, other: bool) -> None:
        assert other
        told.append(time_period)

    result = CliRunner().invoke(command, [*arguments, "--other"])
    if result.exception is not None:
        raise result.exception
    return told[0]


@pytest.mark.parametrize(
    ("arguments", "period"),
    [
        ((), TimePeriod(LastDays(3))),
        (("--days", "7", "--to", "2026-11-03"), TimePeriod(LastDays(7, LAST))),
        (("--from", "2026-11-01"), TimePeriod(DateRange(FIRST))),
        (("--from", "2026-11-01", "--to", "2026-11-03"), TimePeriod(DateRange(FIRST, LAST))),
        (
            ("--period", "previous_week", "--days-back", "2", "--timezone-offset", "-1.5"),
            TimePeriod(Predefined.PREVIOUS_WEEK, 2, -1.5),
        ),
    ],
)
def test_a_command_is_given_the_period_that_its_options_name(arguments: tuple[str, ...], period: TimePeriod) -> None:
    assert asked(*arguments) == period


def test_a_contradiction_is_told_in_the_words_of_the_command_line() -> None:
    with pytest.raises(SettingsError, match=r"^--period and --days: give one of them$"):
        asked("--period", "yesterday", "--days", "2")
    with pytest.raises(SettingsError, match=r"^--days-back 9999: expected 0 to 3660$"):
        asked("--days-back", "9999")
