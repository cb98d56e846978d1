"""A day's status as a table and lines for a person."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from optimove_pipeline.commands.status import FeedStatus, Status
from optimove_pipeline.commands.terminal import out

_COLUMNS = (
    "feed",
    "stage",
    "rows",
    "quarantined",
    "files",
    "bytes",
    "targets",
    "time",
    "accepted",
    "watermark (UTC)",
)
_NUMBERS = {"rows", "quarantined", "files", "bytes"}


def print_status(status: Status) -> None:
    """Print a row for each feed, then what holds feeds back and which files are missing."""
    Console(width=max(out.width, 170)).print(_table(status))
    for sentence in _sentences(status):
        out.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _table(status: Status) -> Table:
    table = Table(*_COLUMNS, box=SIMPLE, title=f"{status.day}", title_justify="left")
    for column in table.columns:
        column.no_wrap = True
        column.justify = "right" if column.header in _NUMBERS else "left"
    for each in status.feeds:
        table.add_row(*_row(each), style="red" if each.late or each.problems else None)
    return table


def _sentences(status: Status) -> list[str]:
    held = [f"{each.feed} of {problem}" for each in status.feeds for problem in each.problems]
    return [*held, *(f"missing: {each}" for each in status.missing)]


def _row(each: FeedStatus) -> tuple[str, ...]:
    hours = f" ({each.delivered} of {each.partitions} hours delivered)" if each.partitions > 1 else ""
    marks = {*each.watermarks.values()}
    return (
        each.feed,
        f"{each.stage}{hours}",
        f"{each.rows:,}",
        f"{each.quarantined:,}",
        f"{each.files:,}",
        f"{each.bytes:,}",
        ", ".join(each.targets),
        each.time,
        each.accepted or "",
        marks.pop() if len(marks) == 1 else ", ".join(f"{name} {at}" for name, at in each.watermarks.items()),
    )
