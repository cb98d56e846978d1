"""The options that say which runs are meant, the same where they are planned and where they are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from optimove_pipeline.commands.period_options import period_options

R = TypeVar("R")

_OPTIONS = (
    click.option("--report", "names", multiple=True, help="Only this report and what it reads; may be repeated."),
    click.option(
        "--chunk", metavar="INTERVAL[:SIZE]", help="Days of a run, e.g. daily:4 or monthly.  [default: settings]"
    ),
    click.option("--missing", is_flag=True, help="Leave out what is published already."),
    click.option("--backfill", is_flag=True, help="Leave the daily run its share of the budget."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


def runs_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command a period, and the other options of which runs there are to be."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return period_options(command)
