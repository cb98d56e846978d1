"""The company's database file, made from nothing but a date and a seed."""

import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
from duckdb import DuckDBPyConnection

from optimove_pipeline.sandbox.company.activity import events, payments, rounds
from optimove_pipeline.sandbox.company.exports import export_games, export_of
from optimove_pipeline.sandbox.company.games import games
from optimove_pipeline.sandbox.company.players import first_versions, versions
from optimove_pipeline.sandbox.company.schema import TABLES, VIEWS
from optimove_pipeline.sandbox.rows import Row

DAYS = 10
"""The days before the current date that the company has activity of."""

_EDITION = 1  # another number wherever equal dates and seeds would give other rows


def build_company(path: Path, today: date, seed: int) -> None:
    """Make the database in a DuckDB file, unless it is there already; it appears whole or not at all.

    Equal dates and seeds give equal tables: the players (``schema.TABLES``), and what they did on each of the
    ``DAYS`` days before ``today``. A day's rows do not depend on ``today``. Beside it lie the nightly exports of the
    games (``exports``), one file for each of these days.

    Args:
        path: The file. One with another date or seed is replaced; who has it open keeps the old one.
        today: The company's current date; it has no data of it yet.
        seed: Another number makes other players.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for day in _days(today):
        if not export_of(path, day).is_file():
            export_games(export_of(path, day), day)
    if _is_made(path, today, seed):
        return
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as aside:
        made = Path(aside) / path.name
        with duckdb.connect(str(made)) as connection:
            _fill(connection, Path(aside), today, seed)
        made.replace(path)


def _is_made(path: Path, today: date, seed: int) -> bool:
    if not path.is_file():
        return False
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("SELECT * FROM about").fetchall() == [(today, seed, _EDITION)]


def _fill(connection: DuckDBPyConnection, aside: Path, today: date, seed: int) -> None:
    for table, columns in TABLES.items():
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.partition('.')[0]}")
        connection.execute(
            f"CREATE TABLE {table} ({', '.join(f'{name} {type_}' for name, type_ in columns.items())})"
        )
        _insert(connection, table, list(_rows(table, today, seed)), aside)
    for view, query in VIEWS.items():
        connection.execute(f"CREATE VIEW {view} AS {query}")
    connection.execute("CREATE TABLE about (today DATE, seed BIGINT, edition INTEGER)")
    connection.execute("INSERT INTO about VALUES (?, ?, ?)", [today, seed, _EDITION])


def _rows(table: str, today: date, seed: int) -> Iterator[Row]:
    days = _days(today)
    if table == "casino.games":
        yield from games(days[0])
        return
    if table == "crm.player_changes":
        yield from first_versions(seed, days[0])
    for day in days:
        yield from _OF_DAY[table](seed, day)


def _days(today: date) -> list[date]:
    return [today - timedelta(days=back) for back in range(DAYS, 0, -1)]


_OF_DAY = {
    "crm.player_changes": versions,
    "cashier.payments": payments,
    "casino.rounds_daily": rounds,
    "app.events": events,
}


def _insert(connection: DuckDBPyConnection, table: str, rows: list[Row], aside: Path) -> None:
    """By way of a file: DuckDB takes rows from Python one by one, which is slow."""
    columns = list(TABLES[table])
    frame = pl.DataFrame({name: [row[name] for row in rows] for name in columns}, strict=True)
    file = aside / "rows.parquet"
    frame.write_parquet(file)
    connection.execute(f"INSERT INTO {table} SELECT {', '.join(columns)} FROM read_parquet(?)", [str(file)])  # noqa: S608 - names of our own
