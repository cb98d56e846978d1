"""Databases, schemas, tables and views of a target: looked for, and made where they are missing.

What is there needs no right to make it, so it is not made again, not even with IF NOT EXISTS.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.snowflake import statements
from optimove_pipeline.targets.snowflake.names import STAMP_NAME, Names, plain, quoted
from optimove_pipeline.targets.snowflake.session import SnowflakeSession
from optimove_pipeline.targets.table import Table


@dataclass(frozen=True, slots=True)
class Held:
    """A column that a table has: its type as INFORMATION_SCHEMA tells, and its decimal places."""

    kind: str
    places: int | None


Found = dict[str, dict[str, Held]]
"""Columns in their order, by the schema of the table or view that has them."""


def make_places(session: SnowflakeSession, names: Names) -> None:
    """Make the databases and schemas that are missing.

    Raises:
        TargetError: the role may not.
    """
    for database, schemas in _places(names).items():
        found = session.run_if_there(statements.schemas_of(database), f"look for the schemas of {database}")
        if found is None:
            session.run(statements.create_database(database), f"make the database {database}")
        there = {row["schema_name"] for row in found or ()}
        for schema in schemas - there:
            full = f"{quoted(database)}.{quoted(schema)}"
            session.run(statements.create_schema(full), f"make the schema {full}")


def make_table_and_view(session: SnowflakeSession, names: Names, table: Table) -> None:
    """Make a table, its view and the receipts, or add the columns that they lack.

    Raises:
        TargetError: two names differ in nothing but the case of letters, or a column has another type.
    """
    _must_differ(names, table)
    found = _found(session, names, table.name)
    columns = _make_table(session, names, table, found[names.tables])
    if tuple(found[names.views]) != columns:
        view = names.view(table.name)
        session.run(statements.create_view(names, table, columns), f"make the view {view}")


def _make_table(session: SnowflakeSession, names: Names, table: Table, held: dict[str, Held]) -> tuple[str, ...]:
    """Return the table's columns but the stamp, in their order."""
    what = f"make the table {names.table(table.name)}"
    if not held:
        make_places(session, names)
        for sql in (statements.create_receipts(names), statements.create_table(names, table)):
            session.run(sql, what)
        return tuple(plain(column.name) for column in table.columns)
    missing = [column for column in table.columns if plain(column.name) not in held]
    _must_agree(names, table, held)
    for column in missing:
        session.run(statements.add_column(names, table, column), f"{what}: add {column.name}")
    return (*(name for name in held if name != STAMP_NAME), *(plain(column.name) for column in missing))


def _found(session: SnowflakeSession, names: Names, name: str) -> Found:
    """Return the columns of a feed's table and view; none where there is no such thing."""
    found: Found = {names.tables: {}, names.views: {}}
    for database, schemas in _places(names).items():
        sql = statements.columns_of(database, sorted(schemas), name)
        for row in session.run_if_there(sql, f"look at {name} in {database}") or ():
            schema = f"{quoted(database)}.{quoted(row['table_schema'])}"
            found[schema][row["column_name"]] = Held(row["data_type"], row["numeric_scale"])
    return found


def _places(names: Names) -> dict[str, set[str]]:
    """Return the schemas of each database."""
    places = dict[str, set[str]]()
    for database, schema in ((names.tables_database, names.tables_schema), (names.database, names.schema)):
        places.setdefault(plain(database), set()).add(plain(schema))
    return places


def _must_differ(names: Names, table: Table) -> None:
    seen = Counter(plain(column.name) for column in table.columns)
    if again := sorted(name for name, count in seen.items() if count > 1 or name == STAMP_NAME):
        raise TargetError(
            f"{names.table(table.name)}: {', '.join(again)}: columns of Snowflake are told apart without the case of "
            f"letters, and {STAMP_NAME} is ours; give {table.feed} other names"
        )


def _must_agree(names: Names, table: Table, held: dict[str, Held]) -> None:
    for column in table.columns:
        found, wanted = held.get(plain(column.name)), statements.sql_type(column.dtype)
        if found is not None and not _holds(found, wanted):
            raise TargetError(
                f"{names.table(table.name)}: {column.name} is {found.kind} with {found.places or 0} decimal places "
                f"there, {table.feed} needs {wanted}: rename the old table, and load its partitions again"
            )


def _holds(held: Held, wanted: str) -> bool:
    kind, _, rest = wanted.partition("(")
    if kind == "VARCHAR":
        return held.kind == "TEXT"
    if kind == "NUMBER":
        return held.kind == kind and (held.places or 0) >= int(rest.rstrip(")").rpartition(",")[2])
    return held.kind == kind
