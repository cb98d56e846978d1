"""SQL Server as a target: bulk copy into a stage table, then one transaction with the receipt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from optimove_pipeline.settings.secrets import reveal
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step
from optimove_pipeline.targets.databases.access import reader_step, rights_step, schema_step, view_step
from optimove_pipeline.targets.databases.checking import check_reader
from optimove_pipeline.targets.databases.definition import missing, missing_receipts
from optimove_pipeline.targets.databases.held_types import must_fit
from optimove_pipeline.targets.databases.layout import RECEIPTS, rows_name
from optimove_pipeline.targets.databases.loading import load_rows, receipt_of
from optimove_pipeline.targets.kinds.sqlserver import SqlServerTargetSettings
from optimove_pipeline.targets.sqlserver.access import (
    place_of,
    reader_statements,
    right_statements,
    schema_statements,
)
from optimove_pipeline.targets.sqlserver.dialect import DIALECT
from optimove_pipeline.targets.sqlserver.loading import transaction
from optimove_pipeline.targets.sqlserver.login import SqlServerLogin, literal, logged_in
from optimove_pipeline.targets.table import Rows, Table


@dataclass(frozen=True, slots=True)
class SqlServerTarget:
    """A schema of a SQL Server database."""

    name: str
    settings: SqlServerTargetSettings

    @property
    def place(self) -> str:
        """Server, database and schema."""
        own = self.settings
        return f"sqlserver://{own.host}:{own.port}/{own.database}/{own.schema_name}"

    @property
    def attempts(self) -> int:
        """How often a partition is tried."""
        return self.settings.attempts

    def receipt(self, table: Table, partition: str) -> str | None:
        """Return the receipt of a partition."""
        with self._loader() as login:
            if not login.columns(RECEIPTS):
                return None
            return next(iter(login.values(receipt_of(table, partition, place_of(self.settings)), RECEIPTS)), None)

    def load(self, rows: Rows) -> None:
        """Load a partition in one transaction."""
        place = place_of(self.settings)
        with self._loader() as login:
            self._make_schema(login)
            with login.alone(rows.table.name):
                self._make(login, rows.table)
                held = login.types(rows_name(rows.table))
                must_fit(self._label, rows.table, held)
                with transaction(login, rows, place) as within:
                    load_rows(rows, list(held), place, within)

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        """Make schema, tables, views and the reader."""
        with self._loader() as login:
            yield schema_step(
                f"the schema {self.settings.schema_name} and its table of receipts", self._make_schema(login)
            )
            for table in tables:
                with login.alone(table.name):
                    made = self._make(login, table)
                yield view_step(table, made)
            yield reader_step(self.settings, self._make_reader(login))
            rights = right_statements(self.settings, tables)
            login.execute(rights, f"the rights of {self.settings.reader}")
            yield rights_step(self.settings, rights)

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        """Return what became of the reader's steps; the server alone could tell whether it forces TLS."""
        return check_reader(self.name, tables, place_of(self.settings), self._loader, self._reader, None)

    def _loader(self) -> AbstractContextManager[SqlServerLogin]:
        return logged_in(self.settings, self.settings.username, self.settings.password, self._label)

    def _reader(self) -> AbstractContextManager[SqlServerLogin]:
        return logged_in(self.settings, self.settings.reader, self.settings.reader_password, self._label)

    @property
    def _label(self) -> str:
        return f"target {self.name} ({self.place})"

    def _make_schema(self, login: SqlServerLogin) -> list[str]:
        """Make the schema and the table of receipts where they are missing; return the statements."""
        if login.columns(RECEIPTS):
            return []
        with login.alone(RECEIPTS):
            statements = (
                [] if login.has("sys.schemas", self.settings.schema_name) else schema_statements(self.settings)
            )
            statements += missing_receipts(place_of(self.settings), DIALECT, login)
            login.execute(statements, f"schema {self.settings.schema_name}")
        return statements

    def _make(self, login: SqlServerLogin, table: Table) -> list[str]:
        """Make what is missing of a feed's tables; return the statements."""
        statements = missing(table, place_of(self.settings), DIALECT, login)
        login.execute(statements, f"table {table.name}")
        return statements

    def _make_reader(self, login: SqlServerLogin) -> list[str]:
        """Make the reader, or set its password anew; return the statements, without the password."""
        own = self.settings
        has = login.has("sys.database_principals" if own.contained else "sys.server_principals", own.reader)
        for statement in reader_statements(own, literal(reveal(own.reader_password)), has=has):
            login.run(statement, f"user {own.reader}", secret=True)
        return reader_statements(own, f"N'{own.reader_password}'", has=has)
