"""A stub of SQL Server for tests: the wire of TDS, and DuckDB behind sqlglot's reading of T-SQL.

It is no SQL Server. It knows what this project says to one: logins, users and grants, application locks,
transactions, bulk copies; what Microsoft's driver asks before a bulk copy; and the errors that the project tells
apart. Whatever else is said to it is an error.
"""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl
import sqlglot
from sqlglot import exp

from optimove_pipeline_tests.servers import tds
from optimove_pipeline_tests.servers.tds import Column, Message

LOADER, PASSWORD = "loader", "pass}word'1"
_DENIED, _UNKNOWN, _LOGIN_FAILED, _SYNTAX, _OTHER = 229, 208, 18456, 102, 50000
_SEVERE = 14
_USER = re.compile(r"(CREATE|ALTER) (USER|LOGIN) \[(.+?)\] (?:WITH PASSWORD = N'((?:[^']|'')*)'|FOR LOGIN \[.+?\])")
_GRANT = re.compile(r"GRANT SELECT ON \[(.+?)\]\.\[(.+?)\] TO \[(.+?)\]")
_REVOKE = re.compile(r"REVOKE .+ ON SCHEMA::\[(.+?)\] FROM \[(.+?)\]")
_LOCK = re.compile(r"DECLARE @taken int; EXEC @taken = sp_getapplock @Resource = N'(.+?)',.*@LockTimeout = \d+; .*")
_RELEASE = re.compile(r"EXEC sp_releaseapplock @Resource = N'(.+?)'.*")
_BULK = re.compile(r"insert bulk (\[.+?\]\.\[.+?\])\s*\(.*", re.IGNORECASE | re.DOTALL)
_DESTINATION = re.compile(r"EXEC sp_tablecollations_100 N'(.+?)'")
_INDEXES = re.compile(r"SELECT name FROM sys\.indexes WHERE object_id = OBJECT_ID\(N'\[?(.+?)\]?\.\[(.+?)\]'\).*")
_NAMES = {
    "sys.schemas": "schema_name FROM duckdb_schemas()",
    "sys.database_principals": "name FROM stub.users",
    "sys.server_principals": "name FROM stub.users",
}


class SqlError(Exception):
    """An error of the server."""

    def __init__(self, number: int, text: str, severity: int = 16) -> None:
        super().__init__(text)
        self.number, self.severity = number, severity


@dataclass(slots=True)
class SqlServer:
    """A server of one database, ``crm``, whose user ``LOADER`` may do everything."""

    port: int = 0
    database: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    passwords: dict[str, str] = field(default_factory=lambda: {LOADER: PASSWORD})
    grants: set[tuple[str, str, str]] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    fails: dict[str, SqlError] = field(default_factory=dict)
    """The errors that statements get which begin so."""
    locks: dict[str, threading.Lock] = field(default_factory=dict)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query of DuckDB's tells."""
        return self.database.cursor().execute(query).fetchall()


@contextmanager
def sqlserver_stub() -> Iterator[SqlServer]:
    """A stub on the loopback."""
    stub = SqlServer()
    stub.database.execute("CREATE SCHEMA stub; CREATE TABLE stub.users (name VARCHAR)")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        owner = stub

    with Server(("127.0.0.1", 0), _Connection) as listening:
        stub.port = listening.server_address[1]
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        yield stub
        listening.shutdown()


