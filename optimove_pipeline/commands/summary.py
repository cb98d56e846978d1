"""What a command's runs came to, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from optimove_pipeline.commands.accepted import Accepted, accepted_by_sandbox
from optimove_pipeline.commands.run import Line, Summary
from optimove_pipeline.commands.terminal import out, told
from optimove_pipeline.config import Settings

_DELIVERED = ("files", "bytes", "sent to")
_NUMBERS = {"days", "rows", "quarantined", "calls", "API seconds", "files", "bytes", "accepted in all"}


def print_summary(settings: Settings, summary: Summary, *, as_json: bool) -> None:
    """Print what came of each feed, then what went wrong, to standard error, and where the data are."""
    accepted = accepted_by_sandbox(settings) if any(line.targets for line in summary.lines.values()) else {}
    if as_json:
        document = asdict(summary) | {"warehouse": str(settings.warehouse_path)}
        if accepted:
            document["accepted"] = {table: asdict(each) for table, each in accepted.items()}
        click.echo(json.dumps(document, indent=1))
        return
    sent = {dataset.name: dataset.table for dataset in settings.chosen_datasets}
    pulled = [line for line in summary.lines.values() if line.feed not in sent]
    if pulled:
        _print(
            ["report", "days", "rows", "quarantined", "calls", "API seconds", "table", *_DELIVERED],
            map(_pulled, pulled),
        )
    lines = [line for line in summary.lines.values() if line.feed in sent]
    if lines:
        rows = [(*_made(line), _accepted(accepted, sent[line.feed])) for line in lines]
        columns = ["data set", "days", "rows", "quarantined", "table", *_DELIVERED]
        _print([*columns, "accepted in all"] if accepted else columns, rows if accepted else map(_made, lines))
    for problem in [*summary.problems, *(text for each in accepted.values() for text in each.problems)]:
        told.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    out.print(f"Warehouse: {settings.warehouse_path}", soft_wrap=True, highlight=False)
    if (settings.data_dir / "outbox").exists():
        out.print(f"Outbox: {settings.data_dir / 'outbox'}", soft_wrap=True, highlight=False)


def _print(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*columns, box=SIMPLE)
    for column in table.columns:
        column.no_wrap = True
        column.justify = "right" if column.header in _NUMBERS else "left"
    for row in rows:
        table.add_row(*row)
    Console(width=max(out.width, 170)).print(table)


def _pulled(line: Line) -> tuple[str, ...]:
    calls = (f"{line.calls:,}", f"{line.seconds:.1f}")
    return (line.feed, *_counts(line), *calls, line.table, *_delivered(line))


def _made(line: Line) -> tuple[str, ...]:
    return (line.feed, *_counts(line), line.table, *_delivered(line))


def _counts(line: Line) -> tuple[str, ...]:
    return (f"{line.days:,}", f"{line.rows:,}", f"{line.quarantined:,}")


def _delivered(line: Line) -> tuple[str, ...]:
    return (f"{line.files:,}", f"{line.bytes:,}", line.targets) if line.targets else ("", "", "")


def _accepted(accepted: Mapping[str, Accepted], table: str) -> str:
    return f"{accepted[table].rows:,}" if table in accepted else ""
