"""``approve``: it records who approves a day, why, and the rows that the day has."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from optimove_pipeline.approvals import approval
from optimove_pipeline.cli import main
from optimove_pipeline.feeds import Column, Feed, Kind
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.settings.packages import Packages
from optimove_pipeline.stages.leaving_out import Forgotten
from optimove_pipeline.stages.package import package
from optimove_pipeline.staging import Staging

DAY = date(2026, 11, 20)
HOUR = datetime(2026, 11, 20, 14)  # noqa: DTZ001 - an hour's partition has no zone
FEED = Feed(
    name="customers",
    title="Customers",
    group="datasets",
    columns=(Column("Player_ID", Kind.TEXT),),
    key=("Player_ID",),
)
WHO = ("--by", "Ada Lovelace", "--reason", "public holiday")


def validated(data_dir: Path, day: date, rows: int) -> Staging:
    staging = Staging(data_dir / "staging")
    with staging.writing("validated", FEED.name, day) as writer:
        writer.write(pl.DataFrame({"Player_ID": [f"A{number}" for number in range(rows)]}))
    return staging


def approve(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["approve", *arguments], env={"OPTIMOVE_DATA_DIR": str(data_dir)})


@pytest.mark.parametrize(("day", "key"), [(DAY, "2026-11-20"), (HOUR, "2026-11-20T14")])
def test_a_day_is_approved_with_the_rows_that_it_has(tmp_path: Path, day: date, key: str) -> None:
    validated(tmp_path, day, 12)
    done = approve(tmp_path, "customers", key, *WHO)
    assert done.output == f"Ada Lovelace approves customers of {key} with 12 rows, no more and no fewer.\n"
    given = approval(ledger_file(tmp_path), "customers", day)
    assert given is not None
    assert (given.rows, given.approved_by, given.reason) == (12, "Ada Lovelace", "public holiday")


def test_the_rows_of_its_package_count_where_there_is_one(tmp_path: Path) -> None:
    partition = validated(tmp_path, DAY, 12).open("validated", "customers", DAY)
    package(
        FEED,
        partition,
        Packages().of(FEED.name),
        tmp_path / "packages",
        ready=datetime(2026, 11, 21, 6, tzinfo=UTC),
        forgotten=Forgotten("Player_ID", ["A1", "A2"]),
    )
    assert "with 10 rows" in approve(tmp_path, "customers", "2026-11-20", *WHO).output


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("customers", "2026-11-19", *WHO), 1, "validated/customers of 2026-11-19 is not there"),
        (("customrs", "2026-11-20", *WHO), 1, "validated/customrs of 2026-11-20 is not there"),
        (("customers", "yesterday", *WHO), 2, "yesterday: expected a day such as 2026-11-20"),
        (("customers", "2026-11-20", "--by", " ", "--reason", "holiday"), 2, "the name of who approves"),
        (("customers", "2026-11-20", "--by", "Ada"), 2, "--reason"),
    ],
)
def test_a_wrong_call_approves_nothing(tmp_path: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    validated(tmp_path, DAY, 12)
    refused = approve(tmp_path, *arguments)
    assert refused.exit_code == code
    assert told in refused.output
    assert approval(ledger_file(tmp_path), "customers", DAY) is None
