"""MySQL and MariaDB as targets: rows go in by LOAD DATA LOCAL, in one transaction with the receipt.

Statements that make or change tables end a transaction there, so all of these come before it.
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
from optimove_pipeline.targets.databases.layout import RECEIPTS, Place, rows_name, text_of
from optimove_pipeline.targets.databases.loading import load_rows, receipt_of
from optimove_pipeline.targets.databases.mysql_access import (
    DIALECT,
    literal,
    place_of,
    reader_statements,
    right_statements,
)
from optimove_pipeline.targets.databases.mysql_load import MySqlLoad
from optimove_pipeline.targets.databases.mysql_login import MySqlLogin, logged_in
from optimove_pipeline.targets.databases.users import User, loader, reader
from optimove_pipeline.targets.kinds.mysql import MySqlTargetSettings
from optimove_pipeline.targets.table import Rows, Table

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MySqlTarget:
    """A MySQL or MariaDB database."""

    name: str
    settings: MySqlTargetSettings

    @property
    def place(self) -> str:
        """Server and database."""
        return f"mysql://{self.settings.host}:{self.settings.port}/{self.settings.database}"

    @property
    def attempts(self) -> int:
        """How often a partition is tried."""
        return self.settings.attempts

    def receipt(self, table: Table, partition: str) -> str | None:
        """Return the receipt of a partition."""
        with self._login(loader(self.settings)) as login:
            if not login.columns(RECEIPTS):
                return None
            question = receipt_of(table, partition, place_of(mariadb=False))
            return next((row[0] for row in login.rows(text_of(question, DIALECT), RECEIPTS)), None)

    def load(self, rows: Rows) -> None:
        """Load a partition in one transaction, after making what is missing."""
        table = rows.table
        with self._login(loader(self.settings)) as login:
            place = place_of(mariadb=login.is_mariadb())
            self._make_receipts(login, place)
            self._make(login, table, place)
            held = login.types(rows_name(table))
            must_fit(login.label, table, held)
            within = MySqlLoad(login, place, table.name, local=self._takes_files(login))
            with login.alone(table.name):
                load_rows(rows, list(held), place, within)
                login.commit()

    def connect(self, tables: Sequence[Table]) -> Iterator[Step]:
        """Make tables, views and the reader."""
        own = self.settings
        with self._login(loader(own)) as login:
            mariadb = login.is_mariadb()
            place = place_of(mariadb=mariadb)
            yield schema_step(f"the table of receipts in {own.database}", self._make_receipts(login, place))
            for table in tables:
                yield view_step(table, self._make(login, table, place))
            yield reader_step(own, self._make_reader(login, mariadb=mariadb))
            rights = right_statements(own, tables)
            for statement in rights:
                login.execute(statement, f"the rights of {own.reader}")
            yield rights_step(own, rights)

    def check(self, tables: Sequence[Table]) -> list[Checked]:
        """Return what became of the reader's steps."""
        own, user = self.settings, reader(self.settings)
        plain = replace(user, tls="disable")
        return check_reader(
            self.name,
            tables,
            place_of(mariadb=False),
            lambda: self._login(loader(own)),
            lambda: self._login(user),
            (lambda: self._login(plain)) if own.reader_tls else None,
        )

    def _login(self, user: User) -> AbstractContextManager[MySqlLogin]:
        return logged_in(self.settings, user, f"target {self.name} ({self.place})")

    def _make_receipts(self, login: MySqlLogin, place: Place) -> list[str]:
        """Make the table of receipts if it is missing; return the statements."""
        if login.columns(RECEIPTS):
            return []
        with login.alone(RECEIPTS):
            statements = missing_receipts(place, DIALECT, login)
            for statement in statements:
                login.execute(statement, f"table {RECEIPTS}")
        return statements

    def _make(self, login: MySqlLogin, table: Table, place: Place) -> list[str]:
        """Make what is missing of a feed's tables; return the statements."""
        with login.alone(table.name):
            statements = missing(table, place, DIALECT, login)
            for statement in statements:
                login.execute(statement, f"table {table.name}")
        return statements

    def _make_reader(self, login: MySqlLogin, *, mariadb: bool) -> list[str]:
        """Make the reader, or set its password anew; return the statements, without the password."""
        own = self.settings
        for statement in reader_statements(own, literal(reader(own).password), mariadb=mariadb):
            login.execute_secret(statement, f"user {own.reader}")
        return reader_statements(own, f"'{own.reader_password}'", mariadb=mariadb)

    def _takes_files(self, login: MySqlLogin) -> bool:
        takes = bool(login.rows("SELECT @@local_infile", "its settings")[0][0])
        if not takes:
            logger.info("%s: the server forbids LOAD DATA LOCAL (local_infile), so rows go in by INSERT", self.place)
        return takes
