"""PostgreSQL as a target: rows go in by ADBC's binary COPY, in one transaction with the receipt.

Measured against psycopg's COPY with the same rows, as CSV from Polars: see ``benchmarks/databases.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.connecting import Step
from optimove_pipeline.targets.databases.access import reader_step, rights_step, schema_step, view_step
from optimove_pipeline.targets.databases.checking import check_reader
from optimove_pipeline.targets.databases.definition import missing, missing_receipts
from optimove_pipeline.targets.databases.held_types import must_fit
from optimove_pipeline.targets.databases.layout import RECEIPTS, rows_name
from optimove_pipeline.targets.databases.loading import load_rows, receipt_of
from optimove_pipeline.targets.databases.postgres_access import (
    DIALECT,
    create_reader,
    literal,
    place_of,
    reader_statements,
    right_statements,
    schema_statements,
)
from optimove_pipeline.targets.databases.postgres_copy import copying
from optimove_pipeline.targets.databases.postgres_login import PostgresLogin, logged_in
from optimove_pipeline.targets.databases.users import User, loader, reader
from optimove_pipeline.targets.kinds.postgres import PostgresTargetSettings
from optimove_pipeline.targets.table import Rows, Table

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """A schema of a PostgreSQL database."""

    name: str
    settings: PostgresTargetSettings

    @property
    def place(self) -> str:
        """Server, database and schema."""
        own = self.settings
        return f"postgres://{own.host}:{own.port}/{own.database}/{own.schema_name}"

    @property
    def attempts(self) -> int:
        """How often a partition is tried."""
        return self.settings.attempts

    def receipt(self, table: Table, partition: str) -> str | None:
        """Return the receipt of a partition."""
        with self._login(loader(self.settings)) as login:
            if not login.columns(RECEIPTS):
                return None
            return next(iter(login.values(receipt_of(table, partition, place_of(self.settings)), RECEIPTS)), None)

    def load(self, rows: Rows) -> None:
        """Load a partition in one transaction."""
        place = place_of(self.settings)
        with self._login(loader(self.settings)) as login:
            self._make_schema(login)
            self._make(login, rows.table)
            held = login.types(rows_name(rows.table))
        must_fit(self._label, rows.table, held)
        with copying(self.settings, self._label, rows.table) as transaction:
            load_rows(rows, list(held), place, transaction)

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        """Make schema, tables, views and the reader."""
        with self._login(loader(self.settings)) as login:
            yield schema_step(
                f"the schema {self.settings.schema_name} and its table of receipts", self._make_schema(login)
            )
            for table in tables:
                yield view_step(table, self._make(login, table))
            yield reader_step(self.settings, self._make_reader(login))
            rights = right_statements(self.settings, tables)
            login.execute(rights, f"the rights of {self.settings.reader}")
            yield rights_step(self.settings, rights)

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        """Return what became of the reader's steps."""
        own, user = self.settings, reader(self.settings)
        plain = replace(user, tls="disable")
        return check_reader(
            self.name,
            tables,
            place_of(own),
            lambda: self._login(loader(own)),
            lambda: self._login(user),
            (lambda: self._login(plain)) if own.reader_tls else None,
        )

    @property
    def _label(self) -> str:
        return f"target {self.name} ({self.place})"

    def _login(self, user: User) -> AbstractContextManager[PostgresLogin]:
        return logged_in(self.settings, user, self._label)

    def _make_schema(self, login: PostgresLogin) -> list[str]:
        """Make the schema and the table of receipts where they are missing; return the statements."""
        if login.columns(RECEIPTS):
            return []
        with login.alone(self.settings.schema_name):
            statements = [] if login.has_schema() else schema_statements(self.settings)
            statements += missing_receipts(place_of(self.settings), DIALECT, login)
            login.execute(statements, f"schema {self.settings.schema_name}")
        return statements

    def _make(self, login: PostgresLogin, table: Table) -> list[str]:
        """Make what is missing of a feed's tables; return the statements."""
        with login.alone(self.settings.schema_name):
            statements = missing(table, place_of(self.settings), DIALECT, login)
            login.execute(statements, f"table {table.name}")
        return statements

    def _make_reader(self, login: PostgresLogin) -> list[str]:
        """Make the reader, or set its password anew; return the statements, without the password."""
        own = self.settings
        make = [] if login.has_role(own.reader) else [create_reader(own)]
        verifier = literal(login.verifier(reader(own)))
        login.execute([*make, *reader_statements(own, verifier)], f"user {own.reader}")
        return [*make, *reader_statements(own, f"'{own.reader_password}'")]