class _Connection(socketserver.BaseRequestHandler):
    """One connection of a client."""

    def handle(self) -> None:
        self.stub: SqlServer = self.server.owner  # type: ignore[attr-defined] # set above
        self.session = self.stub.database.cursor()
        self.packet_size, self.user, self.destination = tds.PACKET_SIZE, "", ""
        self.locks: list[threading.Lock] = []
        self.in_transaction = False
        try:
            while True:
                kind, content = tds.read_message(self.request)
                tds.send(self.request, self._answer(kind, content), self.packet_size)
        except (EOFError, ConnectionError):
            return
        finally:
            for lock in self.locks:
                lock.release()
            self.session.close()

    def _answer(self, kind: int, content: bytes) -> bytes:
        try:
            match kind:
                case Message.PRELOGIN:
                    return tds.prelogin()
                case Message.LOGIN:
                    return self._login(content)
                case Message.BATCH:
                    return self._batch(_without_headers(content).decode("utf-16-le"))
                case Message.TRANSACTION:
                    return tds.transaction_changed(_without_headers(content)[0])
                case Message.BULK:
                    return self._bulk(content)
                case _:
                    raise EOFError
        except SqlError as error:
            return tds.error(error.number, str(error), error.severity)

    def _login(self, content: bytes) -> bytes:
        login = tds.read_login(content)
        if self.stub.passwords.get(login.username) != login.password:
            raise SqlError(_LOGIN_FAILED, f"Login failed for user '{login.username}'.", _SEVERE)
        self.user = login.username
        answer = tds.logged_in(login)
        self.packet_size = login.packet_size
        return answer

    def _batch(self, text: str) -> bytes:
        self.stub.said.append(text)
        for beginning, error in self.stub.fails.items():
            if text.startswith(beginning):
                raise error
        if (found := _DESTINATION.search(text)) is not None:
            return self._described(found[1])
        if (found := _BULK.fullmatch(text)) is not None:
            self.destination = _duck_name(found[1])
            return tds.done()
        if (found := _LOCK.fullmatch(text)) is not None:
            return tds.result([Column("", "integer")], [(self._lock(found[1]),)])
        if (found := _RELEASE.fullmatch(text)) is not None:
            lock = self.stub.locks[found[1]]
            self.locks.remove(lock)
            lock.release()
            return tds.done()
        return self._security(text) or self._catalogue(text) or self._session(text) or self._statement(text)

    def _lock(self, name: str) -> int:
        lock = self.stub.locks.setdefault(name, threading.Lock())
        if not lock.acquire(timeout=20):
            return -1
        self.locks.append(lock)
        return 0

    def _security(self, text: str) -> bytes | None:
        if (found := _USER.fullmatch(text)) is not None:
            _, _, name, password = found.groups()
            if password is not None:
                self.stub.passwords[name] = password.replace("''", "'")
                self.session.execute("INSERT INTO stub.users VALUES (?)", [name])
        elif (found := _GRANT.fullmatch(text)) is not None:
            schema, view, name = found.groups()
            self.stub.grants.add((name, schema, view))
        elif (found := _REVOKE.fullmatch(text)) is not None:
            self.stub.grants = {grant for grant in self.stub.grants if grant[:2] != (found[2], found[1])}
        else:
            return None
        return tds.done()

    def _catalogue(self, text: str) -> bytes | None:
        if (found := _INDEXES.fullmatch(text)) is not None:
            query = "SELECT index_name FROM duckdb_indexes() WHERE schema_name = ? AND table_name = ?"
            return self._told(self.session.execute(query, list(found.groups())))
        for view, names in _NAMES.items():
            if text.startswith(f"SELECT count(*) FROM {view} WHERE name = N'"):
                name = text.rpartition("N'")[2].rstrip("'")
                column, _, source = names.partition(" FROM ")
                query = f"SELECT count(*) FROM {source} WHERE {column} = ?"
                return self._told(self.session.execute(query, [name]))
        return None

    def _session(self, text: str) -> bytes | None:
        if text.startswith("SET "):
            return tds.done()
        if text == "BEGIN TRANSACTION":
            self._run("BEGIN TRANSACTION")
            self.in_transaction = True
            return tds.done()
        if text in {"COMMIT TRANSACTION", "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"}:
            if self.in_transaction:
                self._run("COMMIT" if text.startswith("COMMIT") else "ROLLBACK")
            self.in_transaction = False
            return tds.done()
        return None

    def _statement(self, text: str) -> bytes:
        parsed, translated = _translated(text)
        self._must_be_allowed(parsed)
        found = self._run(translated)
        if isinstance(parsed, exp.Query):
            return self._told(found)
        counted = isinstance(parsed, exp.Insert | exp.Delete)
        return tds.done(found.fetchall()[0][0]) if counted else tds.done()

    def _must_be_allowed(self, parsed: exp.Expr) -> None:
        if self.user == LOADER:
            return
        for table in parsed.find_all(exp.Table):
            granted = (self.user, table.db, table.name) in self.stub.grants
            if table.db.upper() != "INFORMATION_SCHEMA" and not (granted and isinstance(parsed, exp.Query)):
                action = type(parsed).__name__.upper()
                said = f"The {action} permission was denied on the object '{table.name}', database 'crm'."
                raise SqlError(_DENIED, said, _SEVERE)

    def _run(self, text: str) -> duckdb.DuckDBPyConnection:
        try:
            found: duckdb.DuckDBPyConnection = self.session.execute(text)
        except duckdb.CatalogException as error:
            raise SqlError(_UNKNOWN, f"Invalid object name: {str(error)[:200]}") from None
        except duckdb.Error as error:
            raise SqlError(_OTHER, str(error)[:300]) from None
        return found

    def _told(self, found: duckdb.DuckDBPyConnection) -> bytes:
        columns = [_column(each[0], str(each[1])) for each in found.description or ()]
        return tds.result(columns, found.fetchall())

    def _described(self, name: str) -> bytes:
        """Return what the driver asks before a bulk copy: transactions, the columns, their collations."""
        found = self._run(f"SELECT * FROM {_duck_name(name)} LIMIT 0")
        columns = [_column(each[0], str(each[1])) for each in found.description or ()]
        collations = [
            (number, each.name, tds.COLLATION if each.kind == "text" else None, "Latin1_General_100_BIN2")
            for number, each in enumerate(columns, 1)
        ]
        kinds = (Column("colid", "integer"), Column("name", "text"), Column("tds", "bytes"), Column("name2", "text"))
        return (
            tds.result([Column("", "integer")], [(0,)], more=True)
            + tds.result(columns, [], more=True)
            + tds.result(kinds, collations)
        )

    def _bulk(self, content: bytes) -> bytes:
        names, rows = tds.read_bulk(content)
        if rows:
            self.session.register("copied", pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None))
            quoted = ", ".join(f'"{name}"' for name in names)
            self._run(f"INSERT INTO {self.destination} ({quoted}) SELECT * FROM copied")
        return tds.done(len(rows))


