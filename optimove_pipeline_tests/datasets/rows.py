"""Sound rows of the data sets that presets have, partitions of them, and what validating gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.known import Holds, Known
from optimove_pipeline.datasets.validation import DatasetValidation, validate_dataset
from optimove_pipeline.settings.datasets import Datasets, DatasetSettings
from optimove_pipeline.stages.frames import BOUNDS, Bounds
from optimove_pipeline.staging import ROWS_PER_PART, Staging

DAY = date(2026, 11, 19)
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)

ROWS: dict[str, dict[str, Any]] = {
    "customers": {"Player_ID": "C1", "Registration_Date": "2024-02-29"},
    "transactions": {
        "Transaction_ID": "T1",
        "Player_ID": "C1",
        "Transaction_Date": "2026-11-19 09:00:00",
        "Transaction_Type": "Deposit",
        "Transaction_Amount": "12.5",
    },
    "games": {
        "Game_Date": "2026-11-19",
        "Player_ID": "C1",
        "Game_ID": "G1",
        "Platform": "Web",
        "Real_Bet_Amount": "1",
        "Real_Win_Amount": "0",
    },
    "bets": {"Bet_ID": "B1", "Player_ID": "C1", "Bet_Date": "2026-11-19 09:00:00", "Stake": "5"},
    "events": {
        "tenant": 7,
        "timestamp": "2026-11-19 09:00:00.123456 UTC",
        "event": "ootb_deposit",
        "customer": "C1",
        "event_id": "E1",
    },
}
CHANGED = {"LastUpdated": "2026-11-19 10:00:00"}

Row = Mapping[str, Any]


@cache
def _casino() -> tuple[Dataset, ...]:
    return datasets_of(Datasets(preset="sport_casino"), Path())


def dataset_named(name: str, settings: Datasets | None = None) -> Dataset:
    """Return a data set of sport and casino, or of the settings given."""
    every = datasets_of(settings, Path()) if settings else _casino()
    return next(dataset for dataset in every if dataset.name == name)


def row(name: str, **values: Any) -> dict[str, Any]:
    """Return a sound row of a data set, as text, with other values if given."""
    return ROWS[name] | CHANGED | values


def extracted(
    staging: Staging, dataset: Dataset, rows: Sequence[Row], day: date = DAY, *, rows_per_part: int = ROWS_PER_PART
) -> None:
    """Write rows as extraction does: the contract's columns, null text where a row has none."""
    names = [column.name for column in dataset.columns]
    texts = {name: pl.String for name in names if all(isinstance(each.get(name), str | None) for each in rows)}
    whole = [{name: each.get(name) for name in names} for each in rows]
    frame = pl.DataFrame(whole, schema={name: texts.get(name) for name in names}, infer_schema_length=None)
    with staging.writing("dataset", dataset.name, day, rows_per_part=rows_per_part) as writer:
        writer.write(frame)
        writer.metadata["window"] = _window(day)


def _window(day: date) -> list[str]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return [(start + timedelta(days=days)).isoformat() for days in (-1, 1)]


def holding(*values: str) -> Holds:
    """Return a reference that holds some values."""
    return lambda asked: asked.cast(pl.String).is_in(values).fill_null(value=False)


EVERYBODY = Known(
    references={
        "customers.Player_ID": holding("C1", "C2"),
        "game_types_and_categories.Game_ID": holding("G1"),
        "bets.Bet_ID": holding("B1"),
    }
)


def validated(
    staging: Staging,
    dataset: Dataset,
    rows: Sequence[Row],
    settings: DatasetSettings | None = None,
    known: Known = EVERYBODY,
    *,
    day: date = DAY,
    bounds: Bounds = BOUNDS,
) -> DatasetValidation:
    """Write rows and validate them; all of them may be broken unless settings say otherwise."""
    extracted(staging, dataset, rows, day, rows_per_part=bounds.rows)
    own = settings or DatasetSettings(tolerated_share=1.0)
    return validate_dataset(dataset, day, staging, own, known, now=NOW, bounds=bounds)


def held(staging: Staging, stage: str, dataset: Dataset, day: date = DAY) -> pl.DataFrame:
    """Return all rows of a partition."""
    partition = staging.open(stage, dataset.name, day)
    return pl.concat([pl.read_parquet(part) for part in partition.files]) if partition.parts else pl.DataFrame()
