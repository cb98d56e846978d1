"""Tables and partitions as the load stage gives them to targets."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from optimove_pipeline.packages import Window
from optimove_pipeline.targets.table import Replace, Rows, Table, TableColumn

MONDAY, TUESDAY, WEDNESDAY = (datetime.fromisoformat(f"2026-11-{day} 12:30:15.123456") for day in (16, 17, 18))

PLAYERS = Table(
    feed="customers",
    name="Customers",
    columns=(
        TableColumn("Player_ID", pl.String(), required=True, length=50),
        TableColumn("Alias", pl.String(), length=100),
        TableColumn("LastUpdated", pl.Datetime("us"), required=True),
    ),
    key=("Player_ID",),
    unique=True,
    replace=Replace.KEYS,
    changed="LastUpdated",
    customer="Player_ID",
)
SENDS = Table(
    feed="customers_by_action",
    name="Customers_By_Action",
    columns=(
        TableColumn("report_date", pl.String(), required=True),
        TableColumn("customer_id", pl.String(), required=True),
        TableColumn("action_id", pl.Int64()),
    ),
    key=("report_date", "customer_id"),
    unique=False,
    replace=Replace.PARTITION,
    customer="customer_id",
)
GAMES = Table(
    feed="games_catalog",
    name="Game_Types",
    columns=(TableColumn("Game_ID", pl.Int64(), required=True), TableColumn("Name", pl.String())),
    key=("Game_ID",),
    unique=True,
    replace=Replace.ALL,
)


def partition(
    table: Table,
    key: str,
    values: Sequence[Sequence[Any]],
    forgotten: Collection[str] = (),
    window: Window | None = None,
    at_once: int = 100_000,
) -> Rows:
    """Return a partition of these rows; ``at_once`` of them are in a frame."""
    frame = frame_of(table, values)

    def frames() -> Iterator[pl.DataFrame]:
        yield from frame.iter_slices(at_once) if frame.height else ()

    return Rows(
        table=table,
        partition=key,
        source=hashlib.sha256(repr((table.feed, key, values)).encode()).hexdigest(),
        count=frame.height,
        run_id="a run",
        window=window,
        frames=frames,
        forgotten=forgotten,
    )


def frame_of(table: Table, values: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Return rows as a frame of a table's columns."""
    schema: Mapping[str, pl.DataType] = {column.name: column.dtype for column in table.columns}
    return pl.DataFrame([list(row) for row in values], schema=dict(schema), orient="row")


def with_column(table: Table, name: str, dtype: pl.DataType) -> Table:
    """Return a table with one column more, at its end."""
    return replace(table, columns=(*table.columns, TableColumn(name, dtype)))


def window_of(start: datetime, end: datetime) -> Window:
    """Return a window of moments in UTC."""
    return Window(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))


def players(*numbers: int, alias: str = "first", changed: datetime = MONDAY) -> list[tuple[str, str, datetime]]:
    """Return rows of players."""
    return [(str(number), alias, changed) for number in numbers]