@lru_cache(1000)
def _translated(text: str) -> tuple[exp.Expr, str]:
    """Return a statement as it is read, and as DuckDB takes it."""
    try:
        (parsed,) = sqlglot.parse(_without_storage(text), read="tsql")
    except sqlglot.errors.ParseError as error:
        raise SqlError(_SYNTAX, f"Incorrect syntax: {str(error)[:200]}", 15) from None
    assert parsed is not None
    return parsed, re.sub(r" NULLS (?:FIRST|LAST)", "", parsed.sql(dialect="duckdb"))


def _without_headers(content: bytes) -> bytes:
    return content[int.from_bytes(content[:4], "little") :]


def _without_storage(text: str) -> str:
    """Return a statement without what DuckDB has not: collations, clustering, the names of keys."""
    plain = re.sub(r" COLLATE \w+| (?:NON)?CLUSTERED\b|CONSTRAINT (?:\[.+?\]|\S+) (?=PRIMARY)|\(max\)", "", text)
    plain = re.sub(r"\bBIT\b", "BOOLEAN", plain)
    return re.sub(r"^(ALTER TABLE .+?) ADD ", r"\1 ADD COLUMN ", plain)


def _duck_name(name: str) -> str:
    return re.sub(r"\[(.+?)\]", r'"\1"', name)


def _column(name: str, kind: str) -> Column:
    if (digits := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind)) is not None:
        return Column(name, "decimal", (int(digits[1]), int(digits[2])))
    return Column(name, _KINDS.get(kind, "text"))


_KINDS = {
    "BIGINT": "integer",
    "INTEGER": "integer",
    "BOOLEAN": "flag",
    "DATE": "date",
    "TIMESTAMP": "time",
}
