"""Rows are accounted for from the source's count to the parts of the package."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.known import DATASET, Known
from optimove_pipeline.datasets.reconciliation import account_of
from optimove_pipeline.datasets.validation import validate_dataset
from optimove_pipeline.errors import ContractError
from optimove_pipeline.packages import Package
from optimove_pipeline.settings.datasets import Datasets
from optimove_pipeline.settings.packages import Packages
from optimove_pipeline.stages.leaving_out import Forgotten
from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import Staging

DAY = date(2026, 11, 20)
CHOSEN = Datasets.model_validate({"preset": "casino", "select": ["customers"], "tolerated_share": 1.0})
CHANGED = "2026-11-20 10:00:00"


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


@pytest.fixture
def customers() -> Dataset:
    (dataset,) = datasets_of(CHOSEN, Path())
    return dataset


def extract(staging: Staging, customers: Dataset, ids: list[str], counted: int) -> None:
    frame = pl.DataFrame({"Player_ID": ids}).with_columns(
        pl.lit("2026-01-01").alias("Registration_Date"),
        pl.lit(CHANGED).alias("LastUpdated"),
        *(
            pl.lit(None, pl.String).alias(column.name)
            for column in customers.columns
            if column.name not in {"Player_ID", "Registration_Date", "LastUpdated"}
        ),
    )
    with staging.writing(DATASET, "customers", DAY) as writer:
        writer.write(frame.select(column.name for column in customers.columns))
        writer.metadata |= {"source_rows": counted, "window": None}


def packaged(tmp_path: Path, staging: Staging, customers: Dataset, *forgotten: str) -> Package:
    now = datetime(2026, 11, 21, 6, tzinfo=UTC)
    validate_dataset(
        customers, DAY, staging, CHOSEN.of("customers"), Known(forgotten=Forgotten("Player_ID", {"c"})), now=now
    )
    return package(
        customers,
        staging.open("validated", "customers", DAY),
        Packages().of("customers"),
        tmp_path / "packages",
        ready=now,
        forgotten=Forgotten("Player_ID", forgotten),
    )


def test_every_row_of_the_source_is_in_the_account(tmp_path: Path, staging: Staging, customers: Dataset) -> None:
    extract(staging, customers, ["a", "b", "b", "c", "d", ""], counted=6)
    account = account_of(customers, DAY, staging, packaged(tmp_path, staging, customers, "d"))
    assert (account.source, account.delivered, account.repeated, account.forgotten, account.quarantined) == (
        6,
        2,
        1,
        2,
        1,
    )


def test_a_count_that_does_not_add_up_is_an_error_with_the_numbers(
    tmp_path: Path, staging: Staging, customers: Dataset
) -> None:
    extract(staging, customers, ["a", "b"], counted=3)
    with pytest.raises(ContractError, match=r"customers of 2026-11-20 does not add up: .*source=3, delivered=2"):
        account_of(customers, DAY, staging, packaged(tmp_path, staging, customers))


def test_a_package_that_lost_a_part_does_not_add_up(tmp_path: Path, staging: Staging, customers: Dataset) -> None:
    extract(staging, customers, ["a", "b"], counted=2)
    made = packaged(tmp_path, staging, customers)
    with pytest.raises(ContractError, match="does not add up"):
        account_of(customers, DAY, staging, replace(made, parts=()))
