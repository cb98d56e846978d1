"""The statements for SQL Server and BigQuery: compared with files that people read, and parsed as their dialects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
import sqlglot
from sqlglot import exp

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.targets.bigquery import statements
from optimove_pipeline.targets.databases.layout import Place, bare, quoted, text_of
from optimove_pipeline.targets.databases.loading import load_rows
from optimove_pipeline.targets.databases.replacing import FORGOTTEN, replacing, staged
from optimove_pipeline.targets.sqlserver.access import place_of
from optimove_pipeline.targets.sqlserver.dialect import DIALECT
from optimove_pipeline.targets.sqlserver.loading import SqlServerTransaction
from optimove_pipeline.targets.table import Rows, Table
from optimove_pipeline_tests.targets.cloud_databases.engine import bigquery_settings, sqlserver_settings
from optimove_pipeline_tests.targets.databases.feeds import (
    GAMES,
    MONDAY,
    PLAYERS,
    SENDS,
    TUESDAY,
    partition,
    window_of,
)

GOLDEN = Path(__file__).with_name("golden")
TABLES = [PLAYERS, SENDS, GAMES]
SQLSERVER, BIGQUERY = sqlserver_settings(1433), bigquery_settings("https://bigquery.googleapis.com")
KINDS: dict[str, tuple[TableTargetSettings, str]] = {
    "sqlserver": (SQLSERVER, "tsql"),
    "bigquery": (BIGQUERY, "bigquery"),
}


@dataclass(slots=True)
class Recorder:
    """A login that keeps what it is told, to a table in which an older partition lies."""

    said: list[str] = field(default_factory=list)

    def run(self, text: str, what: str) -> None:
        self.said.append(text)

    def values(self, statement: sa.ClauseElement, what: str) -> list[str]:
        self.said.append(text_of(statement, DIALECT))
        return ["2026-11-19"]


def load_of(kind: str, table: Table) -> list[str]:
    """Return the statements of a load, but for its moment."""
    rows = partition(table, "2026-11-20", [], forgotten=["o'1", "ü"], window=window_of(MONDAY, TUESDAY))
    return (_sqlserver_load if kind == "sqlserver" else _bigquery_load)(rows)[:-1]


def _sqlserver_load(rows: Rows) -> list[str]:
    place, recorder = place_of(SQLSERVER), Recorder()
    within = SqlServerTransaction(recorder, staged(rows, f"__stage_{rows.table.name}", place, place))  # type: ignore[arg-type]
    load_rows(rows, [column.name for column in rows.table.columns], place, within)
    return recorder.said


def _bigquery_load(rows: Rows) -> list[str]:
    stages = statements.place_of(BIGQUERY, BIGQUERY.stage_dataset)
    place = statements.place_of(BIGQUERY, BIGQUERY.tables_dataset)
    forgotten = bare("forgotten", [FORGOTTEN], stages)
    changes = replacing(staged(rows, f"stage_{rows.table.name}", stages, place), place, forgotten)
    return [text_of(change, statements.DIALECT) for change in changes]


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_those_that_people_read(kind: str) -> None:
    steps = KINDS[kind][0].steps("crm", TABLES)
    told = "\n\n".join(f"-- [{step.who}] {step.title}\n{step.text}" for step in steps)
    assert told + "\n" == (GOLDEN / f"{kind}_steps.txt").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_the_statements_of_a_load_are_those_that_people_read(kind: str) -> None:
    told = "\n\n".join(f"-- {table.replace}\n" + ";\n".join(load_of(kind, table)) + ";" for table in TABLES)
    assert told + "\n" == (GOLDEN / f"{kind}_loads.sql").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_parser_of_the_dialect_reads_every_statement_of_a_load(kind: str) -> None:
    for table in TABLES:
        for statement in load_of(kind, table):
            assert isinstance(parsed(kind, statement), exp.Delete | exp.Insert | exp.Select)


@pytest.mark.parametrize("kind", KINDS)
def test_a_parser_of_the_dialect_reads_every_statement_that_makes_tables(kind: str) -> None:
    made = [
        statement
        for statement in of_the_program(kind)
        if statement.startswith("CREATE") and " USER " not in statement
    ]
    assert len(made) > 2 * len(TABLES)
    for statement in made:
        assert isinstance(parsed(kind, statement), exp.Create)


@pytest.mark.parametrize(
    "text", ["o'clock", "back\\slash", "a\nb", "\\'", '"', "${X}", "é 日本 🎲", "a\r\n\tb", "--", "?"]
)
def test_a_text_in_a_statement_of_bigquery_is_read_as_it_is(text: str) -> None:
    statement = text_of(sa.select(sa.literal(text, sa.String())), statements.DIALECT)
    literal = parsed("bigquery", statement).find(exp.Literal)
    assert literal is not None
    assert literal.this == text


def test_bigquery_has_no_column_whose_name_it_keeps_to_itself() -> None:
    assert "_partition" not in "\n".join(of_the_program("bigquery")).lower().replace("loaded_partition", "")


def test_a_key_that_is_too_wide_is_no_clustered_index_of_sql_server() -> None:
    made = "\n".join(of_the_program("sqlserver"))
    assert "PRIMARY KEY CLUSTERED ([Player_ID])" in made
    assert "CREATE CLUSTERED INDEX [_Customers_By_Action_partition]" in made


def of_the_program(kind: str) -> Iterator[str]:
    """Yield the statements that the program carries out before the first load."""
    for step in KINDS[kind][0].steps("crm", TABLES):
        if step.who == "optimove-pipeline":
            yield from (part.strip() for part in step.text.split(";\n"))


def parsed(kind: str, statement: str) -> exp.Expr:
    """Return a statement, read by a parser of the dialect that takes nothing on trust."""
    (found,) = sqlglot.parse(statement.rstrip(";"), read=KINDS[kind][1])
    assert found is not None
    assert not list(found.find_all(exp.Command))
    return found


def test_a_table_with_a_dot_in_its_name_is_refused_for_bigquery() -> None:
    with pytest.raises(SettingsError, match=r"Acme\.Customers in BigQuery.*packages\.each\.customers\.table"):
        BIGQUERY.steps("crm", [replace(PLAYERS, name="Acme.Customers")])


def test_names_that_are_words_of_the_dialect_are_quoted() -> None:
    made = text_of(sa.select(bare("order", ["select"], Place(quoted("group"), {})).c["select"]), statements.DIALECT)
    assert "`order`.`select`" in made
