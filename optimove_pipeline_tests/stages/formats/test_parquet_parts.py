"""Types and values in Parquet, as another reader sees them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from optimove_pipeline.errors import ContractError
from optimove_pipeline.packages import Package
from optimove_pipeline_tests.stages.packing import packaged

ROW = pl.DataFrame(
    {
        "customer_id": [" 8D871 "],
        "campaign_id": [7],
        "amount": [4.56789],
        "is_open": [True],
        "day": [date(2026, 11, 19)],
        "at": [datetime.fromisoformat("2026-11-19 10:30:00")],
        "note": [""],
    }
)


def written(folder: Path, frame: pl.DataFrame = ROW, **settings: Any) -> Package:
    return packaged(folder, frame, format="parquet", **settings)


def types(made: Package) -> dict[str, str]:
    found = duckdb.sql(f"DESCRIBE SELECT * FROM '{made.file(made.parts[0])}'").fetchall()
    return {name: dtype for name, dtype, *_ in found}


def row(made: Package) -> tuple[Any, ...]:
    found = pl.read_parquet(made.file(made.parts[0])).rows()
    assert len(found) == 1
    return found[0]


def test_types_are_those_of_the_reference(tmp_path: Path) -> None:
    made = written(tmp_path)
    assert types(made) == {
        "customer_id": "VARCHAR",
        "campaign_id": "BIGINT",
        "amount": "DECIMAL(18,4)",
        "is_open": "VARCHAR",
        "day": "DATE",
        "at": "TIMESTAMP WITH TIME ZONE",
        "note": "VARCHAR",
    }
    at = datetime(2026, 11, 19, 10, 30, tzinfo=UTC)
    assert row(made) == ("8D871", 7, Decimal("4.5679"), "Yes", date(2026, 11, 19), at, None)


def test_types_can_be_set(tmp_path: Path) -> None:
    fields = {"day": "%d/%m/%Y", "at": "%H:%M"}
    made = written(
        tmp_path,
        flags="true/false",
        parquet={"times": "naive", "decimal_digits": 38},
        each={"sends": {"fields": fields}},
    )
    assert (types(made)["amount"], types(made)["is_open"]) == ("DECIMAL(38,4)", "BOOLEAN")
    assert row(made)[3:6] == (True, "19/11/2026", "10:30")
    assert row(written(tmp_path, flags="1/0"))[3] == 1
    assert row(written(tmp_path, parquet={"times": "naive"}))[5] == datetime.fromisoformat("2026-11-19 10:30:00")


def test_a_time_with_a_zone_is_in_utc(tmp_path: Path) -> None:
    local = pl.Series([datetime.fromisoformat("2026-07-01 12:00:00")]).dt.replace_time_zone("Europe/London")
    made = written(tmp_path, pl.DataFrame({"at": local}), parquet={"times": "naive"})
    assert row(made) == (datetime(2026, 7, 1, 11, tzinfo=UTC),)


@pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd"])
def test_compression_is_inside_the_file(tmp_path: Path, compression: str) -> None:
    made = written(tmp_path, parquet={"compression": compression})
    file = made.file(made.parts[0])
    assert file.read_bytes()[:4] == b"PAR1"
    codecs = duckdb.sql(f"SELECT DISTINCT lower(compression) FROM parquet_metadata('{file}')").fetchall()
    assert codecs == [(compression,)]


@pytest.mark.parametrize("amount", [1e14, -1e15, Decimal("100000000000000000.5"), float("nan")])
def test_a_number_of_too_many_digits_is_an_error(tmp_path: Path, amount: Any) -> None:
    with pytest.raises(ContractError, match=r"^column amount holds .* more than 18 digits"):
        written(tmp_path, pl.DataFrame({"amount": [amount]}))
