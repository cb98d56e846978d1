"""The copies of the ledger's records in the warehouse: whole, each record once, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from optimove_pipeline.acknowledgements import Sign, accept
from optimove_pipeline.approvals import approve
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.record_tables import TABLES, columns, copy_records
from optimove_pipeline.watermarks import move

DAY = date(2026, 11, 20)
HOUR = datetime(2026, 11, 20, 14)  # noqa: DTZ001 - an hour's partition has no zone
AT = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
NAIVE = AT.replace(tzinfo=None)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def record(path: Path) -> None:
    approve(path, "customers", DAY, "Ada", "public holiday", 12, AT.timestamp())
    approve(path, "transactions", HOUR, "Ada", "maintenance", 0, AT.timestamp())
    move(path, "customers", "sftp", AT, "run-1", AT.timestamp())
    accept(path, "datasets", DAY, AT.timestamp(), Sign.LAST_DATA_UPDATE, AT.timestamp())


def test_every_record_is_copied(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = ledger_file(tmp_path)
    record(path)
    assert copy_records(connection, path) == 4
    approvals = (
        "SELECT feed, day, partition, rows, approved_by, reason, approved_at FROM ops.approvals ORDER BY number"
    )
    assert connection.execute(approvals).fetchall() == [
        ("customers", DAY, "2026-11-20", 12, "Ada", "public holiday", NAIVE),
        ("transactions", DAY, "2026-11-20T14", 0, "Ada", "maintenance", NAIVE),
    ]
    watermarks = "SELECT feed, target, until, run_id, moved_at FROM ops.watermarks"
    assert connection.execute(watermarks).fetchall() == [("customers", "sftp", NAIVE, "run-1", NAIVE)]
    accepted = "SELECT feed_group, day, accepted_at, accepted_by FROM ops.acknowledgements"
    assert connection.execute(accepted).fetchall() == [("datasets", DAY, NAIVE, "GetLastDataUpdate")]


def test_each_record_is_copied_once(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = ledger_file(tmp_path)
    record(path)
    copy_records(connection, path)
    assert copy_records(connection, path) == 0
    approve(path, "customers", DAY, "Grace", "two more came", 14)
    assert copy_records(connection, path) == 1
    assert connection.execute("SELECT count(*) FROM ops.approvals").fetchone() == (3,)


def test_what_a_lost_ledger_held_stays(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    record(ledger_file(tmp_path / "lost"))
    copy_records(connection, ledger_file(tmp_path / "lost"))
    record(ledger_file(tmp_path / "new"))
    assert copy_records(connection, ledger_file(tmp_path / "new")) == 4
    assert connection.execute("SELECT count(*) FROM ops.approvals").fetchone() == (4,)


def test_the_tables_are_there_before_anything_is_recorded(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert copy_records(connection, ledger_file(tmp_path)) == 0
    for table, records in TABLES.items():
        described = connection.execute(f"DESCRIBE {table}").fetchall()
        assert {name: kind for name, kind, *_ in described} == columns(records)
