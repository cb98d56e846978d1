"""Tables and rows as the load stage gives them, and what a catalog has of them afterwards, read by Polars."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from optimove_pipeline.packages import Window
from optimove_pipeline.settings.targets import AnyTarget
from optimove_pipeline.targets.iceberg.catalogs import opened
from optimove_pipeline.targets.iceberg.reading import read
from optimove_pipeline.targets.iceberg.schemas import name_of
from optimove_pipeline.targets.iceberg.target import IcebergTarget
from optimove_pipeline.targets.kinds.iceberg import IcebergSettings
from optimove_pipeline.targets.table import STAMP, Replace, Rows, Table, TableColumn

START = datetime(2026, 11, 20, tzinfo=UTC).replace(tzinfo=None)
WINDOW = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))

CUSTOMERS = Table(
    feed="customers",
    name="Customers",
    columns=(
        TableColumn("Player_ID", pl.String(), required=True, length=50),
        TableColumn("Balance", pl.Decimal(18, 4)),
        TableColumn("Visits", pl.Int64()),
        TableColumn("Is_Blocked", pl.Boolean()),
        TableColumn("Registration_Date", pl.Date()),
        TableColumn("LastUpdated", pl.Datetime("us"), required=True),
    ),
    key=("Player_ID",),
    unique=True,
    replace=Replace.KEYS,
    changed="LastUpdated",
    customer="Player_ID",
)
BETS = Table(
    feed="bets",
    name="Bets",
    columns=(
        TableColumn("Bet_ID", pl.Int64(), required=True),
        TableColumn("Player_ID", pl.String()),
        TableColumn("LastUpdated", pl.Datetime("us")),
    ),
    key=("Bet_ID",),
    unique=True,
    replace=Replace.KEYS,
    changed="LastUpdated",
    customer="Player_ID",
)
ACTIONS = Table(
    feed="customer_actions",
    name="Customer_Actions",
    columns=(TableColumn("customer_id", pl.String()), TableColumn("action", pl.Int64())),
    key=("customer_id",),
    unique=False,
    replace=Replace.PARTITION,
    customer="customer_id",
)
GAMES = Table(
    feed="games",
    name="Games",
    columns=(TableColumn("Game_ID", pl.String()), TableColumn("Title", pl.String())),
    key=("Game_ID",),
    unique=True,
    replace=Replace.ALL,
)


def at(hours: float) -> datetime:
    """Return a moment that many hours after the start."""
    return START + timedelta(hours=hours)


def settings(**given: Any) -> IcebergSettings:
    """Return settings of an Iceberg target."""
    made = TypeAdapter(AnyTarget).validate_python({"kind": "iceberg", **given})
    assert isinstance(made, IcebergSettings)
    return made


def target(folder: Path, **given: Any) -> IcebergTarget:
    """Return a target with an SQL catalog below a folder, unless told otherwise."""
    return settings(**given).open("optimove", folder)


def rows(
    table: Table,
    partition: str,
    content: Sequence[tuple[object, ...]],
    *,
    forgotten: Collection[str] = (),
    run: str = "a run",
    frames: int = 1,
) -> Rows:
    """Return rows of a partition, in some frames, as the load stage gives them."""
    schema = {column.name: column.dtype for column in table.columns}
    frame = pl.DataFrame([*content], schema=schema, orient="row")
    size = max(1, -(-frame.height // frames))

    def in_frames() -> Iterator[pl.DataFrame]:
        yield from frame.iter_slices(size)

    return Rows(
        table=table,
        partition=partition,
        source=hashlib.sha256(repr((table.name, partition, content)).encode()).hexdigest(),
        count=frame.height,
        run_id=run,
        window=WINDOW,
        frames=in_frames,
        forgotten=forgotten,
    )


def held(at_target: IcebergTarget, table: Table) -> list[tuple[Any, ...]]:
    """Return the rows that Polars reads in a table, with their stamp, in order."""
    with opened(at_target.settings, at_target.name, at_target.data_dir) as catalog:
        found = catalog.load_table((at_target.settings.namespace, name_of(table)))
        names = [*(column.name for column in table.columns), STAMP]
        return read(found, pl.col(names)).sort(names).rows()
