"""The statements of each database, as text, and the bounds that stand in them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, postgresql
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import Dialect

from optimove_pipeline.datasets.sources.bounds import bound
from optimove_pipeline.datasets.sources.dialects import BigQueryDialect, SnowflakeDialect, named_style
from optimove_pipeline.datasets.sources.source import Origin, Selection
from optimove_pipeline.datasets.sources.sql import JSON, TEXT, Described, selected
from optimove_pipeline.datasets.sources.statements import (
    compiled,
    count_of,
    nothing_of,
    question,
    rows_of,
    table_parts,
)
from optimove_pipeline.errors import SettingsError

COLUMNS = {"Id": Described(pl.Int64()), 'a"]`': TEXT, "n": JSON}
DIALECTS: dict[str, Dialect] = {
    "postgres": named_style(postgresql.dialect)(),
    "mysql": named_style(mysql.dialect)(),
    "sqlserver": named_style(mssql.dialect, deprecate_large_types=True)(),
    "snowflake": SnowflakeDialect(),
    "bigquery": BigQueryDialect(),
    "duckdb": DefaultDialect(),
}
ROWS = {
    "postgres": 'SELECT "Id" AS "Id", CAST("a""]`" AS TEXT) AS "a""]`", CAST(to_json("n") AS TEXT) AS "n" '
    'FROM crm.players WHERE "at" >= \'2026-11-20T00:00:00\' AND "at" < \'2026-11-21T00:00:00\' ORDER BY "at", "Id"',
    "snowflake": 'SELECT "Id" AS "Id", CAST("a""]`" AS TEXT) AS "a""]`", CAST(to_json("n") AS TEXT) AS "n" '
    "FROM crm.players AS_OF WHERE \"at\" >= '2026-11-20T00:00:00' AND \"at\" < '2026-11-21T00:00:00' "
    'ORDER BY "at", "Id"',
    "bigquery": 'SELECT `Id` AS `Id`, CAST(`a"]``` AS STRING) AS `a"]```, CAST(to_json(`n`) AS STRING) AS `n` '
    "FROM crm.players AS_OF WHERE `at` >= '2026-11-20T00:00:00' AND `at` < '2026-11-21T00:00:00' ORDER BY `at`, `Id`",
    "sqlserver": 'SELECT [Id] AS [Id], CAST([a"]]`] AS NVARCHAR(max)) AS [a"]]`], '
    "CAST(to_json([n]) AS NVARCHAR(max)) AS [n] FROM crm.players "
    "WHERE [at] >= '2026-11-20T00:00:00' AND [at] < '2026-11-21T00:00:00' ORDER BY [at], [Id]",
}
WINDOW = Selection(
    origin=Origin(table="crm.players"),
    columns=tuple(COLUMNS),
    change_column="at",
    start="2026-11-20T00:00:00",
    end="2026-11-21T00:00:00",
    order=("at", "Id"),
)


def text(statement: sa.ClauseElement, dialect: str) -> str:
    return " ".join(compiled(statement, DIALECTS[dialect]).split())


@pytest.mark.parametrize("dialect", ROWS)
def test_rows_are_asked_for_in_the_databases_own_quotes(dialect: str) -> None:
    as_of = "AS_OF" if dialect in {"snowflake", "bigquery"} else ""
    assert text(rows_of(WINDOW, selected(COLUMNS, sa.func.to_json), as_of), dialect) == ROWS[dialect]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_query_becomes_a_subquery_as_it_is(dialect: str) -> None:
    query = "SELECT a::int, '10:30 50%' AS x FROM t {as_of} WHERE y = ':day'"
    statement = nothing_of(Origin(query=query), "AS_OF")
    inner = query.replace("{as_of}", "AS_OF")
    assert text(statement, dialect) == f"SELECT * FROM ({inner}) AS origin WHERE 1 = 0"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_rows_are_counted_by_the_same_window(dialect: str) -> None:
    rows = text(rows_of(WINDOW, [sa.literal_column("1")], ""), dialect)
    count = text(count_of(WINDOW, ""), dialect)
    assert count.partition(" FROM ")[2] == rows.partition(" FROM ")[2].partition(" ORDER BY ")[0]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_question_takes_the_day_in_every_place_of_its_name(dialect: str) -> None:
    sql = "SELECT count(*) > 0 FROM t WHERE d = :day AND e > :day AND at < '12:30'"
    asked = text(question(sql, [date(2026, 11, 20)]), dialect)
    assert asked == sql.replace(":day", "'2026-11-20'")


@pytest.mark.parametrize(
    "name", ["crm.players", '"Crm"."My Players"', "my-project.shop.players", "`a b`", "[dbo].[t]"]
)
def test_names_of_tables_are_taken_as_they_stand(name: str) -> None:
    assert ".".join(table_parts(name)) == name


@pytest.mark.parametrize("name", ["", "a b", "players; DROP TABLE x", "a..b", "a.", 'x"', "a--"])
def test_what_is_no_name_of_a_table_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="expected a name such as"):
        ".".join(table_parts(name))


@pytest.mark.parametrize(
    ("hour", "dtype", "zone", "pattern", "expected"),
    [
        (0, pl.Datetime("us"), None, None, "2026-07-01T00:00:00"),
        (0, pl.Datetime("us"), "Europe/London", None, "2026-07-01T01:00:00"),
        (0, pl.Datetime("us", "UTC"), None, None, "2026-07-01T00:00:00"),
        (0, pl.Date(), None, None, "2026-07-01"),
        (1, pl.Date(), None, None, "2026-07-02"),
        (0, pl.String(), None, None, "2026-07-01 00:00:00"),
        (0, pl.String(), "Asia/Tokyo", "%Y-%m-%dT%H:%M:%S%.fZ", "2026-07-01T09:00:00"),
        (0, pl.String(), None, "%Y%m%d", "20260701"),
        (5, pl.String(), None, "%Y%m%d", "20260702"),
    ],
)
def test_a_bound_is_written_as_its_column_holds_moments(
    hour: int, dtype: pl.DataType, zone: str | None, pattern: str | None, expected: str
) -> None:
    assert bound(datetime(2026, 7, 1, hour, tzinfo=UTC), dtype, zone, pattern) == expected


@pytest.mark.parametrize("pattern", ["%d/%m/%Y", "%Y", "%Y-%m", "%m/%d/%y %H:%M", "%H:%M %Y-%m-%d"])
def test_text_that_does_not_sort_by_time_is_refused(pattern: str) -> None:
    with pytest.raises(SettingsError, match="does not sort by time"):
        bound(datetime(2026, 7, 1, tzinfo=UTC), pl.String(), None, pattern)


def test_a_number_is_no_moment_of_change() -> None:
    with pytest.raises(SettingsError, match="expected times, dates, or text"):
        bound(datetime(2026, 7, 1, tzinfo=UTC), pl.Int64(), None, None)
